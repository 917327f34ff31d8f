"""Names and values as SQL text: whatever they hold, they say themselves and nothing else."""

from collections.abc import Iterable
from datetime import date
from decimal import Context, Decimal

_SMALLEST, _GREATEST = -(2**63), 2**63 - 1
_WIDEST = 2**127 - 1
_LARGEST = 10**38 - 1
_EXACT = Context(prec=38)


def name(text: str) -> str:
    """A quoted name of a table or column.

    Raises:
        ValueError: it is empty or holds a NUL, which no name can.
    """
    if not text or "\0" in text:
        raise ValueError(f"{text!r} cannot be a name in SQL")
    return '"' + text.replace('"', '""') + '"'


def text(value: str) -> str:
    """A string literal."""
    pieces = ["'" + piece.replace("'", "''") + "'" for piece in value.split("\0")]
    return pieces[0] if len(pieces) == 1 else f"({' || chr(0) || '.join(pieces)})"


def whole(value: int) -> str:
    """A whole number: plain within 64 bits, else of 128; what is beyond becomes the outermost of those."""
    if value == _SMALLEST:
        return f"('{value}'::BIGINT)"
    if _SMALLEST < value <= _GREATEST:
        return f"({value})" if value < 0 else str(value)
    return f"('{max(-_WIDEST, min(value, _WIDEST))}'::HUGEINT)"


def decimal(units: int, scale: int) -> str:
    """`units` steps of a decimal with `scale` of its 38 digits behind the point; beyond them the outermost."""
    inside = max(-_LARGEST, min(units, _LARGEST))
    return f"('{Decimal(inside).scaleb(-scale, _EXACT):f}'::DECIMAL(38, {scale}))"


def day(value: date) -> str:
    """A date literal."""
    return f"DATE '{value.isoformat()}'"


def both(parts: Iterable[str]) -> str:
    """Every part; of none TRUE."""
    return _joined(parts, "AND", "TRUE")


def either(parts: Iterable[str]) -> str:
    """Any part; of none FALSE."""
    return _joined(parts, "OR", "FALSE")


def _joined(parts: Iterable[str], word: str, empty: str) -> str:
    different = list(dict.fromkeys(parts))
    if len(different) < 2:
        return different[0] if different else empty
    return f"({f' {word} '.join(different)})"
