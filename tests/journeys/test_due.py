"""When a wait for a moment is over, by the customer's calendar."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calendar.business import BusinessHours
from engine.calendar.local import zone
from engine.journeys.due import due
from engine.journeys.plan import When

BERLIN = "Europe/Berlin"
OPEN = BusinessHours({}, BERLIN)
WEEK = BusinessHours(
    dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), ("09:00", "17:00")),
    BERLIN,
    frozenset({"2026-12-25"}),
)


def local(text: str, zone_name: str = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone(zone_name)).astimezone(UTC)


def when(**parts: object) -> When:
    return When.model_validate({"date": "d", **parts})


@pytest.mark.parametrize(
    ("moment", "base", "expected"),
    [
        (when(), date(2026, 3, 2), "2026-03-02T00:00"),
        (when(at="10:00"), date(2026, 3, 2), "2026-03-02T10:00"),
        (when(at="10:00", offset=-86400), date(2026, 3, 2), "2026-03-01T10:00"),
        (when(at="10:00", offset=86400), local("2026-03-02T18:30"), "2026-03-03T10:00"),
        (when(offset=86400), local("2026-03-28T12:00"), "2026-03-29T13:00"),  # 24 hours, of which one is skipped
        (when(offset=86400, at="12:00"), local("2026-03-28T12:00"), "2026-03-29T12:00"),  # a day of the calendar
        (when(offset=7200), date(2026, 3, 2), "2026-03-02T02:00"),
        (when(offset=7200, at="10:00"), local("2026-03-02T23:00"), "2026-03-03T10:00"),
        (when(weekday="monday", at="09:00"), date(2026, 3, 3), "2026-03-09T09:00"),
        (when(weekday="tuesday", at="09:00"), date(2026, 3, 3), "2026-03-03T09:00"),
        (when(date="", at="10:00"), local("2026-03-02T09:59"), "2026-03-02T10:00"),
        (when(date="", at="10:00"), local("2026-03-02T10:00"), "2026-03-03T10:00"),
        (when(date="", weekday="monday", at="10:00"), local("2026-03-02T11:00"), "2026-03-09T10:00"),
        (when(date="", weekday="friday"), local("2026-03-02T11:00"), "2026-03-06T11:00"),
    ],
)
def test_a_moment_is_taken_from_the_calendar(moment: When, base: datetime | date, expected: str) -> None:
    assert due(moment, base, BERLIN, OPEN) == local(expected)


def test_a_local_time_that_is_skipped_is_the_end_of_the_gap() -> None:
    assert due(when(at="02:30"), date(2026, 3, 29), BERLIN, OPEN) == local("2026-03-29T03:00")


def test_a_local_time_that_comes_twice_is_the_first() -> None:
    assert due(when(at="02:30"), date(2026, 10, 25), BERLIN, OPEN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_day_whose_midnight_is_skipped_begins_after_the_gap() -> None:
    zone_name = "America/Sao_Paulo"

    assert due(when(), date(2018, 11, 4), zone_name, OPEN) == datetime(2018, 11, 4, 3, tzinfo=UTC)


def test_a_date_beyond_the_calendar_is_never_due() -> None:
    assert due(when(offset=86400), date(9999, 12, 31), BERLIN, OPEN) is None
    assert due(when(), datetime(9500, 1, 1, tzinfo=UTC), BERLIN, OPEN) is None


@pytest.mark.parametrize(
    ("since", "hours", "expected"),
    [
        ("2026-12-21T10:00", 4, "2026-12-21T14:00"),
        ("2026-12-21T15:00", 4, "2026-12-22T11:00"),
        ("2026-12-21T15:00", 2, "2026-12-21T17:00"),  # up at closing, not at the next opening
        ("2026-12-21T20:00", 1, "2026-12-22T10:00"),
        ("2026-12-24T16:00", 2, "2026-12-28T10:00"),  # over a holiday and a weekend
    ],
)
def test_working_time_goes_by_only_while_the_shop_works(since: str, hours: int, expected: str) -> None:
    length = When(offset=hours * 3600, business=True)

    assert due(length, local(since), BERLIN, WEEK) == local(expected)


def test_a_moment_outside_working_time_moves_to_the_next_opening() -> None:
    assert due(when(at="08:00", business=True), date(2026, 12, 26), BERLIN, WEEK) == local("2026-12-28T09:00")


def test_a_shop_that_never_opens_keeps_nobody_waiting() -> None:
    closed = BusinessHours({"monday": ("09:00", "09:00")}, BERLIN)

    assert due(When(offset=3600, business=True), local("2026-12-21T10:00"), BERLIN, closed) == local("2026-12-21T10:00")


@given(st.integers(0, 40 * 365 * 86400), st.integers(0, 200 * 3600))
def test_working_time_adds_up(start: int, seconds: int) -> None:
    since = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=start)
    half = timedelta(seconds=seconds // 2)

    assert WEEK.after(WEEK.after(since, half), timedelta(seconds=seconds) - half) == WEEK.after(
        since, timedelta(seconds=seconds)
    )
    assert WEEK.opening(WEEK.opening(since)) == WEEK.opening(since)
