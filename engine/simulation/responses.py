"""Assumed responses at work: who opens, clicks and orders because of a message, drawn by hash.

A draw is a hash of the seed and of the message: the same in every run and in any number of processes, and not moved by
what other playbooks do. Whatever is drawn is counted apart, as assumed.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from engine.attributes.facts import Row
from engine.conditions.operands import microseconds
from engine.language.responses import ALL, Responses, Share
from engine.simulation.history import Happened, column
from engine.simulation.send import Message

if TYPE_CHECKING:
    from engine.simulation.journey import Journey

_SECOND = 1_000_000
ASSUMED_ORDER = "assumed"
"""What the number of an order begins with that nobody has placed."""


@dataclass(frozen=True, slots=True)
class Response:
    """One that was drawn: `opened`, `clicked` or `ordered`, at an instant in microseconds."""

    playbook: str
    step: str
    what: str
    at: int


@dataclass
class Drawn:
    """The responses of one customer."""

    model: Responses
    responses: list[Response] = field(default_factory=list)
    orders: list[Happened] = field(default_factory=list)
    """The events of assumed orders."""

    def of(self, journey: "Journey", message: Message, at: datetime) -> Mapping[str, int]:
        """What comes of a message that is sent now: after how many seconds it is opened and clicked.

        An order that comes of it is told as the customer's.
        """
        standing = journey.around.history.standing
        fitting = (
            each
            for each in self.model.shares
            if each.fits(message.playbook, message.channel, standing.segments, standing.stage)
        )
        share = next(fitting, None)
        if share is None:
            return {}
        draw = _Draw(self.model.seed, _key(journey, message))
        found = dict(self._read(share, draw))
        now = microseconds(at)
        for what, seconds in found.items():
            self._note(message, what, now + seconds * _SECOND)
        if draw("order") < share.order:
            self._order(journey, message, now + draw.after("order after", self.model.order_within) * _SECOND)
        return found

    def _read(self, share: Share, draw: "_Draw") -> Iterator[tuple[str, int]]:
        """By one draw: whoever clicks has opened."""
        one = draw("open")
        if one < share.open:
            opened = draw.after("open after", self.model.open_within)
            yield "opened", opened
            if one < share.click:
                yield "clicked", opened + draw.after("click after", self.model.click_within)

    def _order(self, journey: "Journey", message: Message, at: int) -> None:
        """An order placed and paid, of which nothing else is known: no amount, no goods, no delivery."""
        history = journey.around.history
        number = len(self.orders) // 2 + 1
        history.add(
            "orders", at, order_id=-number, number=f"{ASSUMED_ORDER}-{number}", paid_at=at, told_at=at, counts=True
        )
        self.orders += [history.tell(kind, at, {}) for kind in ("order.placed", "order.paid")]
        self._note(message, "ordered", at)

    def _note(self, message: Message, what: str, at: int) -> None:
        self.responses.append(Response(message.playbook, message.step, what, at))


@dataclass(frozen=True)
class _Draw:
    """Numbers from 0 to a million, each by its name."""

    seed: int
    key: str

    def __call__(self, name: str) -> int:
        return self._number(name) % ALL

    def after(self, name: str, seconds: int) -> int:
        """A time of at least a second and at most so many."""
        return 1 + self._number(name) % seconds

    def _number(self, name: str) -> int:
        digest = hashlib.sha256(f"responses/{self.seed}/{name}/{self.key}".encode()).digest()
        return int.from_bytes(digest[:8])


def _key(journey: "Journey", message: Message) -> str:
    """Names a message by what no other playbook moves: whose it is, its journey's subject and beginning, its step."""
    customer, subject = journey.around.history.person("key"), journey.subject
    began = journey.started_at.isoformat()
    return f"{customer}/{message.playbook}/{subject.kind}-{subject.key}/{began}/{message.step}/{message.iteration}"


def count_assumed(drawn: Drawn | None, journeys: "list[Journey]", to: datetime) -> Counter[tuple[str, str, str]]:
    """What was assumed of a customer, by playbook, step and what (opened, clicked, ordered) up to the window's end.

    Without a step: `goal`, journeys whose goal was reached by assumed orders alone, and `stopped`, journeys that only
    such an order has stopped.
    """
    found: Counter[tuple[str, str, str]] = Counter()
    if drawn is None:
        return found
    found.update((each.playbook, each.step, each.what) for each in drawn.responses if each.at < microseconds(to))
    if drawn.orders:
        for journey in journeys:
            found.update((journey.plan.playbook, "", what) for what in _because(drawn, journey, to))
    return found


def reached_as_assumed(drawn: Drawn | None, journey: "Journey", to: datetime) -> bool:
    """Whether a journey's goal was reached in its time, and would not have been without assumed orders."""
    goal = journey.plan.goal
    if goal is None or drawn is None or not drawn.orders:
        return False
    until = min(journey.started_at + timedelta(seconds=goal.within), to)
    reached = journey.occurred(goal.any, until) is not None
    return reached and journey.occurred(goal.any, until, without=drawn.orders) is None


def is_assumed(row: Row) -> bool:
    """Whether an order's row tells of one that nobody has placed."""
    return str(column("orders", "number", row)).startswith(f"{ASSUMED_ORDER}-")


def _because(drawn: Drawn, journey: "Journey", to: datetime) -> Iterator[str]:
    ended = journey.ended
    if reached_as_assumed(drawn, journey, to):
        yield "goal"
    if ended is not None and ended.state == "stopped":
        stop = journey.plan.stop
        if journey.occurred(stop, ended.at) and not journey.occurred(stop, ended.at, without=drawn.orders):
            yield "stopped"


def in_words(responses: Responses | None) -> Iterator[str]:
    """What is assumed, a sentence for each share, in the order in which they count."""
    if responses is None:
        return
    for share in responses.shares:
        parts = ((share.open, "open"), (share.click, "click"), (share.order, "order because of it"))
        said = ", ".join(f"{_percent(many)} {what}" for many, what in parts if many) or "none responds"
        yield f"{said} ({_of(share)}; seed {responses.seed}), which nobody has done"


def _percent(millionths: int) -> str:
    return f"{100 * millionths / ALL:.4f}".rstrip("0").rstrip(".") + " %"


def _of(share: Share) -> str:
    named = (("", share.playbooks), ("segment ", share.segments), ("stage ", share.stages), ("by ", share.channels))
    listed = [f"{what}{' or '.join(names)}" for what, names in named if names is not None]
    return ", ".join(listed) or "of all others"
