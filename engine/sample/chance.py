"""Draws for the sample shop: a generator of its own for each part, so that a change in one leaves the others."""

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

Item = TypeVar("Item")

# How much is bought in each month, January first, and on each day of the week, Monday first.
SEASON = (0.7, 0.65, 0.85, 0.9, 0.95, 0.8, 0.75, 0.75, 0.9, 1.0, 1.35, 1.4)
WEEKDAYS = (1.1, 1.0, 1.0, 0.95, 0.8, 0.75, 1.2)
# How likely each hour of the customer's own clock is, for people who order by day and for those of the evening.
_BY_DAY = (0, 0, 0, 0, 0, 0, 1, 3, 5, 7, 9, 9, 10, 8, 7, 7, 7, 8, 8, 6, 4, 2, 1, 0)
_IN_THE_EVENING = (3, 2, 1, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 2, 3, 5, 7, 10, 12, 9, 5)


class Chance:
    """Draws of one part of the shop.

    Args:
        seed: the shop's.
        part: which part; each has its own sequence.
    """

    def __init__(self, seed: int, part: str) -> None:
        # Not for secrets: the same shop must come out each time.
        self._random = random.Random(f"{seed}/{part}")  # noqa: S311

    def happens(self, probability: float) -> bool:
        """True with this probability."""
        return self._random.random() < probability

    def between(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return low + (high - low) * self._random.random()

    def whole(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self._random.random() * (high - low + 1))

    def one(self, items: Sequence[Item]) -> Item:
        """One of the items, each as likely."""
        return items[int(self._random.random() * len(items))]

    def weighted(self, items: Sequence[Item], weights: Sequence[float]) -> Item:
        """One of the items, each as likely as its weight."""
        point = self._random.random() * sum(weights)
        for item, weight in zip(items, weights, strict=True):
            point -= weight
            if point < 0:
                return item
        return items[-1]

    def gap(self, mean: float) -> float:
        """A waiting time with this mean, at least a tenth of it."""
        return mean * (0.1 + 0.9 * self._random.expovariate(1.0))

    def hours(self, low: float, high: float) -> timedelta:
        """A length of time in [low, high) hours, in whole seconds."""
        return timedelta(seconds=int(self.between(low, high) * 3600))

    def moment(self, day: date, zone: str, *, evenings: bool) -> datetime:
        """An instant on a day of a zone, at an hour that fits the habit; UTC, in whole seconds."""
        hour = self.weighted(range(24), _IN_THE_EVENING if evenings else _BY_DAY)
        return at(day, zone, hour, self.whole(0, 59), self.whole(0, 59))


def at(day: date, zone: str, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """The UTC instant of a time of day in a zone."""
    return datetime.combine(day, time(hour, minute, second), ZoneInfo(zone)).astimezone(UTC)
