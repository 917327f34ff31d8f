"""When messages may leave: quiet hours, weekdays, holidays and blackouts, all by the customer's own calendar.

A local day begins at the instant its clock first shows 00:00, and lasts until the next one begins. So the hour that
comes twice at a midnight belongs to the day that its first showing began, a day that a zone skips is empty, and where
midnight is skipped the day begins at the end of the gap.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, NamedTuple

from engine.calendar.local import instant_of, zone
from engine.calendar.public_holidays import public_holidays
from engine.calendar.quiet import end_of_quiet, spread_of
from engine.policy import Policy

HORIZON = timedelta(days=400)
"""How far ahead an opening is looked for. A policy that stays shut for longer is refused when rules are checked."""
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = timedelta(days=1)
_MIDNIGHT = time(0)


class Recipient(NamedTuple):
    """Whose calendar counts: a time zone, and the country whose holidays do."""

    zone: str
    country: str | None = None


Closing = Literal["quiet_hours", "weekday", "holiday", "blackout"]


class Held(NamedTuple):
    """Why a message may not leave, and the instant until which it may not."""

    reason: Closing
    until: datetime


def held_until(instant: datetime, whose: Recipient, purpose: str, policy: Policy, key: str) -> Held | None:
    """Why and until when a message must wait, if it must.

    Args:
        instant: the aware instant of the send.
        whose: the recipient's calendar.
        purpose: the message's purpose.
        policy: whose closed times count.
        key: the message's key; its hash spreads releases over the policy's `spread`, but never into a closed time.

    Returns:
        None when the message may leave now, else the first closing's reason and the release instant in UTC.

    Raises:
        ValueError: there is no such zone.
    """
    closing = closed(instant, whose, purpose, policy)
    if closing is None:
        return None
    release = opening(instant, whose, purpose, policy) or instant.astimezone(UTC) + HORIZON
    spread = 0 if policy.quiet_hours is None else spread_of(key, policy.quiet_hours.spread)
    while spread and closed(release + timedelta(seconds=spread), whose, purpose, policy) is not None:
        spread //= 2
    return Held(closing.reason, release + timedelta(seconds=spread))


def opening(instant: datetime, whose: Recipient, purpose: str, policy: Policy) -> datetime | None:
    """The first instant from this one on at which nothing is closed; None if there is none within the horizon."""
    found, limit = instant.astimezone(UTC), instant + HORIZON
    while (closing := closed(found, whose, purpose, policy)) is not None:
        found = closing.until
        if found > limit:
            return None
    return found


def closed(instant: datetime, whose: Recipient, purpose: str, policy: Policy) -> Held | None:
    """The first of the policy's closings that an instant lies in, and that closing's end."""
    if policy.quiet_hours is not None and not policy.may_disturb(purpose):
        end = end_of_quiet(instant, whose.zone, policy.quiet_hours)
        if end is not None:
            return Held("quiet_hours", end)
    rules = tuple(_closed_days(whose, purpose, policy))
    if not rules:
        return None
    today = day_at(instant, whose.zone)
    for reason, last_day in rules:
        last = last_day(today)
        if last is not None:
            return Held(reason, instant_of(last + _DAY, _MIDNIGHT, whose.zone))
    return None


def day_at(instant: datetime, zone_name: str) -> date:
    """The local day that an instant belongs to."""
    day = instant.astimezone(zone(zone_name)).date()
    # Where clocks go back over midnight a day's last hour is shown again after the next day has begun.
    return day + _DAY if instant_of(day + _DAY, _MIDNIGHT, zone_name) <= instant else day


_LastDay = Callable[[date], date | None]


def _closed_days(whose: Recipient, purpose: str, policy: Policy) -> Iterator[tuple[Closing, _LastDay]]:
    """Each rule that closes whole days, as a function from a day to the last one it closes with it."""
    if policy.weekdays and not policy.may_disturb(purpose):
        yield "weekday", lambda day: None if WEEKDAYS[day.weekday()] in policy.weekdays else day
    if (policy.holidays.days or whose.country in policy.holidays.countries) and not policy.may_disturb(purpose):
        yield "holiday", lambda day: day if _rests(day, whose.country, policy) else None
    if policy.blackout:
        yield "blackout", lambda day: _end_of_blackout(day, purpose, policy)


def _rests(day: date, country: str | None, policy: Policy) -> bool:
    if day.isoformat() in policy.holidays.days:
        return True
    return country is not None and country in policy.holidays.countries and day in public_holidays(country, day.year)


def _end_of_blackout(day: date, purpose: str, policy: Policy) -> date | None:
    today = day.isoformat()
    lasts = [
        each.last
        for each in policy.blackout
        if each.first <= today <= each.last and (not each.purposes or purpose in each.purposes)
    ]
    return date.fromisoformat(max(lasts)) if lasts else None
