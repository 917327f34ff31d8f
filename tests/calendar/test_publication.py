"""When cut-offs are published again, by the policy's zone."""

from datetime import UTC, datetime

import pytest

from engine.calendar.publication import last_publication, next_publication
from engine.policy import Publication


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("publication", "before", "last", "following"),
    [
        ({"every": "day"}, "2026-07-05T00:59", "2026-07-04T01:00", "2026-07-05T01:00"),
        ({"every": "day"}, "2026-07-05T01:00", "2026-07-05T01:00", "2026-07-06T01:00"),
        ({"every": "week", "day": 2}, "2026-07-06T12:00", "2026-06-30T01:00", "2026-07-07T01:00"),
        ({"every": "week", "day": 9}, "2026-07-06T12:00", "2026-07-05T01:00", "2026-07-12T01:00"),
        ({"every": "month"}, "2026-07-01T00:30", "2026-06-01T01:00", "2026-07-01T01:00"),
        ({"every": "month", "day": 31}, "2026-03-01T00:00", "2026-02-28T02:00", "2026-03-31T01:00"),
        ({"every": "quarter", "day": 5, "at": "04:30"}, "2026-01-01T00:00", "2025-10-05T02:30", "2026-01-05T03:30"),
        ({"every": "year", "day": 2}, "2026-01-01T00:00", "2025-01-02T02:00", "2026-01-02T02:00"),
        # On the day of the longer night 02:30 comes twice, on that of the shorter one it does not come.
        ({"every": "day", "at": "02:30"}, "2026-10-25T12:00", "2026-10-25T00:30", "2026-10-26T01:30"),
        ({"every": "day", "at": "02:30"}, "2026-03-29T12:00", "2026-03-29T01:00", "2026-03-30T00:30"),
    ],
)
def test_the_calendar_is_that_of_the_zone(publication, before, last, following) -> None:
    by = Publication(**publication)
    assert last_publication(by, utc(before), "Europe/Berlin") == utc(last)
    assert next_publication(by, utc(before), "Europe/Berlin") == utc(following)
