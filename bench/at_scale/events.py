"""Events beside what they need at the least: the loop of intake against a bare insert, batches against single ones.

Both sides tell the same events of the same customers to one database with durable commits, a few at a time and in
turns, so that what else runs on the machine is shared; the median of the turns counts.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from statistics import median
from typing import Any, TypeVar

import psycopg

from bench.at_scale.bare import insert_all, written
from bench.at_scale.rules import fifty_rules
from bench.at_scale.shop import NOW, SHOP, Size, rows_of_facts, shop_of, spread_standings
from bench.figures import Figure
from engine.dispatch.match import Matcher
from engine.dispatch.versions import StoredVersions
from engine.evaluation.due import evaluate_due
from engine.evaluation.run import Asked, evaluate
from engine.facts.event_contracts import load_contracts
from engine.facts.matching import EventMatcher
from engine.facts.pool import connect
from engine.garbage import keep_what_is_loaded
from engine.language.rules import Rules
from engine.operations.telling import TOGETHER, Answer, tell, tell_all

Connection = psycopg.Connection[Any]
T = TypeVar("T")
LOOP_AT_LEAST = 0.6
BATCHES_AT_LEAST = 5
LARGER_AT_MOST = 1.15
DUE_AT_MOST = 0.05
JUDGED = 2_000
"""At least so many customers have been judged, spread over all: of them events are told, and they fall due."""
_TURN = 40
_ROWS = """
select coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0) from pg_stat_user_tables
"""


@dataclass
class Stream:
    """Events of a shop, each new: visits, views, orders of two lines, and their payments."""

    customers: int
    number: int = 0

    @property
    def judged(self) -> list[int]:
        """Our numbers of the customers of whom it tells."""
        count = max(JUDGED, self.customers // 100)
        return [1 + each * (self.customers // count) for each in range(count)]

    def take(self, count: int) -> list[dict[str, Any]]:
        """The next events."""
        self.number += count
        judged = self.judged
        return [self._event(each, judged) for each in range(self.number - count, self.number)]

    def _event(self, number: int, judged: Sequence[int]) -> dict[str, Any]:
        group, place = divmod(number, 4)
        customer = judged[group * 7919 % len(judged)]
        event = {"key": f"e{number}", "at": (NOW + timedelta(seconds=number)).isoformat(), "shop": SHOP}
        whose = {"customer": f"c{customer}"}
        match place:
            case 0:
                return event | whose | {"kind": "site.visit", "data": {}}
            case 1:
                return event | whose | {"kind": "site.product_viewed", "data": {"product": f"p{1 + group % 500}"}}
            case 2:
                lines = [
                    {"product": f"p{1 + (group + each) % 500}", "unit_price": {"amount": "49.50", "currency": "EUR"}}
                    for each in (1, 2)
                ]
                data = {"payment_method": "card", "channel": "ad", "lines": lines}
                return event | whose | {"kind": "order.placed", "order": f"n{group}", "data": data}
            case _:
                return event | {"kind": "order.paid", "order": f"n{group}", "data": {}}


@dataclass
class Bench:
    """A shop whose customers have been judged, and who takes its events in."""

    url: str
    rules: Rules
    connection: Connection
    bare: Connection
    stream: Stream

    @property
    def matcher(self) -> Matcher:
        """The rules in force."""
        return self._matcher

    def __post_init__(self) -> None:
        versions = StoredVersions({self.rules.version: self.rules})
        self._matcher = Matcher(self.rules, versions, EventMatcher(load_contracts(), "EUR"))
        keep_what_is_loaded()

    def single(self, events: Sequence[dict[str, Any]]) -> None:
        """Each in its own transaction, with all that follows from it."""
        for each in events:
            _sound([tell(self.connection, self._matcher, each, _clock())])

    def together(self, events: Sequence[dict[str, Any]]) -> None:
        """The same in batches."""
        _sound(tell_all(self.connection, self._matcher, events, _clock))


def _clock() -> datetime:
    return NOW + timedelta(days=2)


def _sound(answers: Sequence[Answer | Exception] | Iterator[Answer | Exception]) -> None:
    for each in answers:
        if isinstance(each, Exception) or each.fate != "accepted":
            raise RuntimeError(f"an event of the bench was not taken: {each}")


@contextmanager
def bench_of(server: str, customers: int, rules: Rules | None = None) -> Iterator[Bench]:
    """A shop of so many customers, each with a standing."""
    rules = rules or fifty_rules()
    with shop_of(server, Size(customers)) as url:
        stream = Stream(customers)
        evaluate(Asked(url, rules, NOW, NOW, write=True, customers=stream.judged, chunk=len(stream.judged)))
        spread_standings(url)
        with connect(url, by_keys=True) as connection, connect(url, by_keys=True) as bare:
            yield Bench(url, rules, connection, bare, stream)


def against_bare(bench: Bench, turns: int) -> list[Figure]:
    """The loop of events against inserting and committing the rows that it has written."""
    ratios, speeds = [], []
    _measured(bench.single, bench.stream.take(200))
    for _ in range(turns):
        events = bench.stream.take(_TURN)
        loop = _measured(bench.single, events)
        bare = _measured(partial(insert_all, bench.bare), written(bench.bare, events))
        ratios.append(bare / loop)
        speeds.append((_TURN / loop, _TURN / bare))
    return [
        Figure("events a second, one by one", round(median(each for each, _ in speeds), 1)),
        Figure("the same rows inserted and committed, a second", round(median(each for _, each in speeds), 1)),
        Figure("event loop, times the speed of a bare insert", round(median(ratios), 2), at_least=LOOP_AT_LEAST),
    ]


def in_batches(bench: Bench, turns: int) -> list[Figure]:
    """Batches of 200 against the same number one by one."""
    ratios, speeds = [], []
    _measured(bench.together, bench.stream.take(TOGETHER))
    for _ in range(turns):
        single = _measured(bench.single, bench.stream.take(TOGETHER))
        together = _measured(bench.together, bench.stream.take(TOGETHER))
        ratios.append(single / together)
        speeds.append(TOGETHER / together)
    return [
        Figure(f"events a second, in batches of {TOGETHER}", round(median(speeds), 1)),
        Figure(
            f"batches of {TOGETHER}, times the speed of one by one", round(median(ratios), 2), at_least=BATCHES_AT_LEAST
        ),
    ]


def larger(small: Bench, large: Bench, turns: int) -> list[Figure]:
    """What an event costs among many customers, against among a tenth of them."""
    for bench in (small, large):
        _measured(bench.single, bench.stream.take(200))
    costs = [[_measured(each.single, each.stream.take(_TURN)) for each in (small, large)] for _ in range(turns)]
    what = f"cost of an event among {large.stream.customers:,}, times that among {small.stream.customers:,}"
    return [Figure(what, round(median(much / little for little, much in costs), 3), at_most=LARGER_AT_MOST)]


def due(bench: Bench, flips: int) -> list[Figure]:
    """Rows that judging the due reads, of those that judging everybody reads, which are at least all facts once.

    Of each customer one flip is due; what would turn later is not looked at.
    """
    everybody = rows_of_facts(bench.url)
    with psycopg.connect(bench.url, autocommit=True) as connection:
        connection.execute("update standings set next_flip = null")
        connection.execute(
            "update standings set next_flip = evaluated_at where customer_id = any(%s)",
            (bench.stream.judged[:flips],),
        )
        connection.execute("vacuum analyze standings")
        (now,) = connection.execute("select max(next_flip) from standings").fetchone() or (None,)
    began = time.perf_counter()
    read = _rows_read(bench, lambda: _judge_due(bench, now))
    seconds = time.perf_counter() - began
    return [
        Figure(f"{flips:,} due flips, seconds", round(seconds, 1)),
        Figure(f"rows read for {flips:,} due flips, of a bulk run's", round(read / everybody, 4), at_most=DUE_AT_MOST),
    ]


def _judge_due(bench: Bench, now: datetime) -> None:
    with connect(bench.url) as connection:
        connection.autocommit = True
        while evaluate_due(connection, bench.matcher, now):
            continue


def _rows_read(bench: Bench, work: Callable[[], None]) -> int:
    """Rows that sequential and index scans have given; the statistics are there when their process has ended."""
    with psycopg.connect(bench.url, autocommit=True) as connection:
        connection.execute("select pg_stat_force_next_flush()")
        before = _told_rows(connection)
        work()
        seen, settled = -1, _told_rows(connection)
        while seen != settled:
            seen = settled
            time.sleep(1.5)  # a backend tells its counters at the latest a second after it has rested
            settled = _told_rows(connection)
        return settled - before


def _told_rows(connection: Connection) -> int:
    connection.execute("select pg_stat_clear_snapshot()")
    row = connection.execute(_ROWS).fetchone()
    assert row is not None  # a sum is always one row
    return int(row[0])


def _measured(work: Callable[[Sequence[T]], None], items: Sequence[T]) -> float:
    began = time.perf_counter()
    work(items)
    return time.perf_counter() - began
