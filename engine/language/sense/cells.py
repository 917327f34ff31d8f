"""Cells: a few values of each name that stand for all values, because no comparison tells more of them apart."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations

from engine.conditions.ast import Compare
from engine.conditions.operands import ready
from engine.conditions.types import Value
from engine.language.scope import Typed

_MOST_WORDS = 8
_OTHER = "another"


def cells(
    typed: Typed, compares: Sequence[Compare], currency: str | None, marks: Iterable[int] = ()
) -> list[Value] | None:
    """Values that stand for all, an unknown one among them; None if there are too many.

    `marks` are numbers that tell values apart besides those that the comparisons name.
    """
    known = _known(typed, [*operands_of(typed, compares, currency), *marks])
    return None if known is None else [*known, *([] if typed.known else [None])]


def operands_of(typed: Typed, compares: Sequence[Compare], currency: str | None) -> list[Value]:
    """The values that comparisons of one name name."""
    return [each for test in compares for each in _operands(test, typed, currency)]


def _operands(test: Compare, typed: Typed, currency: str | None) -> Iterable[Value]:
    operand = ready(test, typed.type, currency).operand
    return operand if isinstance(operand, frozenset) else () if operand is None else (operand,)


def _known(typed: Typed, operands: Sequence[Value]) -> list[Value] | None:
    match typed.type:
        case "boolean":
            return [True, False]
        case "string":
            return _texts(typed, operands)
        case "set":
            return _sets(operands)
        case "decimal":
            return _decimals([each for each in operands if isinstance(each, Decimal)], typed.scale)
        case "date":
            return _dates([each for each in operands if isinstance(each, date)])
        case _:
            return _integers(typed, [each for each in operands if isinstance(each, int)])


def _texts(typed: Typed, operands: Sequence[Value]) -> list[Value]:
    named = sorted({each for each in operands if isinstance(each, str)})
    if typed.choices is not None:
        rest = sorted(typed.choices - set(named))
        return [*named, *rest[:1]]
    other = _OTHER
    while other in named:
        other += "!"
    return [*named, other]


def _sets(operands: Sequence[Value]) -> list[Value] | None:
    named = sorted({each for each in operands if isinstance(each, str)})
    if len(named) > _MOST_WORDS:
        return None
    return [frozenset(chosen) for count in range(len(named) + 1) for chosen in combinations(named, count)]


def _integers(typed: Typed, operands: Sequence[int]) -> list[Value]:
    least, most = typed.within or (None, None)
    around = {value + step for value in operands for step in (-1, 0, 1)} or {least or 0}
    around |= {each for each in (least, most) if each is not None}
    return [value for value in sorted(around) if (least is None or value >= least) and (most is None or value <= most)]


def _decimals(operands: Sequence[Decimal], scale: int | None) -> list[Value]:
    """Values on the grid of the scale beside every bound; without a declared scale a grid finer than any bound."""
    step = Decimal(1).scaleb(-(9 if scale is None else scale))
    around: set[Value] = {Decimal(0)}
    for value in operands:
        below = (value / step).to_integral_value(rounding="ROUND_FLOOR") * step
        around |= {below - step, below, below + step, below + 2 * step}
    return sorted(around, key=str)


def _dates(operands: Sequence[date]) -> list[Value]:
    around: set[Value] = {*operands} or {date(2000, 1, 1)}
    for value in operands:
        around |= {value - timedelta(days=1)} if value > date.min else set()
        around |= {value + timedelta(days=1)} if value < date.max else set()
    return sorted(around, key=str)
