"""When a wait for a date is over: from the date, an offset, a weekday and a clock, all by the customer's calendar."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

from engine.calendar.business import WEEKDAYS, BusinessHours
from engine.calendar.local import instant_of, zone
from engine.conditions.operands import instant
from engine.conditions.types import Value
from engine.journeys.plan import When

_DAY = 86400
_LAST = datetime(9000, 1, 1, tzinfo=UTC)
"""A date beyond the calendar is never due."""


def looked_up(
    when: When,
    since: datetime,
    value: Callable[[str], Value],
    days: Callable[[str], int | None],
    zone_name: str,
    business: BusinessHours,
) -> datetime | None:
    """When a moment is that names a date or a length of products' time, or counts from an instant.

    Args:
        when: what the rules say.
        since: the instant from which it counts where it names no date.
        value: gives the value of a name.
        days: gives the longest such time of the order's products, in days, if it is known.
        zone_name: the customer's time zone.
        business: when the shop works.

    Returns:
        The instant in UTC; None where the date is not known, or lies beyond the calendar.

    Raises:
        ValueError: there is no such zone.
    """
    base = as_date(value(when.date)) if when.date else since
    if base is None:
        return None
    if when.length:
        known = days(when.length)
        when = when.model_copy(update={"offset": when.default if known is None else known * _DAY})
    return due(when, base, zone_name, business)


def as_date(value: Value) -> datetime | date | None:
    """A value as what a moment counts from: an instant as an aware datetime, a day as it is; of anything else none."""
    if isinstance(value, int):
        return instant(value)
    return value if isinstance(value, date) else None


def due(when: When, base: datetime | date, zone_name: str, business: BusinessHours) -> datetime | None:
    """The instant, in UTC, at which a wait is over.

    Of a day it is the clock's time on that day, by default its beginning. Of an instant it is that instant, or the
    clock's time on its local day. Whole days are counted on the calendar where a day or a clock's time is meant, and as
    24 hours otherwise. A weekday is the first such day from there on; without a date the first moment after the base
    counts. Of a local time that comes twice it is the first, and one that is skipped is the end of the gap.

    Args:
        when: what the rules say.
        base: the date's value, or where they name none, the aware instant from which the wait counts.
        zone_name: the customer's time zone.
        business: when the shop works.

    Returns:
        None where the date lies beyond the calendar.

    Raises:
        ValueError: there is no such zone.
    """
    try:
        found = _of(when, base, zone_name, business)
    except OverflowError:
        return None
    return found if found < _LAST else None


def _of(when: When, base: datetime | date, zone_name: str, business: BusinessHours) -> datetime:
    if when.elapses and when.business and isinstance(base, datetime):
        return business.after(base, timedelta(seconds=when.offset))
    found = _on_calendar(when, base, zone_name)
    if not when.date and isinstance(base, datetime) and (when.at or when.weekday) and found <= base:
        found = _on_calendar(when, _next_day(base, zone_name), zone_name)
    return business.opening(found) if when.business else found


def _on_calendar(when: When, base: datetime | date, zone_name: str) -> datetime:
    days, rest = divmod(when.offset, _DAY)
    if isinstance(base, datetime):
        if not when.at and not when.weekday:
            return base.astimezone(UTC) + timedelta(seconds=when.offset)
        local = (base if rest == 0 else base + timedelta(seconds=when.offset)).astimezone(zone(zone_name))
        day, clock = local.date() + timedelta(days=days if rest == 0 else 0), local.time()
        clock = clock if not when.at else time.fromisoformat(when.at)
        return instant_of(_weekday(day, when.weekday), clock, zone_name)
    clock = time.fromisoformat(when.at) if when.at else time(0)
    if rest == 0:
        return instant_of(_weekday(base + timedelta(days=days), when.weekday), clock, zone_name)
    instant = instant_of(base, time(0), zone_name) + timedelta(seconds=when.offset)
    local_day = instant.astimezone(zone(zone_name)).date()
    if not when.at and not when.weekday:
        return instant
    return instant_of(_weekday(local_day, when.weekday), clock, zone_name)


def _weekday(day: date, wanted: str) -> date:
    """The first such weekday from a day on; the day itself where none is wanted."""
    ahead = (WEEKDAYS.index(wanted) - day.weekday()) % 7 if wanted else 0
    return day + timedelta(days=ahead)


def _next_day(base: datetime, zone_name: str) -> datetime:
    """The same clock's time a day later: where a weekday is wanted, the first such day after today."""
    local = base.astimezone(zone(zone_name))
    return instant_of(local.date() + timedelta(days=1), local.time(), zone_name)
