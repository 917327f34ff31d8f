"""Jinja2 for message templates: strict, closed and bounded.

A template is written by an operator and filled with values that strangers chose, so it may read the values it is given
and nothing else, and it must end. Jinja's own sandbox closes the interpreter's internals, but not the way to a loop
without end or a text without bounds. Hence:

- attributes are read from an explicit list of types, and only macros, blocks and loop helpers can be called: no method
  of any object is reachable, so none can be abused;
- loop turns, calls, includes and characters are paid from the message's `Budget`;
- an unknown value (None) cannot be printed by accident: `{{ x | default("…") }}` or an `if` says what to do.
"""
# ruff: noqa: ANN401 -- the values of templates are of any type

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from decimal import Decimal
from functools import lru_cache, partial, wraps
from types import CodeType
from typing import Any

from babel import Locale
from jinja2 import BaseLoader, Environment, StrictUndefined, Template, TemplateNotFound, UndefinedError
from jinja2.environment import TemplateModule
from jinja2.filters import FILTERS
from jinja2.runtime import BlockReference, Context, LoopContext, Macro, TemplateReference, Undefined, markup_join
from jinja2.sandbox import ImmutableSandboxedEnvironment, safe_range
from jinja2.utils import missing, pass_context

from engine.messages.budget import Budget, BudgetSpent, check_length
from engine.messages.closing import JOIN, SCALAR, TURNS, NotOffered, close
from engine.messages.formats import FormatError, Formats, kind
from engine.messages.templates import Part
from engine.money import Money

MAX_SOURCE = 128 * 1024
_MAX_LIST = 10_000
_MAX_NUMBER = 10**18

_PLAIN = ("abs", "capitalize", "count", "e", "escape", "first", "int", "last", "length", "list", "lower", "max", "min")
_MORE = ("sort", "title", "trim", "truncate", "unique", "upper", "urlencode")
_READABLE: tuple[tuple[type, frozenset[str]], ...] = (
    (Money, frozenset({"minor", "currency", "amount"})),
    (
        LoopContext,
        frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length", "cycle", "changed"})
        | {"previtem", "nextitem"},
    ),
)


class MessageEnvironment(ImmutableSandboxedEnvironment):
    """The templates of one message, with its budget and formats. `escape` is for HTML."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self, files: Mapping[str, str], formats: Formats, budget: Budget, *, escape: bool) -> None:
        super().__init__(
            loader=_Files(files),
            autoescape=escape,
            undefined=_Missing,
            finalize=self._finalize,
            cache_size=0,
            optimized=False,  # a constant is written by the message's locale, not by the one it was compiled under
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self.formats = formats
        self.budget = budget
        self.concat = _concat  # type: ignore[method-assign]  # Jinja's seam: compiled code asks for it
        self.globals = {"range": safe_range}
        self.filters = {name: _bounded(FILTERS[name]) for name in (*_PLAIN, *_MORE)}
        self.filters |= {name: _bounded(each) for name, each in formats.filters().items()}
        self.filters |= {"default": _default, "d": _default, "join": self._join}
        self.filters |= {TURNS: self._turns, JOIN: self._join_all, SCALAR: _scalar}

    def part(self, part: Part) -> Template:
        """A piece of a template file, compiled; its lines are counted as in the file."""
        source = "{#" + "\n" * (part.line - 1) + "#}" + part.source if part.line > 1 else part.source
        return self.compiled(part.name, source)

    def compiled(self, name: str, source: str) -> Template:
        """A template from its source."""
        self.budget.step()
        code = _compile(name, source, escape=bool(self.autoescape))
        return self.template_class.from_code(self, code, self.make_globals(None))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Values by their names; never a method or an internal of an object."""
        if isinstance(_known(obj), Mapping):
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        if isinstance(obj, TemplateReference):
            return self._block(obj, attribute)
        if any(isinstance(obj, each) and attribute in names for each, names in _READABLE):
            return getattr(obj, attribute)
        if isinstance(obj, TemplateModule) and not attribute.startswith("_"):
            return getattr(obj, attribute, self.undefined(obj=obj, name=attribute))
        return self.undefined(obj=obj, name=attribute)

    def _block(self, blocks: TemplateReference, name: str) -> Any:
        try:
            return blocks[name]
        except LookupError:
            return self.undefined(obj={}, name=name)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Items of groups and lists, pieces of texts; nothing else has any."""
        by_place = isinstance(_known(obj), list | tuple | str) and isinstance(argument, int | slice)
        if by_place or isinstance(obj, Mapping):
            try:
                return obj[argument]
            except (TypeError, LookupError):
                return self.undefined(obj=obj, name=argument)
        return self.getattr(obj, argument) if isinstance(argument, str) else self.undefined(obj=obj, name=argument)

    def is_safe_callable(self, obj: Any) -> bool:
        """Macros, blocks, `range`, and the helpers of a loop."""
        owner = getattr(obj, "__self__", None)
        return isinstance(obj, Macro | BlockReference) or obj is safe_range or isinstance(owner, LoopContext)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805, PYI063 -- Jinja's
        """Pays for every call, so that a macro that calls itself ends."""
        __self.budget.step()
        _known(__obj)
        if not __self.is_safe_callable(__obj):
            raise NotOffered("a call of something that is no macro")
        return __context.call(__obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic on numbers, `+` on texts and lists, all of bounded size."""
        del context
        if operator == "+" and isinstance(_known(left), list) and isinstance(_known(right), list):
            return _short_list(left) + _short_list(right)
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return self._join_all([left, right])
        if operator == "**":
            raise NotOffered("the operator **")
        return self.binop_table[operator](*_numbers(operator, left, right))

    @pass_context
    def _finalize(self, context: Context, value: Any) -> str:
        del context  # asked for, because without it Jinja would print constants while it compiles
        written = self._written(value)
        self.budget.printed(len(written))
        return written

    def _written(self, value: Any) -> str:
        value = _known(value)
        if isinstance(value, str):
            return value
        if isinstance(value, Money):
            return self.formats.money(value)
        if isinstance(value, int | Decimal | float) and not isinstance(value, bool):
            return str(value) if isinstance(value, int) else self.formats.number(value)
        raise FormatError(kind(value), "a text, a number or an amount")

    def _turns(self, items: Any) -> Iterator[Any]:
        if isinstance(_known(items), str) or not isinstance(items, Iterable):
            raise FormatError(kind(items), "a list")
        for item in items:
            self.budget.step()
            yield item

    def _join_all(self, parts: Iterable[Any]) -> str:
        """Joins `a ~ b`, counted before it is made."""
        written = [self._written(part) for part in parts]
        check_length(sum(map(len, written)))
        return markup_join(written)

    def _join(self, items: Iterable[Any], separator: str = "") -> str:
        parts: list[Any] = []
        for item in self._turns(items):
            parts += [separator, item] if parts else [item]
        return self._join_all(parts)


class _Files(BaseLoader):
    """Loads from the rules' files in memory; never from the file system."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files

    def load(
        self,
        environment: Environment,
        name: str,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002 -- Jinja's
    ) -> Template:
        """A template that another one includes or extends."""
        del globals
        assert isinstance(environment, MessageEnvironment)
        if name not in self._files:
            raise TemplateNotFound(name)
        return environment.compiled(name, self._files[name])


class UnknownName(UndefinedError):  # noqa: N818 -- it is what happened; operators see a TemplateError
    """A name that is not among the values; `names` are those that are, None if the owner is no group of values."""

    def __init__(self, message: str | None, *, name: str, owner: str, names: tuple[str, ...] | None) -> None:
        super().__init__(message)
        self.name = name
        self.owner = owner
        self.names = names


class _Missing(StrictUndefined):
    """Raises `UnknownName` whatever is done with it."""

    __slots__ = ()

    def __init__(self, hint: str | None = None, obj: Any = missing, name: str | None = None, *_: Any) -> None:
        super().__init__(hint, obj, name)
        names = tuple(sorted(map(str, obj))) if isinstance(obj, Mapping) else None
        owner = "" if obj is missing else kind(obj)
        refuse = partial(UnknownName, name=str(name), owner=owner, names=names)
        self._undefined_exception = refuse  # type: ignore[assignment]  # Jinja only ever calls it with a message


@lru_cache(maxsize=1024)
def _compile(name: str, source: str, *, escape: bool) -> CodeType:
    """Compiles once for all customers; the code asks its environment for everything else."""
    if len(source) > MAX_SOURCE:
        raise BudgetSpent(f"a template of more than {MAX_SOURCE // 1024} KB")
    environment = MessageEnvironment({}, Formats(Locale("en")), Budget(), escape=escape)
    return environment.compile(close(environment.parse(source, name, name)), name, name)


def _known(value: Any) -> Any:
    if isinstance(value, Undefined):
        str(value)  # raises, and says which name is missing
    return value


def _concat(parts: Iterable[str]) -> str:
    """What blocks and macros wrote, counted on the way."""
    kept, length = [], 0
    for part in parts:
        length += len(part)
        check_length(length)
        kept.append(part)
    return "".join(kept)


def _bounded(filter_: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(filter_)
    def counted(*args: Any, **kwargs: Any) -> Any:
        result = filter_(*args, **kwargs)
        if isinstance(result, str):
            check_length(len(result))
        return _short_list(result) if isinstance(result, list) else result

    return counted


def _short_list(items: list[Any]) -> list[Any]:
    if len(items) > _MAX_LIST:
        raise BudgetSpent(f"a list of more than {_MAX_LIST} items")
    return items


def _default(value: Any, instead: Any = "", only_if_false: bool = False) -> Any:  # noqa: FBT001, FBT002 -- as Jinja's
    """Stands in for an unknown value, and for an empty one if asked; not for a name that does not exist."""
    return instead if _known(value) is None or (only_if_false and not value) else value


def _scalar(value: Any) -> Any:
    if isinstance(value, Iterable) and not isinstance(value, str | Undefined):
        raise NotOffered("a list within a list")
    return value


def _numbers(operator: str, *sides: Any) -> list[Any]:
    for side in sides:
        if isinstance(_known(side), bool) or not isinstance(side, int | float | Decimal):
            raise FormatError(f"{kind(side)} beside {operator}", "a number")
        if abs(Decimal(side)) > _MAX_NUMBER:
            raise BudgetSpent("a number beyond 10^18")
    exact = any(isinstance(side, Decimal) for side in sides)
    return [Decimal(str(side)) if exact else side for side in sides]
