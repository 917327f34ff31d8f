"""Judges what became of every message, by the tables and the provider's ledger alone: nothing of the product is asked.

What was told, when workers were killed and servers were away comes from those who did it.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

_STEPS = ("first", "second", "third")
_SETTLED = ("sent", "skipped", "in_doubt")
_ANSWER_LATE = 1.0  # clocks of two processes on one machine, and the time between an answer and its note
_PATIENCE = 20.0  # a worker that lost Temporal or its database notices within this

_MESSAGES = """
select m.step, m.state, m.reason, m.key, m.attempts, o.number, j.state as journey,
       extract(epoch from m.at)::float8 as reserved, extract(epoch from m.updated_at)::float8 as updated
  from messages m join journeys j on j.id = m.journey_id join orders o on o.id = j.order_id order by m.id
"""
_JOURNEYS = """
select j.workflow_id, j.state, j.outcome, o.number
  from orders o left join journeys j on j.order_id = o.id order by o.id, j.id
"""
_PAID = "select o.number from events e join orders o on o.id = e.order_id where e.kind = 'order.paid'"
_OPEN = "select count(*) as open from outbox where done_at is null"


@dataclass(frozen=True)
class Told:
    """What the shop told and had committed, by order number, in seconds since the epoch."""

    placed: Mapping[str, float]
    paid: Mapping[str, float]


@dataclass(frozen=True)
class Havoc:
    """When each worker ended, by name, and when servers were away, from and until; seconds since the epoch."""

    killed: Mapping[str, float] = field(default_factory=dict)
    away: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True)
class Violation:
    """One promise that was broken."""

    promise: str
    of: str


LOST = "messages lost"
TWICE = "messages accepted twice"
KEYS = "messages handed over under two keys"
UNLISTED = "messages accepted without being recorded or listed in doubt"
UNJUSTIFIED = "doubts without a cause"
AFTER_STOP = "messages accepted that were reserved after the stop"
PROMISES = (LOST, TWICE, KEYS, UNLISTED, UNJUSTIFIED, AFTER_STOP)


@dataclass(frozen=True)
class Verdict:
    """Every violation, and how many messages ended in each state."""

    violations: tuple[Violation, ...]
    states: Mapping[str, int]
    reasons: Mapping[str, int]
    journeys: Mapping[str, int]
    acceptances: int
    repeats: int
    answers: Mapping[str, int]

    def count(self, promise: str) -> int:
        """How often it was broken."""
        return sum(violation.promise == promise for violation in self.violations)


def judge(url: str, ledger: Path, told: Told, havoc: Havoc, *, keyed: bool) -> Verdict:
    """Reads everything and judges. `keyed`: the provider takes keys, so nothing may be in doubt."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        messages = connection.execute(_MESSAGES).fetchall()
        journeys = connection.execute(_JOURNEYS).fetchall()
        paid = {row["number"] for row in connection.execute(_PAID)}
        opened = connection.execute(_OPEN).fetchone()
    book = sqlite3.connect(ledger)
    book.row_factory = sqlite3.Row
    contacts = [dict(row) for row in book.execute("select * from contacts order by id")]
    taken = [dict(row) for row in book.execute("select * from acceptances order by id")]
    book.close()
    found = _Found(messages, journeys, paid, contacts, taken)
    violations = [*_Judging(found, told, havoc, keyed=keyed).violations(), *_open(opened)]
    return Verdict(
        tuple(violations),
        Counter(row["state"] for row in messages),
        Counter(f"{row['state']}: {row['reason']}" for row in messages if row["reason"]),
        Counter(row["state"] or "none" for row in journeys),
        sum(row["effect"] for row in taken),
        sum(not row["effect"] for row in taken),
        Counter(row["answer"] for row in contacts),
    )


def _open(row: Mapping[str, Any] | None) -> Iterator[Violation]:
    for _ in range(row["open"] if row else 0):
        yield Violation(LOST, "a row of the outbox that Temporal was not told of")


@dataclass(frozen=True)
class _Found:
    """The rows that are judged."""

    messages: list[dict[str, Any]]
    journeys: list[dict[str, Any]]
    paid: set[str]
    contacts: list[dict[str, Any]]
    taken: list[dict[str, Any]]


class _Judging:
    """The questions, each a generator of violations."""

    def __init__(self, found: _Found, told: Told, havoc: Havoc, *, keyed: bool) -> None:
        self.messages = {f"{row['step']} {row['number']}": row for row in found.messages}
        self.doubled = len(found.messages) - len(self.messages)
        self.journeys, self.paid = found.journeys, found.paid
        self.told, self.havoc, self.keyed = told, havoc, keyed
        self.effects: Counter[str] = Counter()
        self.keys: dict[str, set[str]] = defaultdict(set)
        for row in found.taken:
            self.effects[row["message"]] += row["effect"]
            self.keys[row["message"]].add(row["key"])
        self.contacts: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in found.contacts:
            self.contacts[row["recipient"]].append(row)

    def violations(self) -> Iterator[Violation]:
        """All of them."""
        yield from self._over()
        yield from self._settled()
        yield from self._twice()
        yield from self._unlisted()
        yield from self._doubts()
        yield from self._after_stop()

    def _over(self) -> Iterator[Violation]:
        """Each order has one journey, which is over, by the payment if there was one in time."""
        of: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in self.journeys:
            of[row["number"]].append(row)
        for number in self.told.placed:
            states = [row["state"] for row in of.get(number, ())]
            if len(states) != 1 or states[0] not in {"ended", "stopped"}:
                yield Violation(LOST, f"order {number}: its journeys are {states}")
            elif states[0] == "stopped" and number not in self.told.paid:
                yield Violation(LOST, f"order {number}: stopped without a payment")
        for number in self.told.paid.keys() - self.paid:
            yield Violation(LOST, f"order {number}: its payment")

    def _settled(self) -> Iterator[Violation]:
        """Each message of a journey that went to its end is there, and none is left under way; sent is with it."""
        for _ in range(self.doubled):
            yield Violation(TWICE, "two rows of one message")
        for journey in self.journeys:
            for step in _STEPS:
                name = f"{step} {journey['number']}"
                row = self.messages.get(name)
                if row is None:
                    if journey["state"] == "ended":
                        yield Violation(LOST, f"{name}: it is not on record")
                elif row["state"] not in _SETTLED or (row["state"] != "sent" and not row["reason"]):
                    yield Violation(LOST, f"{name}: it is {row['state']}: {row['reason']}")
                elif row["state"] == "sent" and not self.effects[name]:
                    yield Violation(LOST, f"{name}: it is sent, and the provider never took it")

    def _twice(self) -> Iterator[Violation]:
        for name, effects in self.effects.items():
            if effects > 1:
                yield Violation(TWICE, f"{name}: {effects} times")
        for name, keys in self.keys.items():
            if len(keys) > 1:
                yield Violation(KEYS, f"{name}: {len(keys)} keys")

    def _unlisted(self) -> Iterator[Violation]:
        for name in self.effects:
            state = self.messages[name]["state"] if name in self.messages else "not on record"
            if state not in {"sent", "in_doubt"}:
                yield Violation(UNLISTED, f"{name}: it was accepted, and is {state}")

    def _doubts(self) -> Iterator[Violation]:
        """A provider with keys can always be asked again; a plain one leaves a doubt only where there is one."""
        for name, row in self.messages.items():
            if row["state"] == "in_doubt" and (self.keyed or not self._justified(name)):
                yield Violation(UNJUSTIFIED, f"{name}: {row['reason']}")

    def _justified(self, name: str) -> bool:
        """Somebody was in the middle of handing it over and did not hear, or did not live to write, the answer."""
        row = self.messages[name]
        handing = [
            each
            for each in self.contacts[_recipient(row["number"])]
            if each["message"] in {None, name} and row["reserved"] - _ANSWER_LATE <= each["began"] <= row["updated"]
        ]
        if row["reason"] == "worker_died":
            return any(self._interrupted(each, row["updated"]) for each in handing)
        return any(each["answered"] is None or each["answer"] in {"hung", "slow", "reset"} for each in handing)

    def _interrupted(self, contact: Mapping[str, Any], until: float) -> bool:
        killed = self.havoc.killed.get(contact["worker"])
        if killed is not None and contact["began"] - _ANSWER_LATE <= killed <= until + _ANSWER_LATE:
            return True
        return any(began <= until and contact["began"] <= ended + _PATIENCE for began, ended in self.havoc.away)

    def _after_stop(self) -> Iterator[Violation]:
        for name in self.effects:
            row = self.messages.get(name)
            if row is None:
                continue
            paid = self.told.paid.get(row["number"])
            if paid is not None and row["reserved"] > paid:
                yield Violation(AFTER_STOP, f"{name}: reserved {row['reserved'] - paid:.2f} s after the payment")
            elif paid is not None and self._began_to_leave(name) > paid:
                yield Violation(AFTER_STOP, f"{name}: handed over to a plain provider after the payment")

    def _began_to_leave(self, name: str) -> float:
        """A plain provider is spoken to before the last look at the journey; one with keys after it, at any time."""
        of = self.contacts[_recipient(name.split()[1])]
        return 0.0 if self.keyed else min((each["began"] for each in of if each["message"] == name), default=0.0)


def _recipient(number: str) -> str:
    return f"buyer-{number.removeprefix('F-')}@fire.test"
