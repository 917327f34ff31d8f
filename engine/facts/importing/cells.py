"""One cell's text to the text that PostgreSQL's COPY takes for its type, or a `CellError` that says why not."""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal

from engine.facts.importing.known_texts import check_of
from engine.facts.importing.local_time import instant_reader
from engine.facts.importing.mapping import Cell, FileModel, ShopModel, as_text
from engine.facts.importing.refusals import CellError
from engine.facts.importing.targets import ALLOWED, RANGES, Field
from engine.money import to_minor

ReadCell = Callable[[str], str | None]
"""Text that is not empty to a value, or None for unknown."""
ReadAll = Callable[[Sequence[str]], list[str | None]]

_AMOUNT = re.compile(r"[-+]?[0-9]{1,15}(\.[0-9]{1,9})?")
_INTEGER = re.compile(r"[-+]?[0-9]{1,19}")
_TRUE = frozenset({"true", "t", "yes", "y", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "0"})


def reader(cell: Cell, table: str, file: FileModel, shop: ShopModel, lookup: dict[str, str] | None) -> ReadCell:
    """What is done with each text of a cell, in this order: map, lookup, case, conversion to the field's kind.

    Args:
        cell: the cell; money is read by `read_amount`, as it needs the row's currency.
        table: the relation, whose allowed words and ranges hold.
        file: how the file writes numbers.
        shop: whose zone and country hold where nothing else is said.
        lookup: the joined file's values by key.
    """
    steps = [step for step in (_mapped(cell), _looked_up(cell, lookup), _cased(cell)) if step is not None]
    convert = _conversion(cell, table, file, shop)

    def read(text: str) -> str | None:
        value: str | None = text
        for step in steps:
            if not value:
                return None
            value = step(value)
        return convert(value) if value and convert is not None else value or None

    return read


def read_all(cell: Cell, shop: ShopModel) -> ReadAll | None:
    """How all texts of a cell are read at once, where that is faster: instants seldom repeat."""
    model = cell.model
    if cell.field.kind != "instant" or model.column is None or model.map or model.lookup or model.case != "keep":
        return None
    return instant_reader(model.zone or shop.zone, model.format).read_all


def is_plain(cell: Cell, table: str) -> bool:
    """Whether the cell's text is the value as it stands, so that nothing need be done for each row."""
    model = cell.model
    return (
        cell.field.kind in {"text", "reference"}
        and not model.map
        and model.lookup is None
        and model.case == "keep"
        and model.type == "text"
        and (table, cell.field.name) not in ALLOWED
        and check_of(table, cell.field.name) is None
    )


def _mapped(cell: Cell) -> ReadCell | None:
    if not cell.model.map:
        return None
    words = {key: None if value is None else as_text(value) for key, value in cell.model.map.items()}

    def step(text: str) -> str | None:
        return words[text] if text in words else _otherwise(cell, text, words)

    return step


def _looked_up(cell: Cell, lookup: dict[str, str] | None) -> ReadCell | None:
    if lookup is None:
        return None

    def step(text: str) -> str | None:
        return lookup[text] if text in lookup else _otherwise(cell, text, lookup)

    return step


def _otherwise(cell: Cell, text: str, known: object) -> str | None:
    match cell.model.otherwise:
        case "keep":
            return text
        case "empty":
            return None
        case _:
            listed = list(known)[:8] if isinstance(known, dict) else []
            raise CellError("not-allowed", f"{text!r} is not one of {', '.join(map(str, listed))} …")


def _cased(cell: Cell) -> ReadCell | None:
    match cell.model.case:
        case "lower":
            return str.lower
        case "upper":
            return str.upper
        case _:
            return None


def _conversion(cell: Cell, table: str, file: FileModel, shop: ShopModel) -> ReadCell | None:
    field = cell.field
    match field.kind:
        case "instant":
            return _trimmed(instant_reader(cell.model.zone or shop.zone, cell.model.format).read)
        case "date":
            return _trimmed(lambda text: _date(text, cell.model.format))
        case "integer":
            low, high = RANGES.get((table, field.name), (-(2 ** (field.bits - 1)), 2 ** (field.bits - 1) - 1))
            return _trimmed(lambda text: _integer(text, low, high))
        case "boolean":
            return _trimmed(_boolean)
        case "money":
            return _trimmed(lambda text: read_amount(text, "", file.decimal))
    return _text(cell, table, shop)


def _text(cell: Cell, table: str, shop: ShopModel) -> ReadCell | None:
    if cell.model.type == "integer":
        return _trimmed(lambda text: _integer(text, -(2**63), 2**63 - 1))
    if cell.model.type == "boolean":
        return _trimmed(_boolean)
    check = check_of(table, cell.field.name)
    if check is not None:
        return _trimmed(lambda text: check(text, shop.country))
    allowed = ALLOWED.get((table, cell.field.name))
    return None if allowed is None else lambda text: _allowed(text, allowed)


def _trimmed(read: Callable[[str], str]) -> ReadCell:
    def trimmed(text: str) -> str | None:
        stripped = text.strip()
        return read(stripped) if stripped else None

    return trimmed


def read_amount(text: str, currency: str, decimal: str) -> str:
    """An amount in whole units, as text, to minor units of its currency, as text.

    Raises:
        CellError: it is no amount, or finer than the currency's minor unit.
    """
    plain = text.replace(",", ".") if decimal == "," and "." not in text else text
    if _AMOUNT.fullmatch(plain) is None:
        raise CellError("bad-amount", f"{text!r} is not an amount such as 12{decimal}50")
    try:
        minor = to_minor(plain, currency)
    except ValueError as error:
        raise CellError("bad-amount", str(error)) from None
    if abs(minor) >= 2**63:
        raise CellError("bad-amount", f"{text!r} is more than can be kept")
    return str(minor)


def _integer(text: str, low: int, high: int) -> str:
    if _INTEGER.fullmatch(text) is None and not _is_whole(text):
        raise CellError("bad-integer", f"{text!r} is not a whole number")
    number = int(Decimal(text))
    if not low <= number <= high:
        raise CellError("bad-integer", f"{text!r} is not between {low} and {high}")
    return str(number)


def _is_whole(text: str) -> bool:
    """`12.0`, as spreadsheets write whole numbers."""
    return _AMOUNT.fullmatch(text) is not None and Decimal(text) == Decimal(text).to_integral_value()


def _boolean(text: str) -> str:
    folded = text.lower()
    if folded in _TRUE:
        return "true"
    if folded in _FALSE:
        return "false"
    raise CellError("bad-boolean", f"{text!r} is neither true nor false (also yes, no, 1, 0)")


def _date(text: str, form: str | None) -> str:
    try:
        return (datetime.strptime(text, form).date() if form else date.fromisoformat(text)).isoformat()  # noqa: DTZ007 - a date has no zone
    except ValueError as error:
        expected = f"written as {form}" if form else "such as 2018-01-31"
        raise CellError("bad-date", f"{text!r} is not a date {expected}: {error}") from None


def _allowed(text: str, allowed: tuple[str, ...]) -> str:
    if text not in allowed:
        raise CellError("not-allowed", f"{text!r} is not one of {', '.join(allowed)}; a map can translate it")
    return text


def check_text(field: Field, text: str) -> None:
    """Refuses text that its column cannot hold.

    Raises:
        CellError: it has a NUL character, or is too long.
    """
    if "\x00" in text:
        raise CellError("bad-text", "has a NUL character")
    if field.length is not None and len(text) > field.length:
        raise CellError("bad-text", f"{text!r} is longer than {field.length} characters")
