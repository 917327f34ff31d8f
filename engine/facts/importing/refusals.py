"""Rows that are not taken: where, why, and what they were."""

from dataclasses import dataclass

# Stable names of the reasons, for scripts and for searching.
CODES: dict[str, str] = {
    "broken-quote": "a quote that does not close, or closes in the middle of a cell",
    "bad-encoding": "bytes that are not text in the file's encoding",
    "wrong-width": "more or fewer cells than the header names",
    "bad-amount": "not an amount of money",
    "bad-integer": "not a whole number, or out of range",
    "bad-boolean": "neither true nor false",
    "bad-instant": "not an instant",
    "bad-date": "not a date",
    "bad-text": "text the database cannot hold",
    "not-usable": "not an address, number, zone or the like; the row is taken and the cell left unknown",
    "not-allowed": "a word the relation does not know",
    "missing-value": "an empty cell where a value is needed",
    "unknown-reference": "names a customer, order or product that is not known",
    "conflicting-row": "the same key as an earlier row, with other values",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row that is not taken: the file's line, 1-based, and the file's column where one is at fault."""

    line: int
    field: str
    code: str
    reason: str
    raw: str


class CellError(ValueError):
    """A cell that cannot become a value.

    Attributes:
        code: one of `CODES`.
        loses_row: whether the row is refused; otherwise it is taken and the cell left unknown.
    """

    def __init__(self, code: str, reason: str, *, loses_row: bool = True) -> None:
        super().__init__(reason)
        self.code = code
        self.loses_row = loses_row


def readable(raw: str) -> str:
    """A raw row as text that any file and database can hold; bytes that were no text are written in hexadecimal."""
    if "\x00" in raw:
        raw = raw.replace("\x00", "\\x00")
    escaped = raw.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return escaped.rstrip("\r\n")
