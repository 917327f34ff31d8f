"""Transition tables of time zones: from when on a zone's clocks are how many seconds ahead of UTC.

Made from the pinned `tzdata` package, as `engine.calendar.local` is, so that the query and the fold show the same hour.
The instants come from the package's files; rules that go on for ever are followed until UNTIL, after which the last
offset stays.
"""

import struct
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib import resources

from engine.calendar.local import zone as zone_of

BEFORE = -(2**63)
"""From when on a zone's first offset is: always."""
UNTIL = 2100
"""The year whose beginning is the end of what is followed."""

Transition = tuple[int, int]
"""From when on, in microseconds since the epoch, and seconds ahead of UTC."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END = (datetime(UNTIL, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(seconds=1)
_STEP = 7 * 86_400
_HEADER = struct.Struct(">4sc15x6l")


def zone_days(zones: Iterable[str]) -> Iterator[tuple[str, int, int]]:
    """Rows of the table `zone_days` for zones: zone, from_at and offset_seconds.

    Raises:
        ValueError: there is no such zone.
    """
    for name in sorted(set(zones)):
        for from_at, offset in transitions(name):
            yield name, from_at, offset


@lru_cache(maxsize=1024)
def transitions(name: str) -> tuple[Transition, ...]:
    """A zone's transitions in order, the first from BEFORE on.

    Raises:
        ValueError: there is no such zone.
    """
    here = zone_of(name)

    def offset(second: int) -> int:
        return _ahead(here.utcoffset((_EPOCH + timedelta(seconds=second)).astimezone(here)))

    told = _told(name)
    found = [(BEFORE, offset(told[0] - 1 if told else 0))]
    for second in (*told, *_followed(offset, told[-1] if told else 0)):
        if offset(second) != found[-1][1]:
            found.append((second * 1_000_000, offset(second)))
    return tuple(found)


def _ahead(of: timedelta | None) -> int:
    assert of is not None  # a zone has an offset at every instant
    return of // timedelta(seconds=1)


def _told(name: str) -> list[int]:
    """Seconds since the epoch of the transitions that a zone's file lists (RFC 9636, the part of 64 bits)."""
    data = resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
    _, version, isut, isstd, leap, times, kinds, letters = _HEADER.unpack_from(data)
    start = _HEADER.size
    if version >= b"2":
        start += times * 5 + kinds * 6 + letters + leap * 8 + isstd + isut
        times = _HEADER.unpack_from(data, start)[5]
        start += _HEADER.size
    listed = struct.unpack_from(f">{times}{'q' if version >= b'2' else 'l'}", data, start)
    earliest = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(seconds=1) + 2 * 86_400
    return [second for second in listed if earliest < second < _END]


def _followed(offset: Callable[[int], int], last: int) -> Iterator[int]:
    """Seconds at which a rule that goes on for ever turns the clocks, after the last that is listed."""
    before = last
    while before < _END:
        after = before + _STEP
        if offset(before) != offset(after):
            yield _first(offset, before, after)
        before = after


def _first(offset: Callable[[int], int], before: int, after: int) -> int:
    """The first second of the later offset."""
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (middle, after) if offset(middle) == offset(before) else (before, middle)
    return after
