"""A comparison made ready: its operand as the Python value that its attribute's values are compared with.

`check` is the meaning of every operator; the generated closures say the same in fewer steps.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import Any, Final

from engine.conditions.ast import Compare, Operator, Scalar
from engine.conditions.types import Type, Value

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ORDERED: Mapping[str, Callable[[Any, Any], Any]] = {"lt": lt, "lte": le, "gt": gt, "gte": ge}
_SETS = frozenset({"in", "not_in", "has_any", "has_all", "has_none"})


@dataclass(frozen=True, slots=True)
class Comparison:
    """One ready comparison. `operand` None in a comparison that needs one: it can never hold."""

    name: str
    operator: Operator
    operand: Value | frozenset[Value] = None


def ready(compare: Compare, kind: Type | None, currency: str | None) -> Comparison:
    """Turns a comparison's operand into the type of the values it meets.

    Raises:
        ValueError: the operand's text is not of the attribute's type.
    """
    operator = compare.operator
    if operator in ("known", "unknown"):
        return Comparison(compare.name, _flip(operator) if compare.operand is False else operator)
    if operator in _SETS:
        return Comparison(compare.name, operator, frozenset(_convert(each, kind) for each in compare.operands))
    if compare.amounts:
        return Comparison(compare.name, operator, dict(compare.amounts).get(currency) if currency else None)
    if operator == "eq" and kind == "set" and compare.operand is not None:
        return Comparison(compare.name, "has_any", frozenset({compare.operand}))
    return Comparison(compare.name, operator, None if compare.operand is None else _convert(compare.operand, kind))


def check(test: Comparison, value: Value) -> bool:
    """Whether a value passes; an unknown value, or one of another type than the operand, passes nothing but unknown."""
    if test.operator in ("known", "unknown"):
        return (value is None) == (test.operator == "unknown")
    if value is None or test.operand is None:
        return False
    try:
        return _passes(test, value)
    except TypeError:
        return False


def microseconds(instant: datetime) -> int:
    """Microseconds since the epoch of an aware instant."""
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def instant(at: int) -> datetime:
    """The aware datetime, in UTC, of microseconds since the epoch."""
    return _EPOCH + timedelta(0, 0, at)


def _passes(test: Comparison, value: Value) -> bool:
    operand = test.operand
    match test.operator:
        case "eq":
            return value is operand if isinstance(operand, bool) else value == operand
        case "in" | "not_in":
            assert isinstance(operand, frozenset)
            return (value in operand) == (test.operator == "in")
        case "has_any" | "has_all" | "has_none":
            return (
                isinstance(value, frozenset) and isinstance(operand, frozenset) and _has(test.operator, value, operand)
            )
        case _:
            return bool(_ORDERED[test.operator](value, operand))


def _has(operator: str, value: frozenset[str], operand: frozenset[Value]) -> bool:
    if operator == "has_all":
        return value >= operand
    return value.isdisjoint(operand) == (operator == "has_none")


def _flip(operator: Operator) -> Operator:
    return "unknown" if operator == "known" else "known"


def _convert(operand: Scalar, kind: Type | None) -> Value:
    if not isinstance(operand, str):
        return Decimal(operand) if kind == "decimal" and not isinstance(operand, bool) else operand
    match kind:
        case "instant":
            return microseconds(_aware(operand))
        case "date":
            return date.fromisoformat(operand)
        case "decimal":
            return _decimal(operand)
        case _:
            return operand


def _aware(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no zone; an instant is written as 2026-01-31T10:00:00Z")
    return instant


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except ArithmeticError:
        raise ValueError(f"{text!r} is not a number") from None
    if not number.is_finite():
        raise ValueError(f"{text!r} is not a number")
    return number
