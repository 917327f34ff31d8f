"""Instants as tests write them: `-40d`, `-30d +1s`, `2026-03-01`, `2026-03-01T22:30`, `2026-03-01T22:30:00Z`."""

from dataclasses import dataclass, replace
from datetime import datetime, time

from engine.calendar.durations import Duration
from engine.calendar.local import instant_of
from engine.conditions.operands import microseconds
from engine.language.issues import Report
from engine.language.located import Node, Scalar, found

EXPECTED = "an offset such as -40d or -30d +1s, a date, or an instant such as 2026-03-01T22:30"
_SECOND = 1_000_000
# The calendar of Python's datetime ends there; a fact of another millennium is a slip of the unit.
_FIRST, _LAST = -62_135_596_800 * _SECOND, 253_370_764_800 * _SECOND


@dataclass(frozen=True, slots=True)
class Moments:
    """Reads instants of one customer: offsets from `at`, local times in `zone`, all moved by `shift` microseconds."""

    at: int
    zone: str
    shift: int = 0

    def moved(self, by: int) -> "Moments":
        """The same, later by so many microseconds."""
        return replace(self, shift=self.shift + by)

    def read(self, node: Node, report: Report) -> int | None:
        """Microseconds since the epoch; None and an issue if it is no instant."""
        value = node.value if isinstance(node, Scalar) else None
        read = None
        if isinstance(value, str):
            read = self._offset(value) if value[:1] in ("-", "+") else local_instant(value, self.zone)
        elif value == 0 and not isinstance(value, bool):
            read = self.at
        if read is None or not _FIRST <= read + self.shift <= _LAST:
            hint = f"did you mean -{value}d?" if isinstance(value, int) and not isinstance(value, bool) else ""
            report.error("RG401", node.span, found(node), EXPECTED, hint)
            return None
        return read + self.shift

    def _offset(self, text: str) -> int | None:
        try:
            seconds = sum(Duration.parse(part.removeprefix("+")).seconds for part in text.split())
        except ValueError:
            return None
        return self.at + seconds * _SECOND


def local_instant(text: str, zone: str) -> int | None:
    """The instant of an ISO date, local time, or time with an offset; None if it is none of them."""
    try:
        read = datetime.fromisoformat(text)
        if read.tzinfo is None:
            clock = time(read.hour, read.minute, read.second, read.microsecond)
            read = instant_of(read.date(), clock, zone)
        return microseconds(read)
    except (ValueError, OverflowError):
        return None
