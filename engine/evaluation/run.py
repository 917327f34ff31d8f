"""Everybody judged: cut-offs, then standings; at once over the mirror, or one after the other in two processes."""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from engine.conditions.operands import microseconds
from engine.dispatch.held import begin, too_many
from engine.dispatch.standing import Standings
from engine.dispatch.versions import StoredVersions, publish
from engine.evaluation import work
from engine.evaluation.columns import Columns
from engine.evaluation.everybody import Everybody
from engine.evaluation.work import Order, Tally
from engine.facts.currency import reporting_currency
from engine.facts.event_contracts import load_contracts
from engine.facts.matching import EventMatcher
from engine.facts.pool import connect
from engine.facts.standing import Published, publish_cut_offs
from engine.language.rules import Rules
from engine.mirror.open import opened_mirror
from engine.standing.cut_offs import CutOffs

Connection = psycopg.Connection[Any]
Progress = Callable[[str, int, int], None]
"""Told of what is being done, how many customers are done and how many there are."""

PROCESSES = 2
CHUNK = 1000
T = TypeVar("T")
_JUDGED = "update cut_offs set judged_at = clock_timestamp() where id = %s and judged_at is null"


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
        chunks = _chunks(_everybody(connection) if asked.customers is None else asked.customers, asked.chunk)
        if asked.write:
            publish(connection, asked.rules)
    with _pool((asked.url, asked.schema, _order(asked, currency)), asked.processes, len(chunks)) as pool:
        published = asked.published or _publish(asked, currency, _cut_offs(pool, asked.rules, chunks, progress))
        tally = Tally()
        for each in _all("judge", chunks, progress, lambda ids: pool.submit(work.judge, ids, published)):
            tally.add(each)
    held = _finish(asked, currency, published, tally.started) if asked.write else 0
    return Result(tally, published.values, time.monotonic() - began, _peak(tally), held)


def cut_offs(asked: Asked, progress: Progress = lambda _what, _done, _total: None) -> CutOffs:
    """Cut-offs of everybody as these rules have them, computed anew; nothing is written."""
    with connect(asked.url, asked.schema) as connection:
        currency = reporting_currency(connection, asked.rules.policy.currency)
        chunks = _chunks(_everybody(connection), asked.chunk)
    order = Order(asked.rules, currency, asked.as_of, asked.recorded_at, write=False)
    with _pool((asked.url, asked.schema, order), asked.processes, len(chunks)) as pool:
        return _cut_offs(pool, asked.rules, chunks, progress)


def _at_once(asked: Asked, mirror: Path, progress: Progress) -> Result:
    """Everybody at once over the mirror."""
    began = time.monotonic()
    progress("mirror", 0, 0)
    with opened_mirror(asked.url, asked.schema, mirror) as opened, connect(asked.url, asked.schema) as connection:
        currency = reporting_currency(connection, asked.rules.policy.currency)
        everybody = Everybody(
            opened.duck, connection, asked.rules, currency, microseconds(asked.as_of), flips=asked.write
        )
        progress("cut-offs", 0, everybody.customers())
        everybody.read()
        values = asked.published.values if asked.published else everybody.cut_offs()
        everybody.decide(values, follows=asked.write)
        if not asked.write:
            tally = everybody.tally()
            tally.peak[os.getpid()] = work.peak()
            return Result(tally, values, time.monotonic() - began, _peak(tally))
        publish(connection, asked.rules)
        connection.commit()
        published = asked.published or _publish(asked, currency, values)
        tally = _settle(asked, connection, currency, everybody, published, progress)
    held = _finish(asked, currency, published, tally.started)
    return Result(tally, values, time.monotonic() - began, _peak(tally), held)


def _order(asked: Asked, currency: str | None) -> Order:
    return Order(
        asked.rules, currency, asked.as_of, asked.recorded_at, asked.write, asked.start_existing, asked.baseline
    )


def _settle(
    asked: Asked,
    connection: Connection,
    currency: str | None,
    everybody: Everybody,
    published: Published,
    progress: Progress,
) -> Tally:
    """Stores what is said of everybody, a chunk after the other."""
    settling, tally, total = work.Work(connection, _order(asked, currency)), Tally(), everybody.customers()
    for batch in everybody.said():
        for chunk in _chunks(batch, asked.chunk):
            tally.add(settling.settle(chunk, published))
            progress("judge", tally.customers, total)
    return tally


def _finish(asked: Asked, currency: str | None, published: Published, journeys: Sequence[int]) -> int:
    """Notes that everybody has been judged, and starts what was held back but need not be; gives how many stay held."""
    held = too_many(asked.rules.policy, len(journeys))
    with connect(asked.url, asked.schema) as connection:
        if asked.rules.policy.mass_start is not None and not held:
            matcher = EventMatcher(load_contracts(), currency)
            begin(connection, journeys, asked.recorded_at, matcher, StoredVersions({asked.rules.version: asked.rules}))
        connection.execute(_JUDGED, (published.id,))
    return len(journeys) if held else 0


def _peak(tally: Tally) -> int:
    """Of this process and those of the pool."""
    return sum({**tally.peak, os.getpid(): work.peak()}.values())


def _everybody(connection: Connection) -> Sequence[int]:
    return [row[0] for row in connection.execute("select id from customers order by id")]


def _chunks(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


class _Here(Executor):
    """Does the work of a pool in this process: for a few customers starting processes would take longer."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":  # noqa: ANN401 -- as Executor has it
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@contextmanager
def _pool(begun: tuple[str, str, Order], processes: int, chunks: int) -> Iterator[Executor]:
    """Spawned, not forked: this process may have threads and connections that a copy must not share."""
    if chunks <= 1:
        work.begin(*begun)
        try:
            yield _Here()
        finally:
            work.end()
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=work.begin, initargs=begun)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _cut_offs(pool: Executor, rules: Rules, chunks: Sequence[Sequence[int]], progress: Progress) -> CutOffs:
    if rules.standing.tiers is None and rules.standing.rfm is None:
        return CutOffs()
    columns = Columns()
    for each in _all("cut-offs", chunks, progress, lambda ids: pool.submit(work.columns, ids)):
        columns.add(each)
    return columns.cut_offs(rules.standing)


def _publish(asked: Asked, currency: str | None, cut_offs: CutOffs) -> Published:
    if not asked.write:
        return Published(0, cut_offs, {})
    standings = Standings(asked.rules, StoredVersions(), currency)
    with connect(asked.url, asked.schema) as connection:
        return publish_cut_offs(connection, asked.rules.version, asked.as_of, cut_offs, standings.digests)


def _all(
    what: str,
    chunks: Sequence[Sequence[int]],
    progress: Progress,
    submit: Callable[[Sequence[int]], "Future[T]"],
) -> Iterator[T]:
    total, done = sum(map(len, chunks)), 0
    progress(what, done, total)
    futures = {submit(ids): len(ids) for ids in chunks}
    for future in as_completed(futures):
        done += futures[future]
        progress(what, done, total)
        yield future.result()
