"""Worked examples of attributes: a few facts in compact notation, and the value that follows from them.

    facts: {orders: [{placed_at: -40d, paid_at: -40d}, {placed_at: -3d}]}
    gives: 1

Facts are rows of relations by their fields. Instants are ISO texts (in UTC, a date is its midnight) or lie so long
before (`-40d`) or after (`2h`) the instant of asking; money is an amount with its currency. A row without an instant of
its own happens at the earliest of its other ones. `gives: unknown` says that there is no value. A rule shows how the
attribute is asked for, and whether it holds of that customer:

    rule: {paid_orders: {gte: 2}}
    holds: false
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from engine.attributes.definition import AttributeDefinition, Example
from engine.attributes.facts import CustomerFacts
from engine.attributes.fold import compile_fold
from engine.attributes.relation import Bought, Relation
from engine.attributes.relations import RELATIONS
from engine.calendar.durations import Duration
from engine.conditions.compile import compile_where
from engine.conditions.operands import microseconds
from engine.conditions.types import Type, Value
from engine.money import Money

ASKED_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
"""The instant of asking, a Sunday."""
ZONE = "Europe/Berlin"
"""The customer's zone, an hour ahead of UTC at that instant."""
CURRENCY = "EUR"
"""The reporting currency."""

_PASSED = {"expires_at": "expired_at", "estimated_at": "promise_passed_at"}
"""What lies ahead, and the hidden field that tells it once it has passed."""
_ALWAYS = microseconds(datetime(1, 1, 1, tzinfo=UTC))


def value_of(catalogue: Mapping[str, AttributeDefinition], name: str, example: Example) -> Value:
    """What the attribute is of somebody with the example's facts.

    Raises:
        ValueError: the facts name a relation or field that does not exist, or a value is not of its field's type.
    """
    fold = compile_fold(catalogue, currency=CURRENCY, only=[name], words=example.words)
    return fold(facts_of(example.facts), ASKED_AT)[name]


def expected_of(definition: AttributeDefinition, example: Example) -> Value:
    """What the example says the value is, as the fold has it.

    Raises:
        ValueError: it is not of the attribute's type.
    """
    return None if example.gives == "unknown" else read_value(example.gives, definition.type)


def rule_holds(definition: AttributeDefinition, example: Example, value: Value) -> bool | None:
    """Whether the example's rule holds where the attribute has this value; None if it has no rule."""
    if example.condition is None:
        return None
    asked = compile_where(example.condition, currency=CURRENCY, types={definition.name: definition.type})
    return asked({definition.name: value})


def facts_of(facts: Mapping[str, Sequence[Mapping[str, Any]]]) -> CustomerFacts:
    """A customer with these rows, and no others.

    Raises:
        ValueError: as for `value_of`.
    """
    unknown = facts.keys() - RELATIONS.keys()
    if unknown:
        raise ValueError(f"there is no relation {', '.join(sorted(unknown))}")
    rows = {
        name: [_row(relation, row, f"{place:03}") for place, row in enumerate(facts.get(name, ()))]
        for name, relation in RELATIONS.items()
    }
    rows["customer"] = rows["customer"] or [_row(RELATIONS["customer"], {}, "")]
    return CustomerFacts(1, ZONE, rows)


def read_value(raw: object, kind: Type) -> Value:
    """A value in compact notation.

    Raises:
        ValueError: it is not of the type.
    """
    match kind:
        case "instant":
            return _instant(str(raw))
        case "date":
            return _date(str(raw))
        case "money":
            return Money.parse(str(raw)).minor
        case "set" if isinstance(raw, list | tuple):
            return frozenset(str(each) for each in raw)
        case "set":
            return frozenset({str(raw)})
        case "boolean" | "string" | "integer" if type(raw) is _PLAIN[kind]:
            return raw  # type: ignore[return-value]  # of the type, as just asked
        case "decimal" if not isinstance(raw, bool | str):
            return raw  # type: ignore[return-value]  # an integer or decimal is left
        case _:
            raise ValueError(f"{raw!r} is not of type {kind}")


_PLAIN: Mapping[Type, type] = {"boolean": bool, "string": str, "integer": int}


def _row(relation: Relation, written: Mapping[str, Any], key: str) -> tuple[object, ...]:
    values: dict[str, object] = {"counts": True} if "counts" in relation.slots else {}
    for name, raw in written.items():
        values |= _field(relation, name, raw)
    happened = [
        value for name, value in values.items() if (each := relation.fields.get(name)) and each.since == name and value
    ]
    instant = values.pop(relation.instant, None) if relation.instant else None
    at = instant if instant is not None else min(happened, default=_ALWAYS)  # type: ignore[type-var]  # instants
    for name, raw in written.items():
        field = relation.fields[name]
        if isinstance(field.derived, Bought) and raw is True:
            values[field.derived.purchases] = [[at, at, None]]
    return relation.row(None if relation.at is None else at, key, **values)  # type: ignore[arg-type]  # an instant


def _field(relation: Relation, name: str, raw: object) -> dict[str, object]:
    """What a row stores for a field as written; money brings its currency."""
    field = relation.fields.get(name)
    if field is None or (field.sql is None and not isinstance(field.derived, Bought)):
        raise ValueError(f"{relation.name} stores no {name}")
    if isinstance(field.derived, Bought) or raw is None:
        return {}
    stored: dict[str, object] = {name: read_value(raw, field.type)}
    if field.type == "money" and relation.money:
        stored["currency"] = Money.parse(str(raw)).currency
    passed = _PASSED.get(name)
    if passed is not None and passed in relation.slots:
        stored[passed] = stored[name]
    return stored


def _instant(text: str) -> int:
    try:
        return microseconds(Duration.parse(text).after(ASKED_AT))
    except (ValueError, OverflowError):
        pass
    try:
        instant = datetime.fromisoformat(text)
        return microseconds(instant if instant.tzinfo else instant.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is not an instant such as -40d or 2026-01-31T10:00") from None


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a date such as 1990-03-02") from None
