"""Values as JSON has them."""

from datetime import date
from decimal import Decimal
from typing import Any

from engine.conditions.operands import instant
from engine.conditions.types import Type, Value


def as_json(value: Value, kind: Type | None) -> Any:  # noqa: ANN401 - any value of JSON
    """A value as JSON has it: instants and dates in ISO 8601, decimals as text, sets as sorted lists."""
    match value:
        case int() if kind == "instant":
            return instant(value).isoformat().replace("+00:00", "Z")
        case Decimal():
            return str(value)
        case date():
            return value.isoformat()
        case frozenset():
            return sorted(value)
        case _:
            return value
