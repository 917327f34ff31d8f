"""Statements executed in DuckDB: memory bounded, what does not fit spilled, results in batches."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
from duckdb.func import PythonUDFType

from engine.query import sql
from engine.query.attributes import Statement
from engine.query.rows import AT, HIGH, LOW
from engine.query.words import Finder, finder
from engine.query.zones import zone_days

MEMORY = "2GB"
BATCH = 65_536
"""Rows of an Arrow batch."""


def connect(
    database: Path | None = None, *, spill: Path | None = None, memory: str = MEMORY, threads: int | None = 2
) -> duckdb.DuckDBPyConnection:
    """A connection that takes no more than its memory and never loads an extension.

    Args:
        database: the file; default: one in memory.
        spill: the folder for what does not fit into memory; default: beside the database, or the machine's.
        memory: the limit, such as `2GB`.
        threads: how many to work with; None: one a core.
    """
    config: dict[str, str | int | float | list[str]] = {
        "memory_limit": memory,
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    if threads is not None:
        config["threads"] = threads
    if spill is not None or database is None:
        config["temp_directory"] = str(spill or Path(tempfile.gettempdir()) / "regulars-duckdb")
    return duckdb.connect(":memory:" if database is None else str(database), config=config)


def batches(
    connection: duckdb.DuckDBPyConnection, statement: Statement, at: int, part: tuple[int, int] | None = None
) -> pa.RecordBatchReader:
    """The rows of a statement as of an instant in microseconds, as Arrow batches.

    Args:
        connection: one that has the tables which the statement reads.
        statement: the statement.
        at: the instant.
        part: the customers, from and until before, of a statement with parts.

    Raises:
        ValueError: a zone of the people is not known.
    """
    prepare(connection, statement)
    return connection.sql(statement.text, params=_bound(statement, at, part)).to_arrow_reader(BATCH)


def write(connection: duckdb.DuckDBPyConnection, statement: Statement, at: int, table: str, *, parts: int = 1) -> int:
    """Writes the rows of a statement into a new table of the connection, in place of one of that name.

    Args:
        connection: one that has the tables which the statement reads.
        statement: the statement; with parts where `parts` is more than one.
        at: the instant in microseconds.
        table: the new table's name.
        parts: into how many ranges of customers the work is cut, one after the other: more take less memory.

    Returns:
        How many rows there are.

    Raises:
        ValueError: a zone of the people is not known.
    """
    prepare(connection, statement)
    name, told = sql.name(table), statement.text
    ranges = [*part_ranges(connection, parts)] if HIGH in statement.parameters else [None]
    connection.execute(f"CREATE OR REPLACE TABLE {name} AS {told}", _bound(statement, at, ranges[0]))
    for part in ranges[1:]:
        connection.execute(f"INSERT INTO {name} {told}", _bound(statement, at, part))
    ((number,),) = connection.execute(f"SELECT count(*) FROM {name}").fetchall()
    return int(number)


def part_ranges(connection: duckdb.DuckDBPyConnection, parts: int) -> Iterator[tuple[int, int]]:
    """Ranges of customers, from and until before, with about the same number of people in each; at least one."""
    place = f"row_number() OVER (ORDER BY customer) * {max(parts, 1)} // (count(*) OVER () + 1)"
    groups = f"SELECT {place} AS part, customer FROM people"
    starts = connection.execute(f"SELECT min(customer) FROM ({groups}) GROUP BY part ORDER BY 1").fetchall()
    first = [row[0] for row in starts] or [0]
    ends = [*first[1:], 2**63 - 1]
    yield from zip([-(2**63) + 1, *first[1:]], ends, strict=True)


def prepare(connection: duckdb.DuckDBPyConnection, statement: Statement) -> None:
    """Gives a connection what a statement needs beside the mirror's tables: functions and the zones' transitions.

    Raises:
        ValueError: a zone of the people is not known.
    """
    for name, words in statement.functions.items():
        if not _has(connection, "duckdb_functions()", "function_name", name):
            _lend(connection, name, finder(words))
    if statement.zones:
        _see_to_zones(connection, statement.zone)


def _see_to_zones(connection: duckdb.DuckDBPyConnection, otherwise: str) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS zone_days (zone VARCHAR, from_at BIGINT, offset_seconds BIGINT)")
    known = {name for (name,) in connection.execute("SELECT DISTINCT zone FROM zone_days").fetchall()}
    if missing := _zones(connection, otherwise) - known:
        columns = zip(*zone_days(missing), strict=True)
        names = ("zone", "from_at", "offset_seconds")
        table = pa.table(dict(zip(names, map(list, columns), strict=True)))
        connection.register("zone_days_made", table)
        connection.execute("INSERT INTO zone_days SELECT * FROM zone_days_made")
        connection.unregister("zone_days_made")


def _zones(connection: duckdb.DuckDBPyConnection, otherwise: str) -> set[str]:
    found = connection.execute("SELECT DISTINCT coalesce(nullif(zone, ''), ?) FROM people", [otherwise]).fetchall()
    return {otherwise, *(name for (name,) in found)}


def _lend(connection: duckdb.DuckDBPyConnection, name: str, find: Finder) -> None:
    def found(texts: pa.ChunkedArray) -> pa.Array:
        return pa.array([find(text) for text in texts.to_pylist()], pa.list_(pa.string()))

    connection.create_function(name, found, ["VARCHAR"], "VARCHAR[]", type=PythonUDFType.ARROW)


def _has(connection: duckdb.DuckDBPyConnection, catalogue: str, column: str, name: str) -> bool:
    return connection.execute(f"SELECT 1 FROM {catalogue} WHERE {column} = ? LIMIT 1", [name]).fetchall() != []


def _bound(statement: Statement, at: int, part: tuple[int, int] | None) -> dict[str, int]:
    ends = {} if part is None else {LOW: part[0], HIGH: part[1]}
    return {name: value for name, value in {AT: at, **ends}.items() if name in statement.parameters}
