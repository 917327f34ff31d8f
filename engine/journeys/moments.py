"""When a trigger of the calendar comes: `{date: birthday, offset: -7d}` and `{every: month, day: 8}`."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from engine.calendar.business import WEEKDAYS, BusinessHours
from engine.calendar.local import instant_of, zone
from engine.journeys.due import due
from engine.journeys.plan import DateTrigger, EveryTrigger, When

_LAST_YEAR = 8000
_ALWAYS_OPEN = BusinessHours({}, "UTC")


def next_moment(
    trigger: DateTrigger | EveryTrigger, base: datetime | date | None, zone_name: str, after: datetime
) -> datetime | None:
    """The first moment of a trigger that is later than an instant.

    A date comes back each year, from the year it has on; an instant comes once. In a year without 29 February the date
    is taken as `feb_29` says. Of a local time that comes twice it is the first, and one that is skipped is the end of
    the gap. A day that a month does not have is its last.

    Args:
        trigger: what the rules say.
        base: the value of the date that the trigger names; None if it is not known.
        zone_name: the customer's time zone.
        after: an aware instant.

    Returns:
        The instant in UTC; None if there is none.

    Raises:
        ValueError: there is no such zone.
    """
    if isinstance(trigger, EveryTrigger):
        return next(moment for moment in _days(trigger, zone_name, after) if moment > after)
    return next((moment for moment in _dates(trigger, base, zone_name, after) if moment > after), None)


def _dates(trigger: DateTrigger, base: datetime | date | None, zone_name: str, after: datetime) -> Iterator[datetime]:
    when = When(date=trigger.date, offset=trigger.offset, at=trigger.at)
    days = (base,) if base is None or isinstance(base, datetime) else _years(trigger, base, after)
    for day in days:
        moment = None if day is None else due(when, day, zone_name, _ALWAYS_OPEN)
        if moment is not None:
            yield moment


def _years(trigger: DateTrigger, base: date, after: datetime) -> Iterator[date]:
    """The date in the years around: one earlier than the offset leads to, as zones differ by a day."""
    first = max(base.year, after.year - trigger.offset // (366 * 86400) - 2)
    for year in range(first, min(first + 6, _LAST_YEAR)):
        yield _in_year(base, year, trigger.feb_29)


def _in_year(base: date, year: int, feb_29: str) -> date:
    if (base.month, base.day) != (2, 29) or monthrange(year, 2)[1] == 29:
        return base.replace(year=year)
    return date(year, 2, 28) if feb_29 == "feb_28" else date(year, 3, 1)


def _days(trigger: EveryTrigger, zone_name: str, after: datetime) -> Iterator[datetime]:
    clock = time.fromisoformat(trigger.at) if trigger.at else time(0)
    day = after.astimezone(zone(zone_name)).date() - timedelta(days=1)
    while True:
        if _is_day(trigger, day):
            yield instant_of(day, clock, zone_name)
        day += timedelta(days=1)


def _is_day(trigger: EveryTrigger, day: date) -> bool:
    if trigger.every == "day":
        return True
    if trigger.every == "week":
        return WEEKDAYS[day.weekday()] == (trigger.weekday or WEEKDAYS[0])
    if trigger.every == "quarter" and day.month % 3 != 1:
        return False
    if trigger.every == "year" and day.month != (trigger.month or 1):
        return False
    return day.day == min(trigger.day or 1, monthrange(day.year, day.month)[1])
