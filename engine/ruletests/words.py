"""Clauses and values in an operator's words."""

from datetime import date
from decimal import Decimal

from engine.conditions.ast import All, Any, Compare, Condition, Did, Not, StepIs
from engine.conditions.operands import instant
from engine.conditions.trace import Trace
from engine.conditions.types import Type, Value
from engine.money import Money

_SIGNS = {"eq": "is", "lt": "<", "lte": "<=", "gt": ">", "gte": ">=", "in": "in", "not_in": "not in"}


def clause_text(condition: Condition) -> str:
    """`spend_24mo >= 500 EUR`, `did order.paid within 60d`."""
    match condition:
        case Compare(name=name, operator=operator) if operator in ("known", "unknown"):
            return f"{name} {operator}"
        case Compare(name=name, operator=operator, amounts=amounts) if amounts:
            return f"{name} {_SIGNS[operator]} {' or '.join(_money(minor, currency) for currency, minor in amounts)}"
        case Compare(name=name, operator=operator, operand=operand, operands=operands):
            listed = ", ".join(_scalar(each) for each in operands) if operands else _scalar(operand)
            return f"{name} {_SIGNS.get(operator, operator)} {listed}"
        case Did(event=event, where=where, within_seconds=within, times=times):
            parts = [f"did {event}"]
            parts += [f"where {clause_text(where)}"] if where is not None else []
            parts += [f"within {_length(within)}"] if within is not None else []
            parts += [f"{times} times"] if times > 1 else []
            return " ".join(parts)
        case StepIs(step=step, state=state, is_=is_):
            return f"step {step} {'' if is_ else 'not '}{state}"
        case Not(part=part):
            return f"not ({clause_text(part)})"
        case All(parts=parts):
            return " and ".join(clause_text(part) for part in parts)
        case Any(parts=parts):
            return " or ".join(clause_text(part) for part in parts)


def value_text(value: Value, kind: Type | None, currency: str | None) -> str:
    """A value as people write it; money with its currency, an instant as text."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return _scalar(value)
    if isinstance(value, frozenset):
        return set_text(value)
    if kind == "money" and isinstance(value, int):
        return _money(value, currency) if currency else f"{value} minor units"
    if kind == "instant" and isinstance(value, int):
        return instant(value).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else str(value)


def set_text(values: frozenset[str]) -> str:
    """`a, b`, or `none`."""
    return ", ".join(sorted(values)) or "none"


def told(trace: Trace, kind: Type | None, currency: str | None) -> str:
    """A clause with its verdict and what was found."""
    mark = "\N{CHECK MARK}" if trace.verdict else "\N{BALLOT X}"
    if isinstance(trace.condition, Did):
        found = "once" if trace.found == 1 else f"{trace.found} times" if trace.found else "never"
    else:
        found = value_text(trace.value, kind, currency)
    return f"{mark} {clause_text(trace.condition)} (found {found})"


def _money(minor: int, currency: str) -> str:
    text = str(Money(minor, currency))
    amount, _, code = text.partition(" ")
    return f"{amount.removesuffix('.00')} {code}"


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, Decimal | int | str) else "nothing"


def _length(seconds: int) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
