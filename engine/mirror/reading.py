"""Rows from PostgreSQL into Parquet: COPY as text into a file aside, a line a row, which DuckDB reads with the declared types.

No row becomes a Python object: PostgreSQL writes the lines and DuckDB reads them. What the file aside may hold is
bounded by the customers of a part.
"""

from pathlib import Path
from typing import Any

import duckdb
import psycopg

from engine.mirror.errors import told_of_disks
from engine.mirror.layout import Stored
from engine.mirror.manifest import File, describe_file

Connection = psycopg.Connection[Any]
_LONGEST_LINE = 128 * 1024 * 1024
_BUFFER = 1024 * 1024
# What COPY writes for these characters, and the characters.
_ESCAPED = (
    ("'\\\\'", "chr(0)"), ("'\\n'", "chr(10)"), ("'\\t'", "chr(9)"), ("'\\r'", "chr(13)"), ("'\\b'", "chr(8)"),
    ("'\\f'", "chr(12)"), ("'\\v'", "chr(11)"), ("chr(0)", "'\\'"),
)  # fmt: skip


def quoted(name: str) -> str:
    """A name in DuckDB's SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: object) -> str:
    """A text in DuckDB's SQL, where no parameter may stand."""
    return "'" + str(text).replace("'", "''") + "'"


def write_rows(
    connection: Connection, duck: duckdb.DuckDBPyConnection, stored: Stored, owners: str, directory: Path, target: Path
) -> File | None:
    """Writes a relation's rows of some customers into one Parquet file, in the order of customers.

    Args:
        connection: in the transaction whose snapshot is read.
        duck: does the conversion; within its limit of memory.
        stored: the relation.
        owners: what limits the customers.
        directory: the mirror's.
        target: the file.

    Returns:
        The file, on the disk; None where there are no rows, and no file.

    Raises:
        MirrorError: the disk is full or cannot be written.
    """
    aside = target.with_suffix(".rows")
    with told_of_disks(directory):
        try:
            if not _copy(connection, stored.copied(owners), aside):
                return None
            _convert(duck, stored, aside, target)
            return describe_file(directory, target)
        finally:
            aside.unlink(missing_ok=True)


def _copy(connection: Connection, statement: str, aside: Path) -> int:
    """Bytes that were written."""
    with (
        aside.open("wb", buffering=_BUFFER) as file,
        connection.cursor() as cursor,
        cursor.copy(statement.encode()) as copy,
    ):
        write = file.write
        for line in copy:
            write(line)
        return file.tell()


def _convert(duck: duckdb.DuckDBPyConnection, stored: Stored, aside: Path, target: Path) -> None:
    columns = [("customer", "BIGINT"), *stored.columns]
    told = ", ".join(f"'c{place}': '{_told(kind)}'" for place, (_, kind) in enumerate(columns))
    kept = ", ".join(f"{_kept(f'c{place}', kind)} as {quoted(name)}" for place, (name, kind) in enumerate(columns))
    duck.execute(
        f"copy (select {kept} from read_csv({literal(aside)}, auto_detect = false, header = false, "  # noqa: S608 -- our own declarations
        f"columns = {{{told}}}, delim = '\t', quote = '', escape = '', comment = '', new_line = '\\n', "
        f"nullstr = '\\N', max_line_size = {_LONGEST_LINE}, strict_mode = true) order by c0) "
        f"to {literal(target)} (format parquet, compression zstd, compression_level 1)"
    )


def _told(kind: str) -> str:
    return "VARCHAR" if kind.endswith("[]") else kind


def _kept(column: str, kind: str) -> str:
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
