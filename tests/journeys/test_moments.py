"""When a moment of the calendar comes: years, ends of months, 29 February, clocks that go forward and back."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calendar.local import zone
from engine.journeys.moments import next_moment
from engine.journeys.plan import DateTrigger, EveryTrigger

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


def moments(trigger, base, after: str, count: int = 3, here: str = "UTC") -> list[str]:
    found, instant = [], at(after)
    for _ in range(count):
        following = next_moment(trigger, base, here, instant)
        if following is None:
            break
        instant = following
        found.append(f"{instant:%Y-%m-%dT%H:%M}")
    return found


def test_a_date_comes_back_each_year_at_the_customers_clock():
    trigger = DateTrigger(date="birthday", offset=-7 * 86400, at="10:00")
    assert moments(trigger, date(1990, 6, 8), "2026-01-01T00:00", 2, BERLIN) == ["2026-06-01T08:00", "2027-06-01T08:00"]


def test_a_birthday_that_is_tomorrow_has_its_day_a_week_before_next_year():
    trigger = DateTrigger(date="birthday", offset=-7 * 86400)
    assert moments(trigger, date(1990, 6, 2), "2026-06-01T12:00", 1) == ["2027-05-26T00:00"]
    assert moments(DateTrigger(date="birthday"), date(1990, 6, 2), "2026-06-01T12:00", 1) == ["2026-06-02T00:00"]


@pytest.mark.parametrize(
    ("feb_29", "days"),
    [
        ("feb_28", ["2027-02-28T00:00", "2028-02-29T00:00", "2029-02-28T00:00"]),
        ("mar_1", ["2027-03-01T00:00", "2028-02-29T00:00", "2029-03-01T00:00"]),
    ],
)
def test_29_february_is_taken_as_the_rules_say_in_other_years(feb_29, days):
    assert moments(DateTrigger(date="birthday", feb_29=feb_29), date(2000, 2, 29), "2026-06-01T00:00") == days


def test_a_date_of_a_later_year_comes_in_that_year_first():
    assert moments(DateTrigger(date="renewal"), date(2030, 5, 1), "2026-06-01T00:00", 1) == ["2030-05-01T00:00"]


def test_an_instant_comes_once():
    trigger = DateTrigger(date="last_order_at", offset=30 * 86400)
    assert moments(trigger, at("2026-01-01T09:30"), "2026-01-05T00:00") == ["2026-01-31T09:30"]
    assert moments(trigger, at("2026-01-01T09:30"), "2026-01-31T09:30") == []
    assert moments(trigger, None, "2026-01-05T00:00") == []


@pytest.mark.parametrize(
    ("trigger", "days"),
    [
        (EveryTrigger(every="day", at="08:30"), ["2026-01-30T08:30", "2026-01-31T08:30", "2026-02-01T08:30"]),
        (EveryTrigger(every="week"), ["2026-02-02T00:00", "2026-02-09T00:00", "2026-02-16T00:00"]),
        (EveryTrigger(every="week", weekday="friday"), ["2026-01-30T00:00", "2026-02-06T00:00", "2026-02-13T00:00"]),
        (EveryTrigger(every="month"), ["2026-02-01T00:00", "2026-03-01T00:00", "2026-04-01T00:00"]),
        (EveryTrigger(every="month", day=31), ["2026-01-31T00:00", "2026-02-28T00:00", "2026-03-31T00:00"]),
        (EveryTrigger(every="quarter", day=8), ["2026-04-08T00:00", "2026-07-08T00:00", "2026-10-08T00:00"]),
        (EveryTrigger(every="year"), ["2027-01-01T00:00", "2028-01-01T00:00", "2029-01-01T00:00"]),
        (EveryTrigger(every="year", month=2, day=29), ["2026-02-28T00:00", "2027-02-28T00:00", "2028-02-29T00:00"]),
    ],
)
def test_each_period_comes_on_its_day(trigger, days):
    assert moments(trigger, None, "2026-01-29T12:00") == days


def test_a_skipped_time_is_the_end_of_the_gap_and_of_a_doubled_one_the_first_counts():
    daily = EveryTrigger(every="day", at="02:30")
    spring = moments(daily, None, "2026-03-28T12:00", 2, BERLIN)
    autumn = moments(daily, None, "2026-10-24T12:00", 2, BERLIN)
    assert spring == ["2026-03-29T01:00", "2026-03-30T00:30"]
    assert autumn == ["2026-10-25T00:30", "2026-10-26T01:30"]


def test_a_day_that_a_zone_skips_whole_gives_no_second_moment():
    assert moments(EveryTrigger(every="day"), None, "2011-12-29T12:00", 3, "Pacific/Apia") == [
        "2011-12-30T10:00",
        "2011-12-31T10:00",
        "2012-01-01T10:00",
    ]


@given(
    born=st.dates(date(1900, 1, 1), date(2025, 12, 31)),
    after=st.integers(1_767_225_600, 4_102_444_800),
    offset=st.integers(-800, 800),
    here=st.sampled_from(["UTC", BERLIN, "Pacific/Apia", "America/Sao_Paulo", "Pacific/Kiritimati"]),
    clock=st.sampled_from(["", "00:00", "02:30", "23:59"]),
)
def test_no_years_date_is_missed_and_none_comes_twice(born, after, offset, here, clock):
    trigger = DateTrigger(date="birthday", offset=offset * 86400, at=clock)
    start = datetime.fromtimestamp(after, UTC)
    found = next_moment(trigger, born, here, start)
    assert found is not None
    assert start < found <= start + timedelta(days=368)
    following = next_moment(trigger, born, here, found)
    assert following is not None
    assert timedelta(days=363) < following - found < timedelta(days=368)
    day = found.astimezone(zone(here)).date() - timedelta(days=offset)
    assert abs((date(day.year, born.month, min(born.day, 28)) - date(day.year, day.month, min(day.day, 28))).days) <= 1
