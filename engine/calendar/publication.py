"""When cut-offs are published again, as instants: by the policy's calendar, in its zone."""

from calendar import monthrange
from datetime import date, datetime, time, timedelta

from engine.calendar.local import instant_of, zone
from engine.policy import Publication


def last_publication(publication: Publication, now: datetime, zone_name: str) -> datetime:
    """The latest one at or before an instant."""
    period = _first_day(publication, now.astimezone(zone(zone_name)).date())
    while (at := _instant(publication, period, zone_name)) > now:
        period = _first_day(publication, period - timedelta(days=1))
    return at


def next_publication(publication: Publication, now: datetime, zone_name: str) -> datetime:
    """The first one after an instant."""
    period = _first_day(publication, now.astimezone(zone(zone_name)).date())
    while (at := _instant(publication, period, zone_name)) <= now:
        period = _after(publication, period)
    return at


def _first_day(publication: Publication, day: date) -> date:
    """Of the day's period: the day itself, its Monday, or the first of its month, quarter or year."""
    match publication.every:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(month=day.month - (day.month - 1) % 3, day=1)
        case "year":
            return day.replace(month=1, day=1)


def _after(publication: Publication, period: date) -> date:
    longest = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}[publication.every]
    return _first_day(publication, period + timedelta(days=longest))


def _instant(publication: Publication, period: date, zone_name: str) -> datetime:
    """On the period's day by number, or the last that there is; in a quarter or year, of its first month."""
    if publication.every == "day":
        last = 1
    else:
        last = 7 if publication.every == "week" else monthrange(period.year, period.month)[1]
    day = period + timedelta(days=min(publication.day, last) - 1)
    return instant_of(day, time.fromisoformat(publication.at), zone_name)
