"""Business hours: when the shop works, by its own clock. A day's hours lie within one local day."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from engine.calendar.local import instant_of, zone
from engine.policy import Policy

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = timedelta(days=1)
# A year and a half without an opening means that there is none.
_HORIZON = 550


@dataclass(frozen=True)
class BusinessHours:
    """Opening and closing (`HH:MM`) by weekday, and days (`YYYY-MM-DD`) on which nobody works.

    Without any hours the shop is always open.
    """

    hours: Mapping[str, tuple[str, str]]
    zone: str
    closed: frozenset[str] = frozenset()

    def opening(self, instant: datetime) -> datetime:
        """The first instant from this one on at which the shop works, in UTC; the instant itself if it never does."""
        return self.after(instant, timedelta(0))

    def after(self, instant: datetime, length: timedelta) -> datetime:
        """The instant at which so much working time has gone by. Nothing of it goes by while the shop is closed.

        Where the time is up at closing, it is up then and not at the next opening.
        """
        instant = instant.astimezone(UTC)
        if not self.hours:
            return instant + length
        for opens, closes in self._spans(instant):
            begins = max(opens, instant)
            if begins + length < closes or (length and begins + length == closes):
                return begins + length
            length -= max(closes - begins, timedelta(0))
        return instant

    def _spans(self, instant: datetime) -> Iterator[tuple[datetime, datetime]]:
        first = instant.astimezone(zone(self.zone)).date() - _DAY
        for number in range(_HORIZON):
            day = first + number * _DAY
            hours = self.hours.get(WEEKDAYS[day.weekday()])
            if hours is None or day.isoformat() in self.closed:
                continue
            opens, closes = (_instant(day, clock, self.zone) for clock in hours)
            if closes > instant and closes > opens:
                yield opens, closes


def _instant(day: date, clock: str, zone_name: str) -> datetime:
    return instant_of(day, time.fromisoformat(clock), zone_name)


def working_time(policy: Policy) -> BusinessHours:
    """When the shop works, by the policy's zone; without any hours always."""
    return BusinessHours(policy.business_hours, policy.zone, frozenset(policy.holidays.days))
