"""The smallest set of clauses that would have to turn for a condition to hold.

Each clause is looked at by itself: that `days >= 90` and `days < 30` cannot both hold is not known here. A clause that
a condition names several times is one clause and turns everywhere at once.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations

from engine.conditions.ast import All, Any, Condition, Not
from engine.conditions.trace import Trace

MOST_REPEATED = 10
"""Clauses named several times are tried in all combinations; of more than so many only the first."""

Turned = tuple[Condition, bool]
"""A clause, and whether it would have to hold (or to fail)."""


def smallest_turn(traced: Trace, *, wanted: bool = True) -> tuple[Turned, ...] | None:
    """A smallest set of clauses whose turning gives the condition the wanted verdict, in the order they are written.

    None: no set does, as for an empty `any`.
    """
    if traced.verdict is wanted:
        return ()
    verdicts = {each.condition: each.verdict for each in leaves(traced)}
    counted = Counter(each.condition for each in leaves(traced))
    repeated = [condition for condition, times in counted.items() if times > 1][:MOST_REPEATED]
    best: frozenset[Condition] | None = None
    for turned in _subsets(repeated):
        if best is not None and len(turned) >= len(best):
            break
        fixed = {each: verdicts[each] is not (each in turned) for each in repeated}
        found = _cheapest(traced, fixed, wanted)
        if found is not None and (best is None or len(found | turned) < len(best)):
            best = found | turned
    if best is None:
        return None
    return tuple((condition, not verdict) for condition, verdict in verdicts.items() if condition in best)


def leaves(traced: Trace) -> Iterator[Trace]:
    """Every comparison and question of a condition, in the order they are written."""
    if isinstance(traced.condition, All | Any | Not):
        for part in traced.parts:
            yield from leaves(part)
    else:
        yield traced


def _subsets(conditions: list[Condition]) -> Iterator[frozenset[Condition]]:
    for size in range(len(conditions) + 1):
        yield from map(frozenset, combinations(conditions, size))


def _cheapest(traced: Trace, fixed: Mapping[Condition, bool], wanted: bool) -> frozenset[Condition] | None:  # noqa: FBT001 -- a verdict
    """No clause but the fixed ones is named twice, so parts do not touch: the least of each is the least of all."""
    match traced.condition:
        case Not():
            return _cheapest(traced.parts[0], fixed, not wanted)
        case All() | Any():
            every = isinstance(traced.condition, All) is wanted
            found = [_cheapest(part, fixed, wanted) for part in traced.parts]
            return _together(found) if every else _least(found)
        case condition if condition in fixed:
            return frozenset() if fixed[condition] is wanted else None
        case condition:
            return frozenset() if traced.verdict is wanted else frozenset({condition})


def _together(found: list[frozenset[Condition] | None]) -> frozenset[Condition] | None:
    sets = [each for each in found if each is not None]
    return frozenset().union(*sets) if len(sets) == len(found) else None


def _least(found: list[frozenset[Condition] | None]) -> frozenset[Condition] | None:
    return min((each for each in found if each is not None), key=len, default=None)
