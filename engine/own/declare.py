"""The decorator `activity`: what an activity of a project's own says of itself.

A function takes a model of what it is given and the `Call` it is made for, and gives a model of what it answers. Models
are pydantic's or dataclasses.
"""

import inspect
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, is_dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Literal, get_type_hints

from pydantic import BaseModel, TypeAdapter

from engine.calendar.durations import Duration

Idempotency = Literal["keyed", "safe to repeat", "once, in doubt is held"]
"""What a second attempt does: under the same key it has no second effect; it does no harm; or it must not be made."""
IDEMPOTENCIES = ("keyed", "safe to repeat", "once, in doubt is held")
LONGEST_TIMEOUT = 3600
"""Seconds that one attempt may take at most."""

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_REASON = re.compile(r"[a-z][a-z0-9_]{0,39}")
_EXAMPLE = re.compile(r"^ *```yaml\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_MOST_LETTERS = 60


class DeclarationError(Exception):
    """A declaration that cannot be used; the text says what was found and what was expected."""


class _WithReason(Exception):  # noqa: N818 -- its kinds name what happened
    def __init__(self, reason: str) -> None:
        if not _REASON.fullmatch(reason):
            raise ValueError("a reason is a word of small letters, digits and underscores, at most 40: it is shown")
        super().__init__(reason)
        self.reason = reason


class TryAgain(_WithReason):
    """It was surely not done, and is worth another try, not before `after` if that is known.

    `reason` is a stable word that is kept and shown, such as `too_busy`; never anything about a person.
    """

    def __init__(self, reason: str, *, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Refused(_WithReason):
    """It was surely not done, and never will be: the step fails, and goes on with its `on_failure`.

    `reason` is a stable word that is kept and shown, such as `not_a_member`; never anything about a person.
    """


@dataclass(frozen=True, slots=True)
class Call:
    """What an activity is called for.

    `key` is the same for every attempt at the same step, and no other step's: whoever is asked knows a repeated request
    by it. `at` is the logical instant (UTC). `customer` is the engine's own number of the customer,
    `customer_key` the shop's key, which may be an address, and `order` the shop's number of the order, if there is one.
    """

    key: str
    at: datetime
    attempt: int
    customer: int
    order: str | None = None
    customer_key: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """How attempts follow each other: the first pause doubles up to the longest.

    `attempts` limits them; without it they go on for as long as the playbook's steps are tried again.
    """

    first: str = "1s"
    longest: str = "10m"
    attempts: int | None = None


Function = Callable[[Any, Call], Any]


@dataclass(frozen=True)
class OwnActivity:
    """A declared activity; calling it calls the function."""

    name: str
    title: str
    idempotency: Idempotency
    timeout: int
    """Seconds that one attempt may take."""
    first_pause: int
    longest_pause: int
    attempts: int
    """0: as many as fit into the time for which a step is tried again."""
    function: Function
    given: Any
    """The type of what it takes."""
    answer: Any
    """The type of what it gives; None: nothing."""

    def __call__(self, given: Any, call: Call) -> Any:  # noqa: ANN401 - the function's own types
        """Calls the function."""
        return self.function(given, call)

    @property
    def is_async(self) -> bool:
        """Whether the function is a coroutine; others run in threads of their own."""
        return inspect.iscoroutinefunction(self.function)

    @cached_property
    def takes(self) -> TypeAdapter[Any]:
        """Reads what it is given."""
        return TypeAdapter(self.given)

    @cached_property
    def gives(self) -> TypeAdapter[Any]:
        """Reads and writes what it answers."""
        return TypeAdapter(self.answer)

    @property
    def line(self) -> int:
        """The function's line in its file."""
        return self.function.__code__.co_firstlineno

    @property
    def description(self) -> str:
        """The docstring without its example."""
        return _EXAMPLE.sub("", inspect.getdoc(self.function) or "").strip()

    @property
    def example(self) -> str:
        """The YAML of the docstring; empty if there is none."""
        found = _EXAMPLE.search(f"{inspect.getdoc(self.function) or ''}\n")
        return inspect.cleandoc(found[1]) if found else ""


def activity(
    *,
    name: str,
    title: str,
    idempotency: Idempotency,
    timeout: str = "10s",
    retry: Retry = Retry(),
) -> Callable[[Function], OwnActivity]:
    """Declares an activity that the step `call` runs.

    ```python
    @activity(name="loyalty-points", title="Gives loyalty points.", idempotency="keyed", timeout="10s")
    async def loyalty_points(given: Points, call: Call) -> Balance: ...
    ```

    Args:
        name: what rules call it: small letters, digits and dashes.
        title: what it does, in a sentence.
        idempotency: what a second attempt does.
        timeout: how long one attempt may take, such as `10s`; at most an hour.
        retry: how attempts follow each other.

    Raises:
        DeclarationError: something of it cannot be used.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > _MOST_LETTERS:
        raise DeclarationError(
            f"found name={name!r}; expected small letters, digits and dashes, such as loyalty-points"
        )
    if not isinstance(title, str) or not title.strip():
        raise DeclarationError(f"found title={title!r}; expected what {name} does, in a sentence")
    if idempotency not in IDEMPOTENCIES:
        raise DeclarationError(f"found idempotency={idempotency!r}; expected one of {', '.join(IDEMPOTENCIES)}")
    seconds = _seconds("timeout", timeout, LONGEST_TIMEOUT)
    first, longest = _seconds("retry.first", retry.first, 86400), _seconds("retry.longest", retry.longest, 86400)
    if longest < first:
        raise DeclarationError(f"found retry.longest={retry.longest}; expected no less than retry.first={retry.first}")
    if retry.attempts is not None and retry.attempts < 1:
        raise DeclarationError(f"found retry.attempts={retry.attempts}; expected at least 1")

    def declared(function: Function) -> OwnActivity:
        given, answer = _types(name, function)
        made = OwnActivity(
            name, title.strip(), idempotency, seconds, first, longest, retry.attempts or 0, function, given, answer
        )
        if not made.example:
            raise DeclarationError(f"found no example; expected a ```yaml block in the docstring of {name}")
        return made

    return declared


def _seconds(what: str, text: str, most: int) -> int:
    try:
        seconds = Duration.parse(text).seconds
    except (TypeError, ValueError):
        seconds = 0
    if not 0 < seconds <= most:
        raise DeclarationError(f"found {what}={text!r}; expected a duration such as 10s, at most {most} seconds")
    return seconds


def _types(name: str, function: Callable[..., Awaitable[Any] | Any]) -> tuple[Any, Any]:
    """What it takes and gives."""
    taken = [each for each in inspect.signature(function).parameters.values() if each.kind is not each.KEYWORD_ONLY]
    hints = get_type_hints(function)
    given = hints.get(taken[0].name) if taken else None
    if len(taken) != 2 or hints.get(taken[1].name) is not Call:
        raise DeclarationError(f"found another signature; expected def {function.__name__}(given: MODEL, call: Call)")
    if not _is_model(given):
        raise DeclarationError(f"found given: {_shown(given)}; expected a pydantic model or a dataclass for {name}")
    answer = hints.get("return")
    if "return" not in hints or not (answer is type(None) or _is_model(answer)):
        raise DeclarationError(f"found -> {_shown(answer)}; expected a pydantic model, a dataclass or None for {name}")
    return given, answer


def _is_model(annotation: Any) -> bool:  # noqa: ANN401 - an annotation
    return isinstance(annotation, type) and (issubclass(annotation, BaseModel) or is_dataclass(annotation))


def _shown(annotation: Any) -> str:  # noqa: ANN401 - an annotation
    return "nothing" if annotation is None else getattr(annotation, "__name__", str(annotation))
