"""Fields of events as they were told: read from an event's data, as `engine.contracts` reads one value after the other.

Of a field whose value has another form than its type, nothing is known.
"""

from collections.abc import Callable, Mapping

from engine.contracts import FieldType
from engine.money import exponent
from engine.query import sql

_AMOUNT = r"-?[0-9]{1,15}(\.[0-9]{1,3})?"
_INSTANT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:?[0-9]{2})"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"


def told_field(data: str, name: str, kind: FieldType, currency: str | None) -> str:
    """The expression of a field of an event.

    Args:
        data: the expression of the event's data, as text of JSON.
        name: the field's.
        kind: its type by the event's contract.
        currency: the reporting currency; money in another one is unknown.
    """
    if kind == "money":
        return _money(data, name, currency)
    return _READ[kind](data, _pointer(name))


def told_text(data: str, name: str) -> str:
    """The expression of a field that is text."""
    return _text(data, _pointer(name))


def _pointer(*names: str) -> str:
    """A JSON pointer: whatever a name holds, it is one step."""
    return sql.text("".join(f"/{name.replace('~', '~0').replace('/', '~1')}" for name in names))


def _of_kind(data: str, pointer: str, kinds: str, read: str) -> str:
    return f"CASE WHEN json_type({data}, {pointer}) IN ({kinds}) THEN {read} END"


def _text(data: str, pointer: str) -> str:
    return _of_kind(data, pointer, "'VARCHAR'", f"json_extract_string({data}, {pointer})")


def _boolean(data: str, pointer: str) -> str:
    return _of_kind(data, pointer, "'BOOLEAN'", f"json_extract_string({data}, {pointer})::BOOLEAN")


def _integer(data: str, pointer: str) -> str:
    return _of_kind(data, pointer, "'BIGINT', 'UBIGINT'", f"json_extract_string({data}, {pointer})::HUGEINT")


def _set(data: str, pointer: str) -> str:
    read = f"list_sort(list_distinct(from_json(json_extract({data}, {pointer}), '[\"VARCHAR\"]')))"
    return _of_kind(data, pointer, "'ARRAY'", read)


def _matching(data: str, pointer: str, pattern: str, read: Callable[[str], str]) -> str:
    """Of text in one form; DuckDB alone would take others too."""
    text = _text(data, pointer)
    return f"CASE WHEN regexp_full_match({text}, {sql.text(pattern)}) THEN {read(text)} END"


def _instant(data: str, pointer: str) -> str:
    return _matching(data, pointer, _INSTANT, lambda text: f"epoch_us(TRY_CAST({text} AS TIMESTAMPTZ))")


def _date(data: str, pointer: str) -> str:
    return _matching(data, pointer, _DATE, lambda text: f"TRY_CAST({text} AS DATE)")


def _money(data: str, name: str, currency: str | None) -> str:
    """Minor units; an amount that is finer than those is none."""
    if currency is None:
        return "NULL::BIGINT"
    digits, told = exponent(currency), _text(data, _pointer(name, "currency"))
    units = f"* {10**digits}"

    def minor(text: str) -> str:
        exact = f"{text}::DECIMAL(18, 3)::DECIMAL(38, 3) {units}"
        return f"CASE WHEN {exact} = trunc({exact}) THEN trunc({exact})::BIGINT END"

    amount = _matching(data, _pointer(name, "amount"), _AMOUNT, minor)
    return f"CASE WHEN {told} = {sql.text(currency)} THEN {amount} END"


_READ: Mapping[FieldType, Callable[[str, str], str]] = {
    "string": _text,
    "boolean": _boolean,
    "integer": _integer,
    "set": _set,
    "instant": _instant,
    "date": _date,
}
