"""Rows from PostgreSQL into Parquet: COPY into a file aside, a line a row, which DuckDB reads as the declared types.

No row becomes a Python object: PostgreSQL writes the lines and DuckDB reads them. What the file aside may hold is
bounded by the customers of a part.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import psycopg

from engine.mirror.errors import told_of_disks
from engine.mirror.layout import GATHERED, STORED, Stored
from engine.mirror.manifest import File, describe_file
from engine.query import sql

Connection = psycopg.Connection[Any]
PARQUET = "format parquet, compression zstd, compression_level 1"
"""How the mirror's files are written."""
_LONGEST_LINE = 128 * 1024 * 1024
_BUFFER = 1024 * 1024
# What COPY writes for these characters, and the characters.
_ESCAPED = (
    ("'\\\\'", "chr(0)"), ("'\\n'", "chr(10)"), ("'\\t'", "chr(9)"), ("'\\r'", "chr(13)"), ("'\\b'", "chr(8)"),
    ("'\\f'", "chr(12)"), ("'\\v'", "chr(11)"), ("chr(0)", "'\\'"),
)  # fmt: skip


@dataclass(frozen=True)
class Hand:
    """What one thread works with: a connection in the transaction whose snapshot is read, and a DuckDB cursor."""

    connection: Connection
    duck: duckdb.DuckDBPyConnection


def write_part(hand: Hand, owners: str, directory: Path, target: Path, number: int) -> dict[str, File]:
    """Writes all rows of some customers, a file for each relation that has any.

    Args:
        hand: reads and converts.
        owners: what limits the customers.
        directory: the mirror's.
        target: the directory of the files.
        number: of the part there.

    Raises:
        MirrorError: the disk is full or cannot be written.
    """
    files: dict[str, File] = {}
    for name, stored in STORED.items():
        file = _write_rows(hand, stored, owners, directory, target / f"{name}-{number:04d}.parquet", files)
        if file is not None:
            files[name] = file
    return files


def _write_rows(
    hand: Hand, stored: Stored, owners: str, directory: Path, target: Path, before: Mapping[str, File]
) -> File | None:
    """One relation's file, in the order of customers; None where there are no rows."""
    aside = target.with_suffix(".rows")
    with told_of_disks(directory):
        try:
            if not copy_aside(hand.connection, stored.copied(owners), aside):
                return None
            gathered = {name: directory / file.path for name, file in before.items()}
            hand.duck.execute(_conversion(stored, aside, target, gathered))
            return describe_file(directory, target)
        finally:
            aside.unlink(missing_ok=True)


def copy_aside(connection: Connection, statement: str, aside: Path) -> int:
    """Writes what a COPY statement sends into a file, a line a row; gives how many bytes."""
    with (
        aside.open("wb", buffering=_BUFFER) as file,
        connection.cursor() as cursor,
        cursor.copy(statement.encode()) as copy,
    ):
        write = file.write
        for line in copy:
            write(line)
        return file.tell()


def _conversion(stored: Stored, aside: Path, target: Path, gathered: Mapping[str, Path]) -> str:
    columns = [("customer", "BIGINT"), *stored.columns]
    kept = ", ".join(f"{stored.gathered.get(name) or _kept(name, kind)} as {sql.name(name)}" for name, kind in columns)
    joined = GATHERED.format_map(_sources(gathered)) if stored.gathered else ""
    return (
        f"copy (select {kept} from {lines(aside, columns)} r {joined} order by customer) "  # noqa: S608 -- our own declarations
        f"to {sql.text(str(target))} ({PARQUET})"
    )


def lines(aside: Path, columns: Iterable[tuple[str, str]]) -> str:
    """The rows of a file that COPY has filled, for DuckDB's `from`; texts are as COPY has escaped them.

    Args:
        aside: the file.
        columns: each one's name and type.
    """
    told = ", ".join(f"{sql.text(name)}: '{_told(kind)}'" for name, kind in columns)
    return (
        f"read_csv({sql.text(plain(aside))}, auto_detect = false, header = false, columns = {{{told}}}, "
        "delim = '\t', quote = '', escape = '', comment = '', new_line = '\\n', "
        f"nullstr = '\\N', max_line_size = {_LONGEST_LINE}, strict_mode = true)"
    )


def _sources(gathered: Mapping[str, Path]) -> dict[str, str]:
    """The relations that others gather from: their file, or no rows."""
    return {
        name: f"read_parquet({sql.text(plain(gathered[name]))})" if name in gathered else f"({no_rows(STORED[name])})"
        for name in ("lines", "payments", "reviews")
    }


def no_rows(stored: Stored) -> str:
    """A query of the columns alone."""
    types = ", ".join(f"null::{kind} as {sql.name(name)}" for name, kind in stored.columns)
    return f"select null::bigint as customer, {types} where false"


def plain(path: Path) -> str:
    """A path in which DuckDB finds no pattern."""
    return "".join(f"[{each}]" if each in "[*?" else each for each in str(path))


def _told(kind: str) -> str:
    return "VARCHAR" if kind.endswith("[]") else kind


def _kept(name: str, kind: str) -> str:
    column = f"r.{sql.name(name)}"
    match kind:
        case "VARCHAR":
            return _as_it_was(column)
        case "VARCHAR[]":
            return f"list_sort(from_json({_as_it_was(column)}, '[\"VARCHAR\"]'))"
        case _:
            return column


def _as_it_was(column: str) -> str:
    """A text without the backslashes of COPY; the backslash itself is a zero byte meanwhile, which no text has."""
    text = column
    for sent, was in _ESCAPED:
        text = f"replace({text}, {sent}, {was})"
    return f"case when contains({column}, '\\') then {text} else {column} end"
