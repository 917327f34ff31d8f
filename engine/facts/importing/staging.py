"""Staged rows: what a file says, as tables of the database's own, until everything is merged at once.

They are unlogged and named by the import's digest, so that an import that was killed finds what it had read.
"""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from engine.facts.importing.mapping import Cell, TablePlan
from engine.facts.importing.refusals import Refusal

Connection = psycopg.Connection[Any]
_PREFIX = "staged_"
_KEPT_DIGITS = 12
_NAMES = f"^{_PREFIX}(dry-)?[0-9a-f]+_"


def prefix(digest: str) -> str:
    """What the names of an import's staged tables start with."""
    return f"{_PREFIX}{digest[:_KEPT_DIGITS]}_"


def staged_name(digest: str, relation: str) -> sql.Identifier:
    """The table of a relation's staged rows; of the refused rows for the relation `refused`."""
    return sql.Identifier(prefix(digest) + relation)


def staged_column(cell: Cell) -> str:
    """The column that holds a cell's value; a reference stays the source's key until the merge."""
    return f"ref_{cell.field.name}" if cell.field.kind == "reference" else cell.field.column


def create_staged(connection: Connection, digest: str, table: TablePlan) -> None:
    """Makes the empty table of a relation's staged rows; one that is there is replaced."""
    columns = [
        sql.SQL("{} {}").format(sql.Identifier(staged_column(cell)), sql.SQL(cell.field.sql_type))
        for cell in table.staged
    ]
    name = staged_name(digest, table.target.name)
    connection.execute(sql.SQL("drop table if exists {}").format(name))
    connection.execute(
        sql.SQL("create unlogged table {} ({})").format(
            name, sql.SQL(", ").join([sql.SQL("source_line bigint"), *columns])
        )
    )


def create_refused(connection: Connection, digest: str) -> None:
    """Makes the table of refused rows, if it is not there. A row with `taken` was taken but for one cell."""
    connection.execute(
        sql.SQL(
            "create unlogged table if not exists {} (file text, relation text, line bigint, field text, code text,"
            " reason text, raw text, taken boolean)"
        ).format(staged_name(digest, "refused"))
    )


def copy_staged(connection: Connection, digest: str, relation: str, rows: bytes) -> None:
    """Adds rows in COPY's text format."""
    statement = sql.SQL("copy {} from stdin").format(staged_name(digest, relation))
    with connection.cursor().copy(statement) as copy:
        copy.write(rows)


def copy_refused(
    connection: Connection, digest: str, file: str, refusals: Sequence[Refusal], *, taken: bool = False
) -> None:
    """Adds refused rows of a file."""
    if not refusals:
        return
    with connection.cursor().copy(sql.SQL("copy {} from stdin").format(staged_name(digest, "refused"))) as copy:
        for each in refusals:
            copy.write_row((file, None, each.line, each.field, each.code, each.reason, each.raw, taken))


def drop_refused_of(connection: Connection, digest: str, file: str) -> None:
    """Forgets the refused rows of a file that will be read again."""
    connection.execute(sql.SQL("delete from {} where file = %s").format(staged_name(digest, "refused")), [file])


def drop_staged(connection: Connection, keep: str | None = None) -> None:
    """Drops the staged tables of all imports but one; there is never more than one import at work."""
    rows = connection.execute(
        "select tablename from pg_tables where schemaname = current_schema() and tablename ~ %s", [_NAMES]
    ).fetchall()
    for (name,) in rows:
        if keep is None or not name.startswith(prefix(keep)):
            connection.execute(sql.SQL("drop table {}").format(sql.Identifier(name)))


def count_staged(connection: Connection, digest: str, relations: Sequence[str]) -> list[int] | None:
    """How many rows each relation has staged; None if a table is not there. A crash of the server empties them."""
    counts = []
    for relation in relations:
        if not connection.execute("select to_regclass(%s)", [staged_name(digest, relation).as_string()]).fetchone()[0]:  # type: ignore[index]  # a function gives a row
            return None
        row = connection.execute(sql.SQL("select count(*) from {}").format(staged_name(digest, relation))).fetchone()
        counts.append(row[0] if row else 0)
    return counts
