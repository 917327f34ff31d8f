"""By how much a comparison fails: `120.00 BRL more`, `12 days fewer`."""

from datetime import date
from decimal import Decimal
from typing import Any

from engine.conditions.ast import Compare
from engine.conditions.trace import Trace
from engine.explain.words import Wording

_MORE = frozenset({"gt", "gte"})
_LESS = frozenset({"lt", "lte"})


def short_of(traced: Trace, wording: Wording) -> str:
    """What a failing comparison of numbers lacks; empty for all else."""
    asked, value = traced.condition, traced.value
    if not isinstance(asked, Compare) or asked.operator not in _MORE | _LESS | {"eq"}:
        return ""
    if isinstance(value, bool | str | date | frozenset) or value is None:
        return ""
    kind = wording.types.get(asked.name)
    operand = _operand(asked, wording.currency)
    if operand is None or kind not in ("integer", "decimal", "money"):
        return ""
    gap = operand - value
    if asked.operator in ("gt", "lt") and gap == 0:
        return f"anything {'more' if asked.operator == 'gt' else 'less'}"
    shown = wording.value(abs(gap), kind, wording.units.get(asked.name))
    least = "more than " if asked.operator in ("gt", "lt") else ""
    return f"{least}{shown} {'more' if gap > 0 else 'less'}"


def _operand(asked: Compare, currency: str | None) -> Any:  # noqa: ANN401 -- a number, if it is one
    if asked.amounts:
        return dict(asked.amounts).get(currency or "")
    if isinstance(asked.operand, bool) or asked.operand is None:
        return None
    try:
        return asked.operand if isinstance(asked.operand, int) else Decimal(asked.operand)
    except ArithmeticError:
        return None
