"""CSV, strictly, with true line numbers: what is broken is refused and reading goes on after it.

A quote that does not close would swallow the rest of a file. So the physical lines of the row that is being read are
kept; when the row turns out broken its first line alone is refused, and reading starts anew with the next line.
"""

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from engine.facts.importing.refusals import Refusal, readable

Row = tuple[int, list[str], str]
"""The line a row starts on, its cells, and its text as it stands in the file."""

_UTF8_BOM = b"\xef\xbb\xbf"
_BLOCK = 1 << 18
_OPEN_QUOTE = frozenset({"wrong-width", "broken-quote"})
_FEW_COLUMNS = 3
_BARE = re.compile(r"[\w.:-]+")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file separates its cells."""

    encoding: str = "utf-8"
    delimiter: str = ","


class Lines:
    """Physical lines as text, which remembers those since the last complete row and can be given some back.

    Args:
        file: where the lines come from.
        encoding: of the text. Bytes that are none become surrogates, which no sound text has.
    """

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self._blocks = _decoded(file, encoding)
        self._block: list[str] = []
        self._at = 0
        self._again: deque[str] = deque()
        self._first = 1
        self.held: list[str] = []

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> str:
        if self._again:
            line = self._again.popleft()
        else:
            while self._at == len(self._block):
                self._block, self._at = next(self._blocks).lines, 0
            line = self._block[self._at]
            self._at += 1
        self.held.append(line)
        return line

    @property
    def first(self) -> int:
        """Number of the first held line."""
        return self._first

    @property
    def is_between_blocks(self) -> bool:
        """Whether the next line is the first one of a block."""
        return self._at == len(self._block) and not self._again and not self.held

    def release(self, count: int | None = None) -> list[str]:
        """Lets go of held lines: all, or the first `count`, and then the others are read again."""
        taken = self.held
        if count is not None:
            self._again.extendleft(reversed(taken[count:]))
            taken = taken[:count]
        self._first += len(taken)
        self.held = []
        return taken

    def take_block(self, dialect: Dialect, width: int) -> list[Row] | None:
        """The rows of the next block at once, if every line of it is one sound row, as most are.

        Otherwise, or at the end, None: then its lines are the next ones.
        """
        if not self.is_between_blocks or (block := next(self._blocks, None)) is None:
            return None
        self._block, self._at = block.lines, 0
        # A row goes on in the next line only from a line with a quote too many.
        if not block.is_sound or any(line.count('"') % 2 for line in block.lines):
            return None
        try:
            rows = list(csv.reader(block.lines, strict=True, delimiter=dialect.delimiter))
        except csv.Error:
            return None
        if len(rows) != len(block.lines) or any(len(cells) != width for cells in rows):
            return None
        first, self._at = self._first, len(block.lines)
        self._first += len(block.lines)
        return list(zip(range(first, self._first), rows, block.lines, strict=True))


@dataclass(frozen=True, slots=True)
class _Block:
    """Some lines of a file, and whether all of them are text in its encoding."""

    lines: list[str]
    is_sound: bool


def _decoded(file: BinaryIO, encoding: str) -> Iterator[_Block]:
    """The lines of a file, decoded in blocks: line by line only where a block has bytes that are no text."""
    start = True
    while block := file.readlines(_BLOCK):
        if start:
            block[0], start = block[0].removeprefix(_UTF8_BOM), False
        try:
            yield _Block(list(io.StringIO(b"".join(block).decode(encoding), newline="\n")), is_sound=True)
        except UnicodeDecodeError:
            yield _Block([_decoded_line(line, encoding) for line in block], is_sound=False)


def _decoded_line(line: bytes, encoding: str) -> str:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError:
        is_utf8 = codecs.lookup(encoding).name == "utf-8"
        return line.decode("utf-8" if is_utf8 else "ascii", "surrogateescape")


def header(lines: Lines, dialect: Dialect) -> list[str] | None:
    """The names of the columns; None if the file is empty or its first row is broken."""
    try:
        names = next(csv.reader(lines, strict=True, delimiter=dialect.delimiter), None)
    except csv.Error:
        return None
    lines.release()
    return None if names is None else [name.strip() for name in names]


def rows(lines: Lines, dialect: Dialect, names: Sequence[str]) -> Iterator[Row | Refusal]:
    """The rows after the header, in order; for a broken one its refusal.

    Args:
        lines: the file, with its header already read.
        dialect: how cells are separated.
        names: the header's names; each row must have as many cells.
    """
    at_end = False
    while not at_end:
        while (block := lines.take_block(dialect, len(names))) is not None:
            yield from block
        reader = csv.reader(lines, strict=True, delimiter=dialect.delimiter)
        try:
            at_end = yield from _row_by_row(reader, lines, names, dialect.delimiter)
        except csv.Error as error:
            yield _broken(lines, error)


def _row_by_row(
    reader: Iterator[list[str]], lines: Lines, names: Sequence[str], delimiter: str
) -> Generator[Row | Refusal, None, bool]:
    """Yields rows until the end of the file (returns True), or until a reader must start anew (returns False)."""
    width = len(names)
    for cells in reader:
        first = lines.first
        simple = len(cells) == width and len(lines.held) == 1 and lines.held[0].isascii()
        refusal = None if simple or not cells else _fault(cells, lines, names, delimiter)
        if refusal is not None and refusal.code in _OPEN_QUOTE and len(lines.held) > 1:
            # Most likely an open quote ran into rows that were sound: read those again.
            lines.release(1)
            yield refusal
            return False
        raw = "".join(lines.release())
        if refusal is not None:
            yield refusal
        elif cells:
            yield first, cells, raw
        if lines.is_between_blocks:
            return False
    return True


def _fault(cells: list[str], lines: Lines, names: Sequence[str], delimiter: str) -> Refusal | None:
    raw = "".join(lines.held)
    if len(cells) != len(names):
        reason = f"{len(cells)} cells where the header names {len(names)}"
        shown = lines.held[0] if len(lines.held) > 1 else raw
        return Refusal(lines.first, "", "wrong-width", reason, readable(shown))
    if any(_is_row(line, delimiter, cells[0], len(names)) for line in lines.held[1:-1]):
        reason = "a quote in this row is not closed: the lines after it are rows of their own"
        return Refusal(lines.first, "", "broken-quote", reason, readable(lines.held[0]))
    try:
        raw.encode()
    except UnicodeEncodeError as error:
        column = next((name for name, cell in zip(names, cells, strict=True) if raw[error.start] in cell), "")
        reason = f"byte 0x{ord(raw[error.start]) & 0xFF:02x} is not text in the file's encoding"
        return Refusal(lines.first, column, "bad-encoding", reason, readable(raw))
    return None


def _is_row(line: str, delimiter: str, key: str, width: int) -> bool:
    """Whether a line within a cell looks like a row itself: as many cells, the first a bare word as the row's own is.

    A sentence seldom has just as many commas as a row, and has spaces after them; with few columns nothing is sure.
    """
    cells = line.split(delimiter) if width > _FEW_COLUMNS and '"' not in line else []
    return (
        len(cells) == width
        and not any(cell.startswith(" ") for cell in cells)
        and all(_BARE.fullmatch(first) is not None for first in (key, cells[0]))
    )


def _broken(lines: Lines, error: csv.Error) -> Refusal:
    first, text = lines.first, lines.held[0]
    lines.release(1)
    return Refusal(first, "", "broken-quote", _in_words(str(error)), readable(text))


def _in_words(problem: str) -> str:
    if "expected after" in problem:
        return "a quote in this row is not closed, or text follows a closing quote"
    if "unexpected end of data" in problem:
        return "a quote in this row is not closed before the end of the file"
    if "field larger than" in problem:
        return f"a quote in this row is not closed within {csv.field_size_limit()} characters"
    return problem
