"""The source of an import: which file of the mapping is which file on disk, opened and measured."""

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine import __version__
from engine.facts.importing.csv_reading import Dialect, Lines, Row, header, rows
from engine.facts.importing.errors import SourceError
from engine.facts.importing.mapping import File, LookupModel, Plan
from engine.facts.importing.refusals import Refusal
from engine.language.issues import Report, Span, did_you_mean, one_of

_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Opened:
    """A file of the source: where it is, how large, and the names of its columns."""

    file: File
    path: Path
    names: tuple[str, ...]
    bytes: int

    @property
    def dialect(self) -> Dialect:
        """How its cells are separated."""
        return Dialect(self.file.model.encoding, self.file.model.delimiter)


class Position:
    """How many bytes of a file on disk have been read, compressed as it is."""

    def __init__(self, raw: io.BufferedReader) -> None:
        self._raw = raw

    @property
    def bytes(self) -> int:
        """Bytes read so far."""
        return self._raw.tell()


def open_source(plan: Plan, source: Path, report: Report) -> dict[str, Opened]:
    """Finds the mapping's files in the source and reads their headers.

    Args:
        plan: the mapping.
        source: a directory of CSV files, or one of them: then only what comes from it is imported.
        report: gets an error for each file that is missing.

    Returns:
        The files by the mapping's names for them.

    Raises:
        SourceError: the source or a file cannot be read.
    """
    if not source.exists():
        raise SourceError(
            "no-source", str(source), "nothing", "a directory of CSV files, or one file", "check the path"
        )
    opened: dict[str, Opened] = {}
    for alias, file in plan.files.items():
        path = _find(source, file.model.name)
        if path is not None:
            opened[alias] = _open(file, path)
    if not opened:
        names = [file.model.name for file in plan.files.values()]
        hint = did_you_mean(source.name, names) or "the mapping's files: names them"
        raise SourceError("not-in-mapping", str(source), "none of the mapping's files", one_of(names), hint)
    directory = source if source.is_dir() else source.parent
    for alias in _missing(plan, opened, source):
        file = plan.files[alias]
        path = _find(directory, file.model.name)
        if path is not None:
            opened[alias] = _open(file, path)
        elif not file.model.optional:
            names = sorted(each.name for each in directory.iterdir() if ".csv" in each.suffixes)
            hint = did_you_mean(file.model.name, names) or f"{directory} has {one_of(names) or 'no CSV file'}"
            report.error("RG601", file.span, file.model.name, f"this file, or it with .gz, in {directory}", hint)
    return opened


def _missing(plan: Plan, opened: Mapping[str, Opened], source: Path) -> list[str]:
    """The files that are needed and not open: of a directory all, of one file those in which its rows are looked up."""
    tables = [table for table in plan.tables if source.is_dir() or table.file in opened]
    joined = [
        part.model.lookup.file
        for table in tables
        for cell in table.cells
        for part in (cell, *cell.parts)
        if part.model.lookup is not None
    ]
    return [alias for alias in dict.fromkeys([*(table.file for table in tables), *joined]) if alias not in opened]


def _find(source: Path, name: str) -> Path | None:
    if source.is_file():
        return source if source.name.removesuffix(".gz") == name.removesuffix(".gz") else None
    candidates = (source / name, source / f"{name}.gz", source / name.removesuffix(".gz"))
    return next((path for path in candidates if path.is_file()), None)


def _open(file: File, path: Path) -> Opened:
    dialect = Dialect(file.model.encoding, file.model.delimiter)
    with reading(path) as (content, _):
        _check_start(path, content)
        names = header(Lines(content, dialect.encoding), dialect)
    if not names:
        raise SourceError("no-header", f"{path}:1", "no row of names", "the names of the columns", "add a header row")
    return Opened(file, path, tuple(names), path.stat().st_size)


def _check_start(path: Path, content: io.BufferedReader) -> None:
    first = content.peek(64)[:64]
    if first.startswith(_UTF16) or b"\x00" in first:
        hint = "save it as CSV in UTF-8, or name its encoding in the mapping's files:"
        raise SourceError("not-text", f"{path}:1", "bytes of UTF-16 or no text at all", "CSV in UTF-8", hint)


@contextmanager
def reading(path: Path) -> Iterator[tuple[io.BufferedReader, Position]]:
    """A plain or gzipped file, open, and how far it has been read.

    Raises:
        SourceError: it cannot be read to its end.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.peek(2)[:2] == _GZIP
            yield io.BufferedReader(gzip.GzipFile(fileobj=raw), _BLOCK) if packed else raw, Position(raw)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        hint = "fetch or pack the file again; nothing of it was taken"
        raise SourceError("damaged-file", str(path), f"a damaged gzip file ({error})", "a whole one", hint) from None
    except OSError as error:
        hint = "check the file and its permissions"
        raise SourceError("unreadable-file", str(path), error.strerror or "an error", "a readable file", hint) from None


@contextmanager
def reading_rows(opened: Opened) -> Iterator[tuple[Iterator[Row | Refusal], Position]]:
    """The rows of a file after its header, and how far it has been read."""
    with reading(opened.path) as (file, position):
        lines = Lines(file, opened.file.model.encoding)
        header(lines, opened.dialect)
        yield rows(lines, opened.dialect, opened.names), position


def digest(plan: Plan, opened: Mapping[str, Opened]) -> str:
    """What names this import, so that a killed one is found again: mapping, contents of files, and who reads them."""
    whole = hashlib.sha256(f"{__version__}\0{plan.text}".encode("utf-8", "surrogateescape"))
    for alias, each in sorted(opened.items()):
        with each.path.open("rb") as file:
            whole.update(f"\0{alias}\0{hashlib.file_digest(file, 'sha256').hexdigest()}".encode())
    return whole.hexdigest()


def check_columns(plan: Plan, opened: Mapping[str, Opened], report: Report) -> None:
    """Checks that every column the mapping names is in its file, and there once."""
    for table in plan.tables:
        names = opened[table.file].names if table.file in opened else None
        if names is None:
            continue
        for column in table.where_known:
            _check_column(column, names, table.file, table.span, report)
        for cell in table.cells:
            for column in cell.columns:
                _check_column(column, names, table.file, cell.span, report)
            for part in (cell, *cell.parts):
                _check_lookup(part.model.lookup, opened, part.span, report)


def check_newest(plan: Plan, opened: Mapping[str, Opened], report: Report) -> None:
    """Checks that a choice by the newest order can be made: by accounts of the same file that orders name."""
    tables = {table.target.name: table for table in plan.tables if table.file in opened}
    customers, accounts, orders = (tables.get(name) for name in ("customers", "customer_identities", "orders"))
    if customers is None or customers.several != "newest_order":
        return
    if accounts is None or accounts.file != customers.file or orders is None or orders.cell("identity") is None:
        needed = "customer_identities of the same file and, in the same import, orders with identity"
        report.error("RG604", customers.span, "several: newest_order", needed, "several: last asks for nothing")


def _check_lookup(join: LookupModel | None, opened: Mapping[str, Opened], at: Span, report: Report) -> None:
    if join is not None and join.file in opened:
        for column in (join.by, join.take):
            _check_column(column, opened[join.file].names, join.file, at, report)


def _check_column(column: str, names: Sequence[str], file: str, at: Span, report: Report) -> None:
    if names.count(column) != 1:
        found = f"{column} twice" if column in names else column
        report.error("RG602", at, found, f"a column of {file}: {one_of(names, 12)}", did_you_mean(column, names))
