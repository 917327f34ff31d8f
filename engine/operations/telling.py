"""Events told from outside: each is taken, known already, or refused and kept, and its teller is told so.

A batch has one transaction; where that fails, each of its events has one of its own. So what is wrong with one concerns
no other, and to tell a batch again is safe.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import psycopg

from engine.dispatch.accept import accept_json, accept_together
from engine.dispatch.match import Matcher
from engine.facts.events import Recorded, Refused, Violation
from engine.logs import described

Connection = psycopg.Connection[Any]
Ruling = Callable[[Connection], Matcher]
"""Gives the rules in force, asked in the transaction that takes an event in."""
Fate = Literal["accepted", "known", "refused"]

TOGETHER = 200
"""Events of one transaction: they wait for one commit, and lock their customers until then."""
_TRIES = 3
_IN_EACH_OTHERS_WAY = (
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
    psycopg.errors.UniqueViolation,  # another transaction has told the same event, or an order of the same number
    psycopg.errors.ForeignKeyViolation,
)
log = logging.getLogger("regulars.events")
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
        return accept_json(connection, _ruling(connection, matcher), told, now)

    return _answered(told, _insisting(connection, take))


def tell_all(
    connection: Connection, matcher: Matcher | Ruling, told: Sequence[object], clock: Callable[[], datetime]
) -> Iterator[Answer | Exception]:
    """Takes several in, with the results of one by one, and commits; gives the answer of each in its order.

    As many as `TOGETHER` share a transaction. If it fails, whatever for, it is undone and its events are told one by
    one: what is wrong with one of them concerns no other, and is given in place of its answer.

    Raises:
        psycopg.OperationalError: the database is away.
    """
    for start in range(0, len(told), TOGETHER):
        yield from _told_together(connection, matcher, told[start : start + TOGETHER], clock)


def _told_together(
    connection: Connection, matcher: Matcher | Ruling, told: Sequence[object], clock: Callable[[], datetime]
) -> list[Answer | Exception]:
    if len(told) > 1:
        try:
            with connection.transaction():
                outcomes = accept_together(connection, _ruling(connection, matcher), told, clock())
            return [_answered(each, outcome) for each, outcome in zip(told, outcomes, strict=True)]
        except Exception as error:
            # Whatever one event has met, the others can be told without it.
            if isinstance(error, psycopg.OperationalError) and connection.closed:
                raise
            log.info("a batch of %d events is told one by one", len(told), extra=described(error))
    return [_told_alone(connection, matcher, each, clock()) for each in told]


def _told_alone(connection: Connection, matcher: Matcher | Ruling, told: object, now: datetime) -> Answer | Exception:
    try:
        return tell(connection, matcher, told, now)
    except psycopg.OperationalError:
        raise
    except Exception as error:  # noqa: BLE001 -- one event that meets a mistake of ours must not take the others along
        return error


def _ruling(connection: Connection, matcher: Matcher | Ruling) -> Matcher:
    return matcher if isinstance(matcher, Matcher) else matcher(connection)


def _insisting(connection: Connection, work: Callable[[], Recorded | Refused]) -> Recorded | Refused:
    """In a transaction, again if two got into each other's way: an event may concern what another has locked."""
    for _ in range(_TRIES - 1):
        try:
            return _committed(connection, work)
        except _IN_EACH_OTHERS_WAY:
            continue
    return _committed(connection, work)


def _committed(connection: Connection, work: Callable[[], Recorded | Refused]) -> Recorded | Refused:
    if connection.autocommit:
        with connection.transaction():
            return work()
    # The commit goes with the last statements, so that the database is waited for once.
    try:
        with connection.pipeline():
            outcome = work()
            connection.execute("commit")  # `commit()` waits for an answer of its own before that of the pipeline's end
    except BaseException:
        if not connection.closed:
            connection.rollback()
        raise
    return outcome


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
