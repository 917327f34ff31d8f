"""Where values lie among all that conditions compare them with: customers whose values lie alike are decided alike.

Of a number or an instant only this matters: between which of the operands it lies, or at which. So the decision of one
customer serves many, and one customer's at many instants.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from engine.conditions.ast import Compare
from engine.conditions.environment import Catalogue
from engine.conditions.generated import Constants, function
from engine.conditions.operands import ready
from engine.conditions.types import Value

Place = Callable[[Callable[[str], Value]], tuple[object, ...]]
"""Gives the place of every value; of sets and texts the place is the value itself. What it is given reads a name."""

_ORDERED = frozenset({"integer", "decimal", "money", "instant", "date"})


def compile_places(tests: Iterable[Compare], catalogue: Catalogue) -> Place:
    """A function that gives two customers the same places only if every one of the comparisons says the same of both.

    It raises TypeError for a value that has no place among what it is compared with, being of another type.
    """
    asked: dict[str, list[Compare]] = {}
    for test in tests:
        asked.setdefault(test.name, []).append(test)
    constants = Constants()
    left, right = constants.name(bisect_left), constants.name(bisect_right)
    written = []
    for name, own in sorted(asked.items()):
        operands = _operands(own, catalogue)
        if operands is None:
            written.append(f"get({name!r})")
        elif not operands:
            written.append(f"get({name!r}) is None")
        else:
            among = constants.name(operands)
            written.append(f"None if (v := get({name!r})) is None else {left}({among}, v) + {right}({among}, v)")
    return function("get", [f"return ({''.join(f'({each}), ' for each in written)})"], constants)


def _operands(tests: list[Compare], catalogue: Catalogue) -> list[Any] | None:
    """What an ordered value is compared with, in order; None where the values have no order."""
    kind = catalogue.types.get(tests[0].name)
    if kind not in _ORDERED:
        return None
    found: set[Any] = set()
    for test in tests:
        operand = ready(test, kind, catalogue.currency).operand
        found |= operand if isinstance(operand, frozenset) else {operand}
    found.discard(None)
    alike = all(isinstance(each, int | Decimal | date) and not isinstance(each, bool) for each in found)
    return sorted(found) if alike else None
