"""What an event's contract says about its fields, read from a JSON Schema as plain data.

A contract is the JSON Schema of one kind of event. Beside the standard keywords it may use
`subject` (at the root: customer, order, shipment or case), `format: money` (an object with an amount as text and a
currency), `format: date-time`, and `personal: true` (kept out of the event log and not offered to rules).
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, get_args

from engine.money import Money, to_minor

FieldType = Literal["string", "integer", "boolean", "instant", "date", "money", "set"]
EventSubject = Literal["customer", "order", "shipment", "case"]
Value = str | int | bool | datetime | date | Money | frozenset[str]

# What every event about an order offers to a `where`, besides what its contract names: read from the order itself.
ORDER_FIELDS: Mapping[str, FieldType] = {
    "payment_method": "string",
    "channel": "string",
    "platform": "string",
    "total": "money",
    "category": "set",
    "product": "set",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AMOUNT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,3})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_WITH_ORDER = ("order", "shipment")
_STRING_FORMATS: Mapping[str, FieldType] = {"date-time": "instant", "date": "date"}
_SCALARS: Mapping[str, FieldType] = {"string": "string", "integer": "integer", "boolean": "boolean"}


def subject_of(schema: Mapping[str, Any]) -> EventSubject:
    """Whom or what the event is about: `customer` unless the contract's root says otherwise.

    Raises:
        ValueError: the `subject` keyword holds something else.
    """
    subject = schema.get("subject", "customer")
    if subject not in get_args(EventSubject):
        raise ValueError(f"subject is {subject!r}, expected one of {', '.join(get_args(EventSubject))}")
    return subject  # type: ignore[no-any-return]  # membership in the literal's arguments was just checked


def fields_of(schema: Mapping[str, Any]) -> dict[str, FieldType]:
    """The fields that a `where` may use, with their types.

    Text, whole numbers, booleans, instants, dates, money and lists of text are fields; other shapes (nested objects,
    numbers with a fraction) and personal ones are not. Events about an order also offer `ORDER_FIELDS`.
    """
    fields: dict[str, FieldType] = dict(ORDER_FIELDS) if subject_of(schema) in _WITH_ORDER else {}
    for name, part in schema.get("properties", {}).items():
        resolved = resolve(schema, part)
        found = None if resolved.get("personal") else _type_of(schema, resolved)
        if found is not None:
            fields[name] = found
    return fields


def personal_of(schema: Mapping[str, Any]) -> frozenset[str]:
    """Names of the top-level properties that hold personal data."""
    properties = schema.get("properties", {})
    return frozenset(name for name, part in properties.items() if resolve(schema, part).get("personal"))


def resolve(schema: Mapping[str, Any], part: object) -> Mapping[str, Any]:
    """A part of a schema with a reference inside the same file (`#/$defs/...`) followed; keywords beside it win."""
    if not isinstance(part, Mapping):
        return {}
    reference = part.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return part
    target: Any = schema
    for name in reference[2:].split("/"):
        target = target.get(name) if isinstance(target, Mapping) else None
    beside = {key: value for key, value in part.items() if key != "$ref"}
    return {**resolve(schema, target), **beside} if target is not part else beside


def value_of(kind: FieldType, raw: object) -> Value | None:
    """The value of one field from its JSON form; `None` for null.

    Raises:
        ValueError: the raw value does not have the form of its type.
    """
    if raw is None:
        return None
    match kind:
        case "instant":
            return _aware(str(raw))
        case "date":
            return date.fromisoformat(str(raw))
        case "money":
            return money_of(raw)
        case "set" if isinstance(raw, list | tuple | set | frozenset):
            return frozenset(str(each) for each in raw)
        case "string" | "integer" | "boolean" if isinstance(raw, str | int):
            return raw
        case _:
            raise ValueError(f"{raw!r} is not of type {kind}")


def values_of(fields: Mapping[str, FieldType], data: Mapping[str, Any]) -> dict[str, Value]:
    """All known field values of an event's data; absent and null ones are left out.

    Raises:
        ValueError: a value does not have the form of its field's type.
    """
    found = ((name, value_of(kind, data.get(name))) for name, kind in fields.items())
    return {name: value for name, value in found if value is not None}


def json_of(value: Value) -> object:
    """The JSON form of a field's value: the inverse of `value_of`."""
    match value:
        case Money():
            return {"amount": str(value.amount), "currency": value.currency}
        case frozenset():
            return sorted(value)
        case datetime() | date():
            return value.isoformat()
        case _:
            return value


def comparable(
    values: Mapping[str, Value], currency: str | None
) -> dict[str, bool | int | str | date | frozenset[str]]:
    """Field values as conditions compare them: instants in microseconds since the epoch, money in minor units.

    Money of another currency than the reporting one is unknown, and so left out.
    """
    found = ((name, _comparable(value, currency)) for name, value in values.items())
    return {name: value for name, value in found if value is not None}


def _comparable(value: Value, currency: str | None) -> bool | int | str | date | frozenset[str] | None:
    match value:
        case Money():
            return value.minor if value.currency == currency else None
        case datetime():
            return (value - _EPOCH) // timedelta(microseconds=1)
        case _:
            return value


def money_of(raw: object) -> Money:
    """Money from `{"amount": "12.50", "currency": "EUR"}`.

    Raises:
        ValueError: no such pair, or an amount finer than the currency's minor unit.
    """
    pair = raw if isinstance(raw, Mapping) else {}
    amount, currency = pair.get("amount"), pair.get("currency")
    if not isinstance(amount, str) or not isinstance(currency, str):
        raise ValueError(f"{raw!r} is not an amount with a currency")  # noqa: TRY004 - one error for every bad value
    if _AMOUNT.fullmatch(amount) is None:
        raise ValueError(f"{amount!r} is not an amount such as 12.50")
    if _CURRENCY.fullmatch(currency) is None:
        raise ValueError(f"{currency!r} is not a currency such as EUR")
    return Money(to_minor(amount, currency), currency)


def _aware(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no zone")
    return instant.astimezone(UTC)


def _type_of(schema: Mapping[str, Any], part: Mapping[str, Any]) -> FieldType | None:
    form = part.get("format")
    if form == "money":
        return "money"
    kind = _plain_type(part)
    if kind == "string":
        return _STRING_FORMATS.get(str(form), "string")
    if kind == "array":
        items = resolve(schema, part.get("items"))
        return "set" if _plain_type(items) == "string" else None
    return _SCALARS.get(kind or "")


def _plain_type(part: Mapping[str, Any]) -> str | None:
    kind = part.get("type")
    if isinstance(kind, list):
        named = [each for each in kind if each != "null"]
        kind = named[0] if len(named) == 1 else None
    if kind is None:
        choices = part.get("enum", [part["const"]] if "const" in part else [])
        kind = "string" if choices and all(isinstance(choice, str) for choice in choices) else None
    return kind if isinstance(kind, str) else None
