"""Parts of the mirror: of the base in ranges of customers by two hands at once, of a refresh for those who changed."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import duckdb
import psycopg

from engine.facts.pool import connect
from engine.mirror.changes import CHANGED
from engine.mirror.errors import told_of_disks
from engine.mirror.manifest import File, Part, describe_file
from engine.mirror.reading import Hand, write_part
from engine.query import sql

Connection = psycopg.Connection[Any]
Tell = Callable[[str, int, int], None]
"""Told of each step: what, how many are done, of how many."""
_HANDS = 2
_FEW = 5_000
"""Customers that are one part for their number alone."""


@dataclass(frozen=True)
class Home:
    """Which mirror it is: of the facts in a database's schema, in a directory."""

    url: str
    schema: str
    directory: Path


@dataclass(frozen=True)
class Place:
    """What a refresh works with.

    Attributes:
        home: which mirror it is.
        connection: in the transaction whose snapshot is read.
        duck: converts, within its limit of memory.
        part_customers: how many customers a part has at most.
        tell: told of each step.
    """

    home: Home
    connection: Connection
    duck: duckdb.DuckDBPyConnection
    part_customers: int
    tell: Tell

    @property
    def directory(self) -> Path:
        """The mirror's."""
        return self.home.directory


@dataclass(frozen=True)
class Range:
    """Customers by their numbers, from `low` to before `high`; None is without a limit."""

    low: int | None
    high: int | None
    customers: int

    @property
    def where(self) -> str:
        """What limits an expression to it."""
        if self.low is None:
            return "is not null" if self.high is None else f"< {self.high}"
        return f">= {self.low}" if self.high is None else f"between {self.low} and {self.high - 1}"


def ranges(place: Place, of: str = "select id from customers") -> list[Range]:
    """Ranges of customers that together have all, each at most as many as a part may have; more than hands."""
    count = place.connection.execute(f"select count(*) from ({of}) c").fetchone()  # noqa: S608 -- our own words
    assert count is not None
    size = min(place.part_customers, max(_FEW, -(-count[0] // (2 * _HANDS))))
    found = place.connection.execute(
        "select min(id), count(*) from (select id, (row_number() over (order by id) - 1) / %s as part"  # noqa: S608 -- our own words
        f" from ({of}) c(id)) numbered group by part order by part",
        (size,),
    ).fetchall()
    lows = [None, *(low for low, _ in found[1:]), None]
    counts = [count for _, count in found] or [0]
    return [Range(low, high, count) for (low, high), count in zip(pairwise(lows), counts, strict=True)]


def write_base(place: Place, generation: int, wanted: Sequence[Range]) -> Iterator[Part]:
    """Writes the base's parts of these ranges, as of the place's snapshot; two hands write a part each."""
    target = new_directory(place.directory, "base", generation)
    row = place.connection.execute("select pg_export_snapshot()").fetchone()
    assert row is not None
    with ExitStack() as stack:
        hands: SimpleQueue[Hand] = SimpleQueue()
        for _ in range(min(_HANDS, len(wanted))):
            hands.put(Hand(_seeing(stack, place, row[0]), place.duck.cursor()))

        def work(number: int) -> dict[str, File]:
            hand = hands.get()
            try:
                return write_part(hand, wanted[number].where, place.directory, target, number)
            finally:
                hands.put(hand)

        pool = stack.enter_context(ThreadPoolExecutor(_HANDS))
        try:
            for number, (span, files) in enumerate(zip(wanted, pool.map(work, range(len(wanted))), strict=True)):
                place.tell("mirror", number + 1, len(wanted))
                yield Part(generation, span.customers, files, span.low, span.high)
        finally:
            pool.shutdown(cancel_futures=True)


def _seeing(stack: ExitStack, place: Place, snapshot: str) -> Connection:
    connection = stack.enter_context(connect(place.home.url, place.home.schema))
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.execute(f"set transaction snapshot {sql.text(snapshot)}")  # takes no parameter
    return connection


def write_changed(place: Place, generation: int) -> Iterator[Part]:
    """Writes all rows of the customers in the table of the changed ones, as parts that supersede what was before."""
    target = new_directory(place.directory, "delta", generation)
    wanted = ranges(place, f"select customer from {CHANGED}")  # noqa: S608 -- our own words
    for number, span in enumerate(wanted):
        owners = f"in (select customer from {CHANGED} where customer {span.where})"  # noqa: S608 -- our own words
        files = write_part(Hand(place.connection, place.duck), owners, place.directory, target, number)
        superseded = _superseded(place, span, target / f"superseded-{number:04d}.parquet")
        place.tell("mirror", number + 1, len(wanted))
        yield Part(generation, span.customers, files, superseded=superseded)


def _superseded(place: Place, span: Range, target: Path) -> File:
    found = place.connection.execute(f"select customer from {CHANGED} where customer {span.where} order by 1")  # noqa: S608 -- our own words
    with told_of_disks(place.directory):
        place.duck.execute(
            f"copy (select unnest($1::bigint[]) as customer) to {sql.text(str(target))} (format parquet)",
            [[row[0] for row in found]],
        )
        return describe_file(place.directory, target)


def new_directory(directory: Path, kind: str, generation: int) -> Path:
    """Makes a directory for a refresh's files, under a name that no other has ever had."""
    target = directory / f"{kind}-{generation:06d}-{uuid.uuid4().hex[:8]}"
    with told_of_disks(directory):
        target.mkdir()
    return target
