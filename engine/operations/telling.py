"""Events told from outside, one by one: each is taken, known already, or refused and kept, and its teller is told so.

Each has a transaction of its own, so what is wrong with one concerns no other, and to tell a batch again is safe.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import psycopg

from engine.dispatch.accept import accept_json
from engine.dispatch.match import Matcher
from engine.facts.events import Recorded, Refused, Violation

Connection = psycopg.Connection[Any]
Ruling = Callable[[Connection], Matcher]
"""Gives the rules in force, asked in the transaction that takes an event in."""
Fate = Literal["accepted", "known", "refused"]

_TRIES = 3
_MEND = "mend it and tell it again under the same key"
# Where an event names what a refusal found wanting, and what is expected there.
_PLACES = {
    "unknown_shop": ("shop", "a shop that is known"),
    "unknown_customer": ("customer", "a customer who is known"),
    "unknown_order": ("order", "an order that is known"),
    "unknown_case": ("data/case", "a case that is known"),
    "unknown_return": ("data/return", "a return that is known"),
    "unknown_coupon": ("data/coupon", "a code of a pool"),
    "unknown_shipment": ("data/shipment", "a parcel that is known"),
    "unknown_message": ("data/message", "a message that was sent from here"),
    "other_customer": ("customer", "the one whose order, case or message it is"),
    "mixed_currencies": ("data", "one currency"),
}


@dataclass(frozen=True)
class Answer:
    """What became of one event.

    A refused one is kept under `refused_id`; the arrival of what it `waits_for` makes it a fact.
    """

    fate: Fate
    key: str | None
    event_id: int | None = None
    notes: tuple[str, ...] = ()
    code: str | None = None
    problems: tuple[Violation, ...] = ()
    waits_for: str | None = None
    refused_id: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As the shop is told; what does not apply is left out."""
        told: dict[str, Any] = {"key": self.key, "answer": self.fate}
        if self.fate != "refused":
            told["event"] = self.event_id
            return told | ({"notes": list(self.notes)} if self.notes else {})
        problems = [
            {"place": each.path, "found": each.found, "expected": each.expected, "hint": each.hint or _MEND}
            for each in self.problems
        ]
        told |= {"code": self.code, "problems": problems, "kept": self.refused_id}
        return told | ({"waits_for": self.waits_for} if self.waits_for else {})


def tell(connection: Connection, matcher: Matcher | Ruling, told: object, now: datetime) -> Answer:
    """Takes one event in, with all that follows from it, and commits.

    Args:
        connection: outside a transaction.
        matcher: the rules in force and the contracts of events, or who gives them in the event's transaction.
        told: the event as JSON data.
        now: the record instant.
    """

    def take() -> Recorded | Refused:
        ruling = matcher if isinstance(matcher, Matcher) else matcher(connection)
        return accept_json(connection, ruling, told, now)

    return _answered(told, _insisting(connection, take))


def tell_all(
    connection: Connection, matcher: Matcher | Ruling, told: Sequence[object], clock: Callable[[], datetime]
) -> list[Answer]:
    """Takes several in, in the order given."""
    return [tell(connection, matcher, each, clock()) for each in told]


def _insisting(connection: Connection, work: Callable[[], Recorded | Refused]) -> Recorded | Refused:
    """In a transaction, again if two got into each other's way: an event may concern what another has locked."""
    for _ in range(_TRIES - 1):
        try:
            with connection.transaction():
                return work()
        except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure):
            continue
    with connection.transaction():
        return work()


def _answered(told: object, outcome: Recorded | Refused) -> Answer:
    if isinstance(outcome, Recorded):
        named = told.get("key") if isinstance(told, dict) else None
        fate: Fate = "accepted" if outcome.fresh else "known"
        return Answer(fate, named, outcome.event_id, outcome.notes)
    return Answer(
        "refused",
        outcome.key,
        code=outcome.code,
        problems=outcome.violations or (_problem(outcome),),
        waits_for=outcome.waits_for,
        refused_id=outcome.refused_id,
    )


def _problem(refused: Refused) -> Violation:
    """A refusal for what the event is about, as one problem with a place."""
    hint = "it is kept, and becomes a fact when that arrives" if refused.waits_for else _MEND
    place, expected = _PLACES.get(refused.code, ("data", "what the contract describes"))
    return Violation(place, refused.reason, expected, hint)
