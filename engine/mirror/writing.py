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
from engine.mirror.layout import STORED
from engine.mirror.manifest import File, Part, describe_file
from engine.mirror.reading import literal, write_rows

Connection = psycopg.Connection[Any]
Tell = Callable[[str, int, int], None]
"""Told of each step: what, how many are done, of how many."""
_HANDS = 2


@dataclass(frozen=True)
class Place:
    """Where a refresh reads and writes.

    Attributes:
        url: of the database.
        schema: the schema of the tables.
        directory: the mirror's.
        connection: in the transaction whose snapshot is read.
        duck: converts, within its limit of memory.
        part_customers: how many customers a part has at most.
        tell: told of each step.
    """

    url: str
    schema: str
    directory: Path
    connection: Connection
    duck: duckdb.DuckDBPyConnection
    part_customers: int
    tell: Tell


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
    """Ranges of customers that together have all, each at most as many as a part may have."""
    found = place.connection.execute(
        "select min(id), count(*) from (select id, (row_number() over (order by id) - 1) / %s as part"  # noqa: S608 -- our own words
        f" from ({of}) c(id)) numbered group by part order by part",
        (place.part_customers,),
    ).fetchall()
    lows = [None, *(low for low, _ in found[1:]), None]
    counts = [count for _, count in found] or [0]
    return [Range(low, high, count) for (low, high), count in zip(pairwise(lows), counts, strict=True)]


def write_base(place: Place, generation: int, wanted: Sequence[Range]) -> Iterator[Part]:
    """Writes the base's parts of these ranges, as of the place's snapshot."""
    target = new_directory(place.directory, "base", generation)
    tasks = [(span, number, name) for number, span in enumerate(wanted) for name in STORED]
    files: dict[int, dict[str, File]] = {number: {} for number in range(len(wanted))}
    for done, ((_, number, name), file) in enumerate(zip(tasks, _in_turn(place, target, tasks), strict=True), 1):
        if file is not None:
            files[number][name] = file
        place.tell("mirror", done, len(tasks))
    for number, span in enumerate(wanted):
        yield Part(generation, span.customers, files[number], span.low, span.high)


def _in_turn(place: Place, target: Path, tasks: Sequence[tuple[Range, int, str]]) -> Iterator[File | None]:
    """Each task's file; several are at work at once, over connections that see the same snapshot."""
    row = place.connection.execute("select pg_export_snapshot()").fetchone()
    assert row is not None
    hands: SimpleQueue[tuple[Connection, duckdb.DuckDBPyConnection]] = SimpleQueue()
    with ExitStack() as stack:
        for _ in range(min(_HANDS, len(tasks))):
            connection = stack.enter_context(connect(place.url, place.schema))
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.execute(f"set transaction snapshot {literal(row[0])}")  # takes no parameter
            hands.put((connection, place.duck.cursor()))

        def work(task: tuple[Range, int, str]) -> File | None:
            span, number, name = task
            hand = hands.get()
            try:
                file = target / f"{name}-{number:04d}.parquet"
                return write_rows(*hand, STORED[name], span.where, place.directory, file)
            finally:
                hands.put(hand)

        pool = stack.enter_context(ThreadPoolExecutor(_HANDS))
        try:
            yield from pool.map(work, tasks)
        finally:
            pool.shutdown(cancel_futures=True)


def write_changed(place: Place, generation: int) -> Iterator[Part]:
    """Writes all rows of the customers in the table of the changed ones, as parts that supersede what was before."""
    target = new_directory(place.directory, "delta", generation)
    wanted = ranges(place, f"select customer from {CHANGED}")  # noqa: S608 -- our own words
    for number, span in enumerate(wanted):
        owners = f"in (select customer from {CHANGED} where customer {span.where})"  # noqa: S608 -- our own words
        files = {}
        for name, stored in STORED.items():
            path = target / f"{name}-{number:04d}.parquet"
            file = write_rows(place.connection, place.duck, stored, owners, place.directory, path)
            if file is not None:
                files[name] = file
        superseded = _superseded(place, span, target / f"superseded-{number:04d}.parquet")
        yield Part(generation, span.customers, files, superseded=superseded)
        place.tell("mirror", number + 1, len(wanted))


def _superseded(place: Place, span: Range, target: Path) -> File:
    found = place.connection.execute(f"select customer from {CHANGED} where customer {span.where} order by 1")  # noqa: S608 -- our own words
    return write_customers(place.duck, [row[0] for row in found], place.directory, target)


def write_customers(duck: duckdb.DuckDBPyConnection, customers: Sequence[int], directory: Path, target: Path) -> File:
    """Writes a file of customers' numbers."""
    with told_of_disks(directory):
        duck.execute(
            f"copy (select unnest($1::bigint[]) as customer) to {literal(target)} (format parquet)",  # noqa: S608 -- our own path
            [list(customers)],
        )
        return describe_file(directory, target)


def new_directory(directory: Path, kind: str, generation: int) -> Path:
    """Makes a directory for a refresh's files, under a name that no other has ever had."""
    target = directory / f"{kind}-{generation:06d}-{uuid.uuid4().hex[:8]}"
    with told_of_disks(directory):
        target.mkdir()
    return target
