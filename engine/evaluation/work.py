"""The work of one process of an evaluation: chunks of customers, read, judged and written by sets.

A process opens its own connection and compiles the rules once; chunks are lists of customers' numbers.
"""

import os
import resource
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg

from engine.conditions.operands import instant, microseconds
from engine.dispatch.held import hold
from engine.dispatch.in_force import MovedOnError, last
from engine.dispatch.match import Happening, Matcher
from engine.dispatch.standing import Read, Shift
from engine.dispatch.versions import StoredVersions
from engine.evaluation.columns import Columns, column_reader
from engine.evaluation.processes import end_with_maker
from engine.facts.event_contracts import load_contracts
from engine.facts.matching import EventMatcher
from engine.facts.pool import connect
from engine.facts.standing import Kept, Published, read_standings, row_versions, write_changes, write_standings
from engine.language.rules import Rules
from engine.standing.decide import Change, Standing
from engine.standing.judge import Judgement

Connection = psycopg.Connection[Any]
Noting = Callable[[Connection, "Tally"], None]
"""Told of what came of a chunk in the transaction that writes it."""


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of one customer by an evaluation of everybody at once.

    `fact_version`: of the facts that it follows; `row`: the version of the stored standing, None: there was none.
    """

    customer: int
    fact_version: int
    row: int | None
    standing: Standing
    next_flip: int | None
    stages: tuple[str, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Order:
    """What to evaluate, the same for all chunks. `write` false: nothing is stored, and no earlier standing counts."""

    rules: Rules
    currency: str | None
    as_of: datetime
    recorded_at: datetime
    write: bool
    start_existing: bool = False
    baseline: frozenset[str] = frozenset()


@dataclass
class Tally:
    """What came of some chunks: sizes by (kind, name), changes by (kind, from, to, cause), journeys."""

    customers: int = 0
    sizes: Counter[tuple[str, str]] = field(default_factory=Counter)
    changes: Counter[tuple[str, str | None, str | None, str]] = field(default_factory=Counter)
    started: list[int] = field(default_factory=list)
    """The journeys that start. Where the policy limits how many may at once, they are held until the end of the run."""
    again: int = 0
    """Customers whose facts changed between reading and writing: they were judged again."""
    unexpected: int = 0
    """Changes of stage that their rule does not allow."""
    several_stages: Counter[tuple[str, ...]] = field(default_factory=Counter)
    """Customers for whom several stages held, by these; the first one counts. None: ()."""
    peak: dict[int, int] = field(default_factory=dict)
    """Most memory of each process, in bytes."""

    def to_json(self) -> dict[str, Any]:
        """As JSON data."""
        return {
            "customers": self.customers,
            "sizes": [[*key, count] for key, count in self.sizes.items()],
            "changes": [[*key, count] for key, count in self.changes.items()],
            "started": self.started,
            "again": self.again,
            "unexpected": self.unexpected,
            "several_stages": [[list(key), count] for key, count in self.several_stages.items()],
            "peak": max(self.peak.values(), default=0),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], process: int = 0) -> "Tally":
        """What `to_json` gave, its memory being that of a process of this number."""
        return cls(
            customers=data["customers"],
            sizes=Counter({(kind, name): count for kind, name, count in data["sizes"]}),
            changes=Counter({(kind, old, new, cause): count for kind, old, new, cause, count in data["changes"]}),
            started=list(data["started"]),
            again=data["again"],
            unexpected=data["unexpected"],
            several_stages=Counter({tuple(stages): count for stages, count in data["several_stages"]}),
            peak={process: data["peak"]},
        )

    def add(self, other: "Tally") -> None:
        """Takes in what came of another chunk."""
        self.customers += other.customers
        self.sizes.update(other.sizes)
        self.changes.update(other.changes)
        self.started += other.started
        self.again += other.again
        self.unexpected += other.unexpected
        self.several_stages.update(other.several_stages)
        for process, peak in other.peak.items():
            self.peak[process] = max(self.peak.get(process, 0), peak)


class Work:
    """Reads, judges and writes chunks over one connection, which is in no transaction and stays the caller's."""

    def __init__(self, connection: Connection, order: Order) -> None:
        self._connection, self._order = connection, order
        versions = StoredVersions({order.rules.version: order.rules})
        self._matcher = Matcher(order.rules, versions, EventMatcher(load_contracts(), order.currency))
        self._standings = self._matcher.standings
        self._columns = column_reader(order.rules, self._standings)

    def columns(self, ids: Sequence[int]) -> Columns:
        """The values of these customers that cut-offs are computed from."""
        with self._connection.transaction():
            (columns,) = self._columns(self._connection, ids, [microseconds(self._order.as_of)])
            return columns

    def judge(self, ids: Sequence[int], published: Published | None, noting: Noting | None = None) -> Tally:
        """Judges these customers and, if it is to write, stores what was found, in one transaction with `noting`."""
        if not self._order.write:
            with self._connection.transaction():
                found = [(read, self._judged(read, None, published)) for read in self._read(ids)]
            return self._tally([judgement for _, judgement in found])
        with self._connection.transaction():
            versions = _fact_versions(self._connection, ids)
            kept = read_standings(self._connection, ids)
            judged = {
                read.facts.customer_id: self._judged(read, kept.get(read.facts.customer_id), published)
                for read in self._read(ids)
            }
        with self._connection.transaction():
            tally = self._write(versions, kept, judged, published)
            if noting is not None:
                noting(self._connection, tally)
            return tally

    def _read(self, ids: Sequence[int]) -> list[Read]:
        return self._standings.read(self._connection, ids)

    def _judged(self, read: Read, kept: Kept | None, published: Published | None) -> Judgement:
        at = max(microseconds(self._order.as_of), kept.standing.at if kept else 0)
        return self._standings.judged(read, at, kept, published)

    def _write(
        self,
        versions: dict[int, int],
        kept: dict[int, Kept],
        judged: dict[int, Judgement],
        published: Published | None,
    ) -> Tally:
        """Under the customers' locks: who has other facts or another standing by now is judged again."""
        ids = sorted(judged)
        now = _fact_versions(self._connection, ids, lock=True)
        self._still_in_force()
        stored = read_standings(self._connection, ids)
        moved = [each for each in ids if now[each] != versions[each] or stored.get(each) != kept.get(each)]
        self._judge_again(moved, judged, stored, published)
        tally = self._store(judged, stored, now, published)
        tally.again = len(moved)
        return tally

    def settle(self, said: Sequence[Said], published: Published | None, noting: Noting | None = None) -> Tally:
        """Stores what was said of these customers at once, in one transaction with `noting`.

        Whoever has other facts or another standing by now is judged again, and so is who stands by a later instant.
        """
        with self._connection.transaction():
            ids = [each.customer for each in said]
            now = _fact_versions(self._connection, ids, lock=True)
            self._still_in_force()
            stored, rows = read_standings(self._connection, ids), row_versions(self._connection, ids)
            judged: dict[int, Judgement] = {}
            moved, later = [], []
            for each in said:
                kept = stored.get(each.customer)
                if now[each.customer] != each.fact_version or rows.get(each.customer) != each.row:
                    moved.append(each.customer)
                elif kept is not None and kept.standing.at > each.standing.at:
                    later.append(each.customer)
                else:
                    judged[each.customer] = Judgement(each.standing, each.changes, each.next_flip, each.stages)
            self._judge_again([*moved, *later], judged, stored, published)
            tally = self._store(judged, stored, now, published)
            tally.again = len(moved)
            if noting is not None:
                noting(self._connection, tally)
            return tally

    def _judge_again(
        self, ids: Sequence[int], judged: dict[int, Judgement], stored: dict[int, Kept], published: Published | None
    ) -> None:
        for read in self._read(ids) if ids else ():
            customer = read.facts.customer_id
            judged[customer] = self._judged(read, stored.get(customer), published)

    def _store(
        self, judged: dict[int, Judgement], stored: dict[int, Kept], now: dict[int, int], published: Published | None
    ) -> Tally:
        """Writes standings and changes, and starts what follows; the caller holds the customers' locks."""
        ids = sorted(judged)
        shifts = {each: self._shift(each, judged[each], stored.get(each), now[each], published) for each in ids}
        write_standings(self._connection, ((each, shift.kept) for each, shift in shifts.items()))
        noted = [change for shift in shifts.values() for change in shift.noted]
        write_changes(self._connection, noted, self._order.recorded_at)
        tally = self._tally(list(judged.values()))
        tally.changes.update((each.change.kind, each.change.before, each.change.after, each.cause) for each in noted)
        tally.unexpected = sum(each.change.unexpected for each in noted)
        tally.started = self._start(shifts)
        if self._order.rules.policy.mass_start is not None:
            hold(self._connection, tally.started)
        return tally

    def _still_in_force(self) -> None:
        """What other rules have judged meanwhile must not be judged by these again."""
        found = last(self._connection)
        if found is not None and found.version != self._order.rules.version:
            raise MovedOnError(self._order.rules.version, found)

    def _shift(
        self, customer: int, judgement: Judgement, kept: Kept | None, version: int, published: Published | None
    ) -> Shift:
        first: frozenset[str] = frozenset()
        if not self._order.start_existing:
            said = self._standings.first_said(self._connection, _imported(kept, version), published)
            first = said | self._order.baseline
        due = kept is not None and kept.next_flip is not None and kept.next_flip <= microseconds(self._order.as_of)
        cause = "flip" if due else "rules"
        return self._standings.shift(judgement, customer, version, published, cause=cause, first=first)

    def _start(self, shifts: dict[int, Shift]) -> list[int]:
        """Starts and tells journeys of those whose changes some playbook names; gives those that started."""
        changed = {each: shift for each, shift in shifts.items() if shift.starting}
        running = _with_journeys(self._connection, changed)
        started: list[int] = []
        for customer, shift in changed.items():
            if customer in running or self._matcher.starts_by(shift.starting):
                at = instant(shift.kept.standing.at)
                happening = Happening.of_changes(customer, shift.starting, at, self._order.recorded_at, None)
                started += self._matcher.match(self._connection, happening)
        return started

    def _tally(self, judged: Sequence[Judgement]) -> Tally:
        tally = Tally(customers=len(judged), peak={os.getpid(): peak()})
        for judgement in judged:
            standing = judgement.standing
            for kind, name in (("stage", standing.stage), ("tier", standing.tier), ("rfm_group", standing.rfm_group)):
                tally.sizes[kind, name or ""] += 1
            tally.sizes.update(("tag", name) for name in standing.tags)
            tally.sizes.update(("segment", name) for name in standing.segments)
            if len(judgement.stages) != 1:
                tally.several_stages[judgement.stages] += 1
        return tally


_work: Work | None = None
_connection: Connection | None = None


def begin(url: str, schema: str, order: Order) -> None:
    """Makes a process of the pool ready."""
    global _work, _connection  # noqa: PLW0603 -- a process of the pool has one work
    end_with_maker()
    _connection = connect(url, schema)
    _work = Work(_connection, order)


def end() -> None:
    """Closes what `begin` opened, where the process goes on."""
    global _work, _connection  # noqa: PLW0603 -- likewise
    if _connection is not None:
        _connection.close()
    _work = _connection = None


def columns(ids: Sequence[int]) -> Columns:
    """`Work.columns` in a process of the pool."""
    assert _work is not None  # the pool began it
    return _work.columns(ids)


def judge(ids: Sequence[int], published: Published | None) -> Tally:
    """`Work.judge` in a process of the pool."""
    assert _work is not None  # the pool began it
    return _work.judge(ids, published)


def _imported(kept: Kept | None, version: int) -> Kept | None:
    """An event judges its customer at once: where the facts are newer than the standing, an import brought them."""
    return None if kept is not None and kept.fact_version != version else kept


def _fact_versions(connection: Connection, ids: Sequence[int], *, lock: bool = False) -> dict[int, int]:
    query = "select id, fact_version from customers where id = any(%s) order by id"
    return dict(connection.execute(query + (" for update" if lock else ""), (list(ids),)).fetchall())


def _with_journeys(connection: Connection, ids: dict[int, Shift]) -> set[int]:
    query = "select distinct customer_id from journeys where state = 'running' and customer_id = any(%s)"
    return {row[0] for row in connection.execute(query, (list(ids),))} if ids else set()


def peak() -> int:
    """Of this process so far, in bytes; Linux counts in KiB, macOS in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
