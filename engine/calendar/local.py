"""Local time by the pinned `tzdata` package, never by the machine's own data, so that any two machines agree."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib import resources
from importlib.metadata import version
from zoneinfo import ZoneInfo

VERSION = version("tzdata")
"""Version of the zone data."""


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name.

    Raises:
        ValueError: there is no such zone.
    """
    parts = name.split("/")
    if not all(part.replace("_", "").replace("-", "").replace("+", "").isalnum() and part.isascii() for part in parts):
        raise ValueError(f"{name!r} is not a time zone such as Europe/Berlin")
    found = resources.files("tzdata").joinpath("zoneinfo", *parts)
    if not found.is_file():
        raise ValueError(f"{name!r} is not a time zone such as Europe/Berlin")
    with found.open("rb") as data:
        try:
            return ZoneInfo.from_file(data, key=name)
        except ValueError:
            raise ValueError(f"{name!r} is not a time zone such as Europe/Berlin") from None


@lru_cache(maxsize=1024)
def day_of(name: str) -> Callable[[int], int]:
    """A function from an instant in microseconds since the epoch to the number of its local day.

    Raises:
        ValueError: there is no such zone.
    """
    here = zone(name)
    return lambda at: datetime.fromtimestamp(at // 1_000_000, here).toordinal()


@lru_cache(maxsize=1024)
def hour_of(name: str) -> Callable[[int], int]:
    """A function from an instant in microseconds since the epoch to its local hour, 0 to 23.

    Raises:
        ValueError: there is no such zone.
    """
    here = zone(name)
    return lambda at: datetime.fromtimestamp(at // 1_000_000, here).hour


@lru_cache(maxsize=1024)
def weekday_of(name: str) -> Callable[[int], int]:
    """A function from an instant in microseconds since the epoch to its local weekday, 1 (Monday) to 7.

    Raises:
        ValueError: there is no such zone.
    """
    here = zone(name)
    return lambda at: datetime.fromtimestamp(at // 1_000_000, here).isoweekday()


@lru_cache(maxsize=65536)
def instant_of(day: date, clock: time, name: str) -> datetime:
    """The instant, in UTC, at which a local clock shows this time.

    A time that a zone skips (02:30 when clocks go forward) is the first instant after the gap; of one that comes
    twice it is the first.
    """
    here = zone(name)
    local = datetime.combine(day, clock, tzinfo=here)  # fold=0: the first of two
    instant = local.astimezone(UTC)
    if instant.astimezone(here).replace(tzinfo=None) == local.replace(tzinfo=None):
        return instant
    return _end_of_gap(instant, here)


def end_of_day(at: datetime, name: str) -> datetime:
    """The end of the local day of an instant, in UTC: where the next one begins."""
    return instant_of(at.astimezone(zone(name)).date() + timedelta(days=1), time(0), name)


def _end_of_gap(inside: datetime, here: ZoneInfo) -> datetime:
    """The transition: with fold=0 a skipped time is taken at the offset before the gap, so it lies after it."""
    after = inside
    before = inside - timedelta(days=1)
    offset = after.astimezone(here).utcoffset()
    while after - before > timedelta(microseconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(here).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after
