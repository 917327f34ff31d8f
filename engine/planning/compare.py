"""Everybody's standing by two versions of the rules, for some parts: who differs, and how many are in each.

`compare` is the one place that goes over all customers. It asks for facts and gives numbers and lists of customers, so
what is inside of it can be another evaluation.
"""

import multiprocessing
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import psycopg

from engine.conditions.operands import microseconds
from engine.dispatch.standing import part_of
from engine.evaluation.work import end_with_maker
from engine.facts.pool import connect
from engine.language.rules import Rules
from engine.planning.decider import Decider, alike, together
from engine.planning.reading import Person, merged, people
from engine.standing.changes import changes
from engine.standing.cut_offs import CutOffs
from engine.standing.decide import Standing

Connection = psycopg.Connection[Any]
Progress = Callable[[str, int, int], None]
"""Told of what is being done, how many customers are done and how many there are."""
PROCESSES = 2
CHUNK = 1000


class Move(NamedTuple):
    """A change from one version to the other: of a tag or segment `before` or `after` is None."""

    kind: str
    before: str | None
    after: str | None
    rises: bool = False


@dataclass(frozen=True)
class Side:
    """One version of the rules, with the cut-offs of its tiers and RFM."""

    rules: Rules
    currency: str | None
    cut_offs: CutOffs | None


@dataclass(frozen=True)
class Sides:
    """What to compare: both versions, the parts that differ, and as of when, where the facts are."""

    url: str
    old: Side
    new: Side
    parts: frozenset[str]
    as_of: datetime
    schema: str = "public"
    processes: int = PROCESSES
    chunk: int = CHUNK


@dataclass
class Comparison:
    """Who is moved: customers by move, in order; sizes by (kind, name) before and after, of the parts compared.

    `changing` counts customers with any move.
    """

    customers: int = 0
    changing: int = 0
    before: Counter[tuple[str, str]] = field(default_factory=Counter)
    after: Counter[tuple[str, str]] = field(default_factory=Counter)
    moves: "dict[Move, array[int]]" = field(default_factory=dict)

    def add(self, other: "Comparison") -> None:
        """Takes in what came of other customers."""
        self.customers += other.customers
        self.changing += other.changing
        self.before.update(other.before)
        self.after.update(other.after)
        for move, ids in other.moves.items():
            self.moves.setdefault(move, array("q")).extend(ids)


def compare(asked: Sides, progress: Progress = lambda _what, _done, _total: None) -> Comparison:
    """Judges everybody by both versions in one reading of the facts; nothing is written."""
    found = Comparison()
    with connect(asked.url, asked.schema) as connection:
        ids = [row[0] for row in connection.execute("select id from customers order by id")]
    if not asked.parts:
        return Comparison(customers=len(ids))
    chunks = [ids[start : start + asked.chunk] for start in range(0, len(ids), asked.chunk)]
    progress("comparing", 0, len(ids))
    for each in _all(asked, chunks):
        found.add(each)
        progress("comparing", found.customers, len(ids))
    for move, moved in found.moves.items():
        found.moves[move] = array("q", sorted(moved))
    return found


def _all(asked: Sides, chunks: Sequence[Sequence[int]]) -> Iterator[Comparison]:
    """For a few customers starting processes would take longer."""
    if len(chunks) <= 1:
        work = _Work(asked)
        try:
            yield from map(work.chunk, chunks)
        finally:
            work.close()
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(asked.processes, mp_context=context, initializer=_begin, initargs=(asked,))
    try:
        futures = [pool.submit(_chunk, chunk) for chunk in chunks]
        yield from (each.result() for each in as_completed(futures))
    finally:
        pool.shutdown(cancel_futures=True)


class _Work:
    """Reads and judges chunks of customers over one connection."""

    def __init__(self, asked: Sides) -> None:
        self._asked, self._now = asked, microseconds(asked.as_of)
        self._connection = connect(asked.url, asked.schema)
        self._old, self._new = (
            Decider(side.rules, asked.parts, side.currency, side.cut_offs) for side in (asked.old, asked.new)
        )
        self._fold = together(self._old, self._new) if alike(self._old, self._new) else None

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def chunk(self, ids: Sequence[int]) -> Comparison:
        """These customers by both versions."""
        found, parts, order = Comparison(), self._asked.parts, self._asked.new.rules.standing
        with self._connection.transaction():
            for number, before, after in self._judged(ids):
                found.customers += 1
                found.before.update(held(before, parts))
                found.after.update(held(after, parts))
                moved = [each for each in changes(before, after, order) if part_of(each) in parts]
                found.changing += bool(moved)
                for each in moved:
                    move = Move(each.kind, each.before, each.after, each.rises)
                    found.moves.setdefault(move, array("q")).append(number)
        return found

    def _judged(self, ids: Sequence[int]) -> Iterator[tuple[int, Standing, Standing]]:
        old, new = self._old, self._new
        if self._fold is not None:
            for one in people(self._connection, ids, (old, new), self._fold.reads):
                at = one.at(self._now)
                values = self._fold(one.facts, at)
                yield one.facts.customer_id, _standing(old, one, values, at), _standing(new, one, values, at)
        elif old.rules.policy.zone == new.rules.policy.zone:
            for one in people(self._connection, ids, (old, new), merged(old.reads, new.reads)):
                yield one.facts.customer_id, self._alone(old, one), self._alone(new, one)
        else:  # whose zone is unknown has another one in each version
            both = zip(
                people(self._connection, ids, (old,), old.reads),
                people(self._connection, ids, (new,), new.reads),
                strict=True,
            )
            for one, other in both:
                yield one.facts.customer_id, self._alone(old, one), self._alone(new, other)

    def _alone(self, decider: Decider, one: Person) -> Standing:
        at = one.at(self._now)
        return _standing(decider, one, decider.values(one.facts, at), at)


def _standing(decider: Decider, one: Person, values: Any, at: int) -> Standing:  # noqa: ANN401 -- as a fold gives them
    return decider.standing(values, at, one.previous, one.hand_tags, one.events(decider))


def held(standing: Standing, parts: frozenset[str]) -> Iterator[tuple[str, str]]:
    """What a standing has of some parts, by kind and name."""
    for kind, name in (("stage", standing.stage), ("tier", standing.tier)):
        if name is not None and kind in parts:
            yield kind, name
    if standing.rfm_group is not None and "rfm" in parts:
        yield "rfm_group", standing.rfm_group
    yield from (("tag", name) for name in standing.tags if f"tag {name}" in parts)
    yield from (("segment", name) for name in standing.segments if f"segment {name}" in parts)


_work: _Work | None = None


def _begin(asked: Sides) -> None:
    """Makes a process of the pool ready."""
    global _work  # noqa: PLW0603 -- a process of the pool has one work
    end_with_maker()
    _work = _Work(asked)


def _chunk(ids: Sequence[int]) -> Comparison:
    assert _work is not None  # the pool began it
    return _work.chunk(ids)
