"""Results that need all instants or values of the rows at once: habits, intervals, streaks.

Each takes what the pass gathered, in any order; instants are microseconds since the epoch.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from engine.attributes.ratio import ratio

_DAY = 86_400_000_000


def top(counted: Mapping[Any, Sequence[int]]) -> Any:  # noqa: ANN401 -- the type of the field, text or number
    """The value of the greatest count; of several the one met latest, then the smallest; None of none.

    Args:
        counted: for each value how often it was met, and the latest instant.
    """
    return min(counted, key=lambda value: (-counted[value][0], -counted[value][1], value), default=None)


def habit(instants: Iterable[int], part: Callable[[int], int]) -> int | None:
    """The most frequent hour or weekday; of several the one met latest; unknown without instants."""
    counted: dict[int, list[int]] = {}
    for instant in instants:
        met = counted.setdefault(part(instant), [0, instant])
        met[0] += 1
        met[1] = max(met[1], instant)
    found: int | None = top(counted)
    return found


def interval(instants: Iterable[int]) -> int | None:
    """Whole days between the last two different instants; unknown with fewer than two."""
    ordered = sorted(set(instants))
    return None if len(ordered) < 2 else (ordered[-1] - ordered[-2]) // _DAY


def median_interval(instants: Iterable[int], scale: int) -> Decimal | None:
    """The median of the days between successive different instants; unknown with fewer than two."""
    ordered = sorted(set(instants))
    lengths = sorted(after - before for before, after in pairwise(ordered))
    if not lengths:
        return None
    middle = len(lengths) // 2
    return ratio(lengths[middle] + lengths[-1 - middle], 2 * _DAY, scale)


def streak(met: Iterable[tuple[int, str, bool]]) -> int:
    """How many of the latest rows, without a break, passed: rows by instant, then key."""
    length = 0
    for _, _, passed in sorted(met, reverse=True):
        if not passed:
            break
        length += 1
    return length


def bought(purchases: Iterable[Sequence[int | None]] | None, at: int) -> bool:
    """Whether a purchase was placed and paid, and not cancelled, by an instant."""
    return any(
        placed is not None and paid is not None and placed <= at and paid <= at and (gone is None or gone > at)
        for placed, paid, gone in purchases or ()
    )
