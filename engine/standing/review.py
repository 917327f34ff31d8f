"""The yearly day on which tiers are reviewed, as instants: the beginning of that day in the shop's zone."""

from calendar import monthrange
from datetime import date, time
from functools import lru_cache

from engine.calendar.local import instant_of, zone
from engine.conditions.operands import instant, microseconds
from engine.standing.definition import Review


def last_review(review: Review, now: int, zone_name: str) -> int:
    """The latest review at or before an instant, both in microseconds since the epoch."""
    year = _year(now, zone_name)
    this = _instant(review, year, zone_name)
    return this if this <= now else _instant(review, year - 1, zone_name)


def next_review(review: Review, now: int, zone_name: str) -> int:
    """The first review after an instant, both in microseconds since the epoch."""
    year = _year(now, zone_name)
    this = _instant(review, year, zone_name)
    return this if this > now else _instant(review, year + 1, zone_name)


def _year(now: int, zone_name: str) -> int:
    return instant(now).astimezone(zone(zone_name)).year


@lru_cache(maxsize=256)
def _instant(review: Review, year: int, zone_name: str) -> int:
    day = min(review.day, monthrange(year, review.month)[1])  # 29 February is the 28th in other years
    return microseconds(instant_of(date(year, review.month, day), time(0), zone_name))
