"""Durations as rules write them: `30m`, `4h`, `7d`, `2w`, `24mo`."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

Unit = Literal["s", "m", "h", "d", "w", "mo"]

_PATTERN = re.compile(r"(-?)(\d{1,9})(s|mo|m|h|d|w)")
_SECONDS: dict[str, int] = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
# A month in windows and stages is counted in whole days, so that any two people count the same.
_MONTH_DAYS = {1: 30, 3: 90, 6: 180, 12: 365, 24: 730}

_LAST = datetime.max.replace(tzinfo=UTC)


def later(at: datetime, seconds: int) -> datetime:
    """So much later, or the last instant there is: an event may bear any, and no journey must break on it."""
    try:
        return at + timedelta(seconds=seconds)
    except OverflowError:
        return _LAST


@dataclass(frozen=True, slots=True)
class Duration:
    """A signed length of time: `count` units, where `d` is 24 hours and `mo` a month."""

    count: int
    unit: Unit

    @classmethod
    def parse(cls, text: str) -> "Duration":
        """Reads `7d`, `-7d`, `24mo`.

        Raises:
            ValueError: the text is not a whole number followed by s, m, h, d, w or mo.
        """
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a duration such as 30m, 4h, 7d, 2w or 24mo")
        sign, digits, unit = match.groups()
        return cls(int(f"{sign}{digits}"), unit)  # type: ignore[arg-type]  # the pattern admits only units

    @property
    def seconds(self) -> int:
        """Elapsed seconds; months as 30/90/180/365/730 days, others as 365 days to twelve."""
        if self.unit != "mo":
            return self.count * _SECONDS[self.unit]
        months = abs(self.count)
        days = _MONTH_DAYS.get(months, months * 365 // 12)
        return days * 86400 * (1 if self.count >= 0 else -1)

    @property
    def delta(self) -> timedelta:
        """The same as a timedelta."""
        return timedelta(seconds=self.seconds)

    def after(self, instant: datetime) -> datetime:
        """The instant this much later."""
        return instant + self.delta

    def __str__(self) -> str:
        """The text the duration was written as."""
        return f"{self.count}{self.unit}"
