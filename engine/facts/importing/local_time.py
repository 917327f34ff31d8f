"""Local times without a zone to instants: text in, text with its offset out.

A local time that came twice (clocks set back) is the earlier one. One that never was (clocks set forward) is read
with the offset before the change, so 00:30 in a gap from 00:00 to 01:00 is 01:30 of the new time, and a day that
starts in a gap starts at its first instant. The zones are those of the pinned `tzdata` package.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from engine.facts.importing.refusals import CellError

_PLAIN = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:[0-5]\d:[0-5]\d(\.\d{1,6})?", re.ASCII)
_HOUR = len("2018-01-31 09")
_MOST_HOURS = 100_000


@cache
def zone_of(name: str) -> ZoneInfo:
    """The zone as the pinned `tzdata` package has it, whatever the system has."""
    *folders, last = name.split("/")
    with files("tzdata").joinpath("zoneinfo", *folders, last).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


@cache
def instant_reader(zone: str, form: str | None = None) -> "InstantReader":
    """The one reader of its zone and form, so that all columns share what it has learnt of the zone."""
    return InstantReader(zone, form)


class InstantReader:
    """Reads the instants of one column.

    Args:
        zone: where the clocks hung that gave times without a zone.
        form: a `strptime` format; without one ISO 8601, with a space or a T, with or without an offset.
    """

    def __init__(self, zone: str, form: str | None = None) -> None:
        self._zone = zone_of(zone)
        self._form = form
        self._offsets = _Offsets(self._zone)

    def read(self, text: str) -> str:
        """The instant as text with its offset from UTC.

        Raises:
            CellError: it is no instant.
        """
        if self._form is None and _PLAIN.fullmatch(text) and (offset := self._offsets[text[:_HOUR]]):
            return text + offset
        return self._slowly(text)

    def read_all(self, texts: Sequence[str]) -> list[str | None]:
        """As `read`, for a whole column; of empty texts None.

        Raises:
            CellError: one of them is no instant.
        """
        plain, offsets = _PLAIN.fullmatch, self._offsets
        if self._form is not None:
            return [self._rare(text) for text in texts]
        return [
            text + offset if plain(text) and (offset := offsets[text[:_HOUR]]) else self._rare(text) for text in texts
        ]

    def _rare(self, text: str) -> str | None:
        stripped = text.strip()
        return self.read(stripped) if stripped else None

    def _slowly(self, text: str) -> str:
        try:
            moment = datetime.strptime(text, self._form) if self._form else datetime.fromisoformat(text)  # noqa: DTZ007 - the zone follows
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=self._zone, fold=0)
            offset = moment.utcoffset()
            # The extremes of the calendar have no instant in UTC.
            moment.timestamp()
        except (ValueError, OverflowError) as error:
            expected = f"written as {self._form}" if self._form else "such as 2018-01-31 09:30:00"
            raise CellError("bad-instant", f"{text!r} is not an instant {expected}: {error}") from None
        return moment.replace(tzinfo=None).isoformat(" ") + _written(offset)


class _Offsets(dict[str, str]):
    """The offset that holds for a whole hour of the local clock; empty if it changes in it or the hour is none."""

    def __init__(self, zone: ZoneInfo) -> None:
        super().__init__()
        self._zone = zone

    def __missing__(self, hour: str) -> str:
        if len(self) > _MOST_HOURS:
            self.clear()
        self[hour] = offset = self._find(hour)
        return offset

    def _find(self, hour: str) -> str:
        try:
            start = datetime.fromisoformat(hour + ":00:00")
            offsets = {
                moment.replace(tzinfo=self._zone, fold=fold).utcoffset()
                for moment in (start, start + timedelta(minutes=59, seconds=59, microseconds=999_999))
                for fold in (0, 1)
            }
        except (ValueError, OverflowError):
            return ""
        return _written(offsets.pop()) if len(offsets) == 1 else ""


def _written(offset: timedelta | None) -> str:
    assert offset is not None
    seconds = int(offset.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("+", seconds)
    return f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
