"""The yearly day on which tiers are reviewed, as instants: the beginning of that day in the shop's zone."""

from calendar import monthrange
from datetime import date, time

from engine.calendar.local import instant_of, zone
from engine.conditions.operands import instant, microseconds
from engine.standing.definition import Review


class Reviews:
    """The reviews of one shop, in microseconds since the epoch.

    Args:
        review: the day of the year.
        zone_name: the shop's.
    """

    def __init__(self, review: Review, zone_name: str) -> None:
        self._review, self._zone = review, zone_name
        self._between = (0, 0)
        """The reviews before and after the instant that was asked for last: the next one is most often between them."""

    def around(self, now: int) -> tuple[int, int]:
        """The latest review at or before an instant, and the first one after it."""
        between = self._between
        if not between[0] <= now < between[1]:
            year = instant(now).astimezone(zone(self._zone)).year
            this = self._of(year)
            between = (this, self._of(year + 1)) if this <= now else (self._of(year - 1), this)
            self._between = between
        return between

    def _of(self, year: int) -> int:
        day = min(self._review.day, monthrange(year, self._review.month)[1])  # 29 February is the 28th in other years
        return microseconds(instant_of(date(year, self._review.month, day), time(0), self._zone))
