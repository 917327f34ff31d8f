"""Refused rows as CSV files, one for each file of the source: line, field, code, reason and the row as it was."""

import csv
from array import array
from collections.abc import Mapping
from pathlib import Path

from psycopg import sql

from engine.facts.importing.refusals import Refusal, readable
from engine.facts.importing.source import Opened, reading_rows
from engine.facts.importing.staging import Connection, staged_name

_HEADER = ("line", "relation", "field", "code", "reason", "taken", "row")


def write_refused(
    connection: Connection, digest: str, opened: Mapping[str, Opened], directory: Path
) -> dict[str, Path]:
    """Writes the refused rows of each file that has some; a file of an earlier run is replaced or removed.

    Args:
        connection: where they are staged.
        digest: of the import.
        opened: the files, to find the rows that the merge refused by their lines.
        directory: where to write; made if needed.

    Returns:
        The written files, by the mapping's names for the source's files.
    """
    written = {}
    for alias, file in opened.items():
        _add_rows(connection, digest, file)
        path = directory / f"refused-{alias}.csv"
        if _write(connection, digest, alias, path):
            written[alias] = path
        else:
            path.unlink(missing_ok=True)
    return written


def _add_rows(connection: Connection, digest: str, file: Opened) -> None:
    """A merge knows lines only: the rows are read again, which costs something only if there are any."""
    lines = _lines_without_rows(connection, digest, file.file.alias)
    if not lines:
        return
    connection.execute("create temporary table told (line bigint, raw text) on commit drop")
    with connection.cursor().copy("copy told from stdin") as copy, reading_rows(file) as (rows, _):
        wanted = iter(lines)
        line = next(wanted, None)
        for row in rows:
            if not isinstance(row, Refusal) and row[0] == line:
                copy.write_row((line, readable(row[2])))
                line = next(wanted, None)
    update = "update {} r set raw = told.raw from told where r.file = %s and r.line = told.line and r.raw is null"
    connection.execute(sql.SQL(update).format(staged_name(digest, "refused")), [file.file.alias])
    connection.execute("drop table told")


def _lines_without_rows(connection: Connection, digest: str, alias: str) -> "array[int]":
    """In order, as the file has them; an array, because it may be every line of a long file."""
    query = sql.SQL("select distinct line from {} where file = %s and raw is null order by line")
    with connection.cursor(name="lines") as cursor:
        cursor.execute(query.format(staged_name(digest, "refused")), [alias])
        return array("q", (line for (line,) in cursor))


def _write(connection: Connection, digest: str, alias: str, path: Path) -> bool:
    query = sql.SQL(
        "select line, coalesce(relation, ''), coalesce(field, ''), code, reason,"
        " case when taken then 'all but this cell' else 'no' end, coalesce(raw, '')"
        " from {} where file = %s order by line, relation nulls first, field, reason"
    ).format(staged_name(digest, "refused"))
    with connection.cursor(name="refused") as cursor:
        cursor.execute(query, [alias])
        first = cursor.fetchone()
        if first is None:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([_HEADER, first])
            writer.writerows(cursor)
        part.replace(path)
    return True


def count_refused(connection: Connection, digest: str) -> dict[str, tuple[int, int]]:
    """For each file how many rows were refused, and how many were taken with a cell left unknown."""
    rows = connection.execute(
        sql.SQL(
            "select file, count(distinct line) filter (where not taken), count(*) filter (where taken)"
            " from {} group by 1"
        ).format(staged_name(digest, "refused"))
    )
    return {file: (refused, lost) for file, refused, lost in rows}
