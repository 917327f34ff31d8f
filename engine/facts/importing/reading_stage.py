"""One file into staged rows: read, converted chunk by chunk, copied, committed; a killed one starts again."""

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import compress
from typing import Self

from engine.facts.importing.columns import ColumnReader, Faults, Values, column_readers, copy_text
from engine.facts.importing.csv_reading import Row
from engine.facts.importing.errors import SourceError
from engine.facts.importing.mapping import Plan, TablePlan
from engine.facts.importing.refusals import CellError, Refusal, readable
from engine.facts.importing.source import Opened, reading_rows
from engine.facts.importing.staging import (
    Connection,
    copy_refused,
    copy_staged,
    create_staged,
    drop_refused_of,
)

Progress = Callable[[str, int, int], None]
"""Called with what is being done, and how much of how much of it is."""
Lookups = Mapping[tuple[str, str, str], dict[str, str]]

CHUNK = 10_000
# Rows may be long: a chunk and what is made of it must fit into memory several times.
_MOST_CHARACTERS = 4_000_000
_MOST_JOINED = 1_000_000


@dataclass(slots=True)
class Read:
    """What reading a file gave: its rows, and how many of them were refused or lost one cell."""

    rows: int = 0
    refused: int = 0
    lost_cells: int = 0


def read_file(
    connection: Connection, digest: str, plan: Plan, opened: Opened, lookups: Lookups, progress: Progress
) -> Read:
    """Stages all relations that come from a file; the caller commits."""
    alias = opened.file.alias
    tables = [table for table in plan.tables if table.file == alias]
    drop_refused_of(connection, digest, alias)
    for table in tables:
        create_staged(connection, digest, table)
    readers = [(table, column_readers(table, opened.file.model, plan, lookups)) for table in tables]
    stage = _Stage(opened, readers)
    with _uncollected(), reading_rows(opened) as (found, position), _Copying(connection, digest, alias) as copying:
        for chunk in _chunks(found):
            copying.put(stage.take(chunk))
            progress(f"read {alias}", position.bytes, opened.bytes)
    return stage.read


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the cyclic collector: rows are many small lists and no cycles, and looking for some costs a quarter."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _chunks(found: Iterator[Row | Refusal]) -> Iterator[list[Row | Refusal]]:
    chunk: list[Row | Refusal] = []
    characters = 0
    for each in found:
        chunk.append(each)
        characters += len(each.raw) if isinstance(each, Refusal) else len(each[2])
        if len(chunk) >= CHUNK or characters >= _MOST_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    yield chunk


@dataclass(frozen=True, slots=True)
class _Converted:
    """A chunk, ready for the database: rows by relation in COPY's format, and what was refused."""

    rows: list[tuple[str, bytes]]
    refused: list[Refusal]
    lost: list[Refusal]


class _Copying:
    """Copies chunks in a thread of its own, one behind: the database works on one while the next is converted."""

    def __init__(self, connection: Connection, digest: str, alias: str) -> None:
        self._connection = connection
        self._digest = digest
        self._alias = alias
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._last: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        try:
            self._wait()
        finally:
            self._thread.shutdown()

    def put(self, chunk: _Converted) -> None:
        """Hands over a chunk once the one before is in the database."""
        self._wait()
        self._last = self._thread.submit(self._copy, chunk)

    def _wait(self) -> None:
        if self._last is not None:
            self._last.result()

    def _copy(self, chunk: _Converted) -> None:
        for relation, rows in chunk.rows:
            copy_staged(self._connection, self._digest, relation, rows)
        copy_refused(self._connection, self._digest, self._alias, chunk.refused)
        copy_refused(self._connection, self._digest, self._alias, chunk.lost, taken=True)


class _Stage:
    """Converts the chunks of one file and counts its rows."""

    def __init__(self, opened: Opened, readers: Sequence[tuple[TablePlan, Sequence[ColumnReader]]]) -> None:
        self._opened = opened
        self._readers = readers
        self.read = Read()

    def take(self, chunk: Sequence[Row | Refusal]) -> _Converted:
        """Converts one chunk; a row with a fault is refused for all relations of the file."""
        rows = [each for each in chunk if not isinstance(each, Refusal)]
        faults = Faults()
        converted = self._convert(rows, faults) if rows else []
        refused = [each for each in chunk if isinstance(each, Refusal)]
        refused += [_refusal(rows[row], column, error) for row, (column, error) in sorted(faults.rows.items())]
        lost = [_refusal(rows[row], column, error) for row, column, error in faults.lost if row not in faults.rows]
        self.read.rows += len(chunk)
        self.read.refused += len(refused)
        self.read.lost_cells += len(lost)
        return _Converted(converted, refused, lost)

    def _convert(self, rows: Sequence[Row], faults: Faults) -> list[tuple[str, bytes]]:
        cells = zip(*(row[1] for row in rows), strict=True)
        texts: dict[str, Sequence[str]] = dict(zip(self._opened.names, cells, strict=True))
        converted = []
        for table, readers in self._readers:
            faults.wanted = _wanted(table, texts)
            converted.append((table, faults.wanted, [reader.values(texts, faults) for reader in readers]))
        lines: Values = [str(row[0]) for row in rows]
        # Only now are all faults known: a row is taken for all relations of the file, or for none.
        kept = ((table.target.name, _kept([lines, *columns], wanted, faults)) for table, wanted, columns in converted)
        return [(relation, copy_text(values)) for relation, values in kept if values[0]]


def _wanted(table: TablePlan, texts: Mapping[str, Sequence[str]]) -> list[bool] | None:
    if not table.where_known:
        return None
    return [all(cells) for cells in zip(*(texts[name] for name in table.where_known), strict=True)]


def _kept(columns: list[Values], wanted: list[bool] | None, faults: Faults) -> list[Values]:
    """The columns without the rows that are refused, or not wanted by the relation."""
    if wanted is None and not faults.rows:
        return columns
    keep = list(wanted) if wanted is not None else [True] * len(columns[0])
    for row in faults.rows:
        keep[row] = False
    return [list(compress(column, keep)) for column in columns]


def _refusal(row: Row, column: str, error: CellError) -> Refusal:
    line, _, raw = row
    return Refusal(line, column, error.code, str(error), readable(raw))


def read_lookups(plan: Plan, opened: Mapping[str, Opened]) -> Lookups:
    """The joined files' values by key; the first row of a key counts.

    Raises:
        SourceError: a joined file is too long to be kept in memory.
    """
    joins = {
        cell.model.lookup
        for table in plan.tables
        for each in table.cells
        for cell in (each, *each.parts)
        if cell.model.lookup is not None and cell.model.lookup.file in opened
    }
    return {(join.file, join.by, join.take): _read_lookup(opened[join.file], join.by, join.take) for join in joins}


def _read_lookup(opened: Opened, by: str, take: str) -> dict[str, str]:
    key, value = opened.names.index(by), opened.names.index(take)
    found: dict[str, str] = {}
    with reading_rows(opened) as (rows, _):
        for row in rows:
            if not isinstance(row, Refusal):
                found.setdefault(row[1][key], row[1][value])
            if len(found) > _MOST_JOINED:
                message = f"more than {_MOST_JOINED} rows"
                hint = "customers and orders are found by key without a lookup: use identity, customer or order"
                raise SourceError("lookup-too-long", str(opened.path), message, "a short list to look up in", hint)
    return found
