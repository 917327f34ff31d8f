"""Everybody judged: cut-offs, then standings; at once over the mirror, or one after the other in two processes."""

import os
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from engine.conditions.operands import microseconds
from engine.dispatch.standing import Standings
from engine.dispatch.versions import StoredVersions, publish
from engine.evaluation import work
from engine.evaluation.columns import Columns
from engine.evaluation.everybody import ALL_STORED, Everybody
from engine.evaluation.finish import finish
from engine.evaluation.processes import CHUNK, PROCESSES, Progress, everybody, in_chunks, of_each, processes_for
from engine.evaluation.work import Order, Tally
from engine.facts.currency import reporting_currency
from engine.facts.pool import connect
from engine.facts.standing import Published, publish_cut_offs
from engine.language.rules import Rules
from engine.mirror.open import opened_mirror
from engine.query.standing import HAND_TAGS
from engine.standing.cut_offs import CutOffs

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Result:
    """What an evaluation found. `cut_offs` are those of this run, published under the rules' version if it wrote."""

    tally: Tally
    cut_offs: CutOffs
    seconds: float
    peak: int
    """Bytes of memory of all processes together, each at its most."""
    held: int = 0
    """Journeys that wait for a person, being more at once than the policy's `mass_start` allows; else all began."""

    @property
    def journeys(self) -> int:
        """How many began."""
        return len(self.tally.started) - self.held


@dataclass(frozen=True)
class Asked:
    """What to evaluate.

    `as_of` is the logical instant, `recorded_at` the wall clock's. With `write` standings, changes and cut-offs are
    stored and journeys may start; without it nothing is written and no standing before counts. `customers` are those to
    judge, in order; default: all. `mirror` is where the columnar mirror of the facts is kept: all customers are judged
    at once over it; without it one after the other. `published` are cut-offs to judge by, in place of new ones.
    `baseline` are parts of the rules that were edited: what they change starts nothing, whatever is known of each one's
    earlier standing.
    """

    url: str
    rules: Rules
    as_of: datetime
    recorded_at: datetime
    write: bool
    start_existing: bool = False
    schema: str = "public"
    processes: int = PROCESSES
    chunk: int = CHUNK
    customers: Sequence[int] | None = None
    mirror: Path | None = None
    published: Published | None = None
    baseline: frozenset[str] = frozenset()


def evaluate(asked: Asked, progress: Progress = lambda _what, _done, _total: None) -> Result:
    """Judges the customers.

    Raises:
        CurrencyUnclearError: shops have several currencies and the policy names none.
        MovedOnError: it was to write, and other rules have come into force meanwhile.
    """
    if asked.mirror is not None and asked.customers is None:
        return _at_once(asked, asked.mirror, progress)
    began = time.monotonic()
    with connect(asked.url, asked.schema) as connection:
        currency = reporting_currency(connection, asked.rules.policy.currency)
        chunks = in_chunks(everybody(connection) if asked.customers is None else asked.customers, asked.chunk)
        if asked.write:
            publish(connection, asked.rules)
    with _pool(asked, _order(asked, currency), len(chunks)) as pool:
        published = asked.published or _publish(asked, currency, _cut_offs(pool, asked.rules, chunks, progress))
        tally = Tally()
        for each in of_each("judge", chunks, progress, lambda ids: pool.submit(work.judge, ids, published)):
            tally.add(each)
    held = 0
    if asked.write:
        with connect(asked.url, asked.schema) as connection:
            held = _finish(asked, connection, currency, published, tally)
    return Result(tally, published.values, time.monotonic() - began, _peak(tally), held)


def _at_once(asked: Asked, mirror: Path, progress: Progress) -> Result:
    """Everybody at once over the mirror."""
    began = time.monotonic()
    progress("mirror", 0, 0)
    with opened_mirror(asked.url, asked.schema, mirror) as opened, connect(asked.url, asked.schema) as connection:
        currency = reporting_currency(connection, asked.rules.policy.currency)
        judged = Everybody(opened.duck, connection, asked.rules, currency, microseconds(asked.as_of), flips=asked.write)
        progress("cut-offs", 0, judged.customers())
        judged.read()
        values = asked.published.values if asked.published else judged.cut_offs()
        judged.copy_stored(ALL_STORED if asked.write else {HAND_TAGS})
        judged.decide(values)
        if not asked.write:
            tally = judged.tally()
            tally.peak[os.getpid()] = work.peak()
            return Result(tally, values, time.monotonic() - began, _peak(tally))
        judged.compare()
        publish(connection, asked.rules)
        connection.commit()
        published = asked.published or _publish(asked, currency, values)
        tally = _settle(asked, connection, currency, judged, published, progress)
        held = _finish(asked, connection, currency, published, tally)
    return Result(tally, values, time.monotonic() - began, _peak(tally), held)


def _order(asked: Asked, currency: str | None) -> Order:
    return Order(
        asked.rules, currency, asked.as_of, asked.recorded_at, asked.write, asked.start_existing, asked.baseline
    )


def _settle(
    asked: Asked,
    connection: Connection,
    currency: str | None,
    judged: Everybody,
    published: Published,
    progress: Progress,
) -> Tally:
    """Stores what is said of everybody, a chunk after the other."""
    settling, tally, total = work.Work(connection, _order(asked, currency)), Tally(), judged.customers()
    for batch in judged.said():
        for chunk in in_chunks(batch, asked.chunk):
            tally.add(settling.settle(chunk, published))
            progress("judge", tally.customers, total)
    return tally


def _finish(asked: Asked, connection: Connection, currency: str | None, published: Published, tally: Tally) -> int:
    return finish(
        connection, asked.rules, currency, cut_offs=published.id, journeys=tally.started, at=asked.recorded_at
    )


def _peak(tally: Tally) -> int:
    """Of this process and those of the pool."""
    return sum({**tally.peak, os.getpid(): work.peak()}.values())


def _pool(asked: Asked, order: Order, chunks: int) -> AbstractContextManager[Executor]:
    return processes_for(chunks, asked.processes, work.begin, (asked.url, asked.schema, order), work.end)


def _cut_offs(pool: Executor, rules: Rules, chunks: Sequence[Sequence[int]], progress: Progress) -> CutOffs:
    if rules.standing.tiers is None and rules.standing.rfm is None:
        return CutOffs()
    columns = Columns()
    for each in of_each("cut-offs", chunks, progress, lambda ids: pool.submit(work.columns, ids)):
        columns.add(each)
    return columns.cut_offs(rules.standing)


def _publish(asked: Asked, currency: str | None, cut_offs: CutOffs) -> Published:
    if not asked.write:
        return Published(0, cut_offs, {})
    standings = Standings(asked.rules, StoredVersions(), currency)
    with connect(asked.url, asked.schema) as connection:
        return publish_cut_offs(connection, asked.rules.version, asked.as_of, cut_offs, standings.digests)
