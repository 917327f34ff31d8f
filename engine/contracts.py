"""What an event's contract says about its fields, read from a JSON Schema as plain data.

A contract is the JSON Schema of one kind of event. Beside the standard keywords it may use
`subject` (at the root: customer, order, shipment or case), `format: money` (an object with an amount as text and a
currency), `format: date-time`, and `personal: true` (kept out of the event log and not offered to rules).
"""

from collections.abc import Mapping
from datetime import date, datetime
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


def resolve(schema: Mapping[str, Any], part: Any) -> Mapping[str, Any]:
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


def value_of(kind: FieldType, raw: Any) -> Value | None:
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
        case "set":
            return frozenset(str(each) for each in raw)
    if not isinstance(raw, str | int):
        raise ValueError(f"{raw!r} is not of type {kind}")
    return raw


def values_of(fields: Mapping[str, FieldType], data: Mapping[str, Any]) -> dict[str, Value]:
    """All known field values of an event's data; absent and null ones are left out.

    Raises:
        ValueError: a value does not have the form of its field's type.
    """
    found = ((name, value_of(kind, data.get(name))) for name, kind in fields.items())
    return {name: value for name, value in found if value is not None}


def json_of(value: Value) -> Any:
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


def money_of(raw: Mapping[str, Any]) -> Money:
    """Money from `{"amount": "12.50", "currency": "EUR"}`.

    Raises:
        ValueError: no such pair, or an amount finer than the currency's minor unit.
    """
    try:
        amount, currency = raw["amount"], raw["currency"]
    except (KeyError, TypeError):
        raise ValueError(f"{raw!r} is not an amount with a currency") from None
    return Money(to_minor(str(amount), str(currency)), str(currency))


def _aware(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no zone")
    return instant


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
