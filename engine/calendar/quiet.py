"""Quiet hours by the customer's own clock."""

import hashlib
import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from engine.calendar.local import instant_of, zone
from engine.policy import QuietHours

_DAY = timedelta(days=1)
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


def quiet_until(instant: datetime, zone_name: str, quiet: QuietHours, key: str) -> datetime | None:
    """When a message may leave, if not now.

    Quiet is from the instant the local clock first shows `start` up to, not including, the one it next shows `end`;
    with an earlier `end` that is on the next day, and with both the same there is no quiet. A time that the zone
    skips is the first instant after the gap.

    Args:
        instant: the aware instant of the send.
        zone_name: the customer's time zone.
        quiet: the policy's quiet hours.
        key: the message's key; its hash places it within `spread` seconds after the end.

    Returns:
        None when the message may leave now, else the release instant in UTC.

    Raises:
        ValueError: there is no such zone, or a time is not written as HH:MM.
    """
    release = instant.astimezone(UTC)
    while (end := end_of_quiet(release, zone_name, quiet)) is not None:
        release = end  # on a skipped day one quiet span can end where the next is under way
    return None if release == instant else release + timedelta(seconds=spread_of(key, quiet.spread))


def end_of_quiet(instant: datetime, zone_name: str, quiet: QuietHours) -> datetime | None:
    """The end of the quiet span around an instant; a clock set back over midnight shows a day after its next one."""
    for begins, ends in _spans(instant.astimezone(zone(zone_name)).date(), zone_name, quiet.start, quiet.end):
        if begins <= instant < ends:
            return ends
    return None


@lru_cache(maxsize=65536)
def _spans(today: date, zone_name: str, starts: str, ends: str) -> tuple[tuple[datetime, datetime], ...]:
    """The quiet spans that begin on the day before, on the day and on the one after."""
    start, end, over_midnight = clock(starts), clock(ends), clock(starts) > clock(ends)
    return tuple(
        (instant_of(day, start, zone_name), instant_of(day + _DAY if over_midnight else day, end, zone_name))
        for day in (today - _DAY, today, today + _DAY)
    )


@lru_cache(maxsize=1024)
def clock(text: str) -> time:
    """Reads `HH:MM`.

    Raises:
        ValueError: it is not a time of day.
    """
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time of day such as 09:30")
    return time(int(match[1]), int(match[2]))


def spread_of(key: str, spread: int) -> int:
    """Seconds in [0, spread), the same for a key on every machine."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()) % spread if spread > 0 else 0
