"""Quiet hours by the customer's clock."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calendar.local import zone
from engine.calendar.quiet import clock, quiet_until
from engine.policy import QuietHours

NIGHT = QuietHours(start="21:00", end="08:00")
ZONES = ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "America/St_Johns", "Australia/Lord_Howe"]
INSTANTS = st.integers(631152000, 2208988800).map(lambda second: datetime.fromtimestamp(second, UTC))  # 1990 to 2040
TIMES = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))


def at(text, zone_name="UTC"):
    return datetime.fromisoformat(text).replace(tzinfo=zone(zone_name)).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "release"),
    [
        ("2026-01-10T20:59:59.999999", None),
        ("2026-01-10T21:00", "2026-01-11T08:00"),
        ("2026-01-10T23:59", "2026-01-11T08:00"),
        ("2026-01-11T00:00", "2026-01-11T08:00"),
        ("2026-01-11T07:59:59.999999", "2026-01-11T08:00"),
        ("2026-01-11T08:00", None),
        ("2026-01-11T12:00", None),
    ],
)
def test_the_night_is_quiet_from_its_start_up_to_its_end(now, release):
    found = quiet_until(at(now, "America/Sao_Paulo"), "America/Sao_Paulo", NIGHT, "key")
    assert found == (release and at(release, "America/Sao_Paulo"))


def test_quiet_hours_may_lie_within_a_day():
    noon = QuietHours(start="12:00", end="14:00")
    assert quiet_until(at("2026-01-10T13:00"), "UTC", noon, "key") == at("2026-01-10T14:00")
    assert quiet_until(at("2026-01-10T14:00"), "UTC", noon, "key") is None
    assert quiet_until(at("2026-01-10T11:59"), "UTC", noon, "key") is None


def test_the_same_start_and_end_mean_no_quiet():
    never = QuietHours(start="08:00", end="08:00")
    assert quiet_until(at("2026-01-10T08:00"), "UTC", never, "key") is None


def test_an_end_that_the_clock_skips_is_the_first_instant_after_the_gap():
    short = QuietHours(start="22:00", end="02:30")
    now = at("2026-03-29T01:30", "Europe/Berlin")
    assert quiet_until(now, "Europe/Berlin", short, "key") == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert quiet_until(datetime(2026, 3, 29, 1, tzinfo=UTC), "Europe/Berlin", short, "key") is None


def test_of_an_end_that_comes_twice_the_first_counts():
    short = QuietHours(start="22:00", end="02:30")
    before = datetime(2026, 10, 25, 0, 15, tzinfo=UTC)  # 02:15, the first time
    again = datetime(2026, 10, 25, 1, 15, tzinfo=UTC)  # 02:15, the second time
    assert quiet_until(before, "Europe/Berlin", short, "key") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert quiet_until(again, "Europe/Berlin", short, "key") is None


def test_of_a_start_that_comes_twice_the_first_counts():
    late = QuietHours(start="02:30", end="08:00")
    again = datetime(2026, 10, 25, 1, 15, tzinfo=UTC)  # 02:15 once more, after the first 02:30
    assert quiet_until(again, "Europe/Berlin", late, "key") == datetime(2026, 10, 25, 7, tzinfo=UTC)


def test_a_midnight_that_comes_twice_starts_the_quiet_the_first_time():
    # St. John's, 29 October 2006: at 00:01 the clock went back to 23:01 of the day before.
    early = QuietHours(start="00:00", end="06:00")
    shows_the_day_before = datetime(2006, 10, 29, 2, 45, tzinfo=UTC)
    assert quiet_until(shows_the_day_before, "America/St_Johns", early, "key") == datetime(
        2006, 10, 29, 9, 30, tzinfo=UTC
    )


def test_a_skipped_day_does_not_break_the_night():
    # Samoa, 29 December 2011, 23:00; the next day was the 31st.
    now = at("2011-12-29T23:00", "Pacific/Apia")
    assert quiet_until(now, "Pacific/Apia", NIGHT, "key") == at("2011-12-31T08:00", "Pacific/Apia")


def test_releases_are_spread_by_key_and_each_key_keeps_its_own():
    spread = NIGHT.model_copy(update={"spread": 1800})
    now, end = at("2026-01-10T23:00"), at("2026-01-11T08:00")
    offsets = [(quiet_until(now, "UTC", spread, f"key {number}") - end).total_seconds() for number in range(500)]
    assert all(0 <= offset < 1800 for offset in offsets)
    assert len(set(offsets)) > 400
    assert offsets[7] == (quiet_until(now, "UTC", spread, "key 7") - end).total_seconds()
    # By value, so that no machine or version spreads another way: SHA-256 of the key, modulo the spread.
    assert quiet_until(now, "UTC", spread, "key 0") - end == timedelta(seconds=1117)


@pytest.mark.parametrize("text", ["8:00", "24:00", "12:60", "noon", "12", "12:3", "", "+1:00", "\uff11\uff12:00"])
def test_what_is_not_a_time_of_day_is_said_to_be_none(text):
    with pytest.raises(ValueError, match="is not a time of day"):
        clock(text)


def test_an_unknown_zone_is_an_error():
    with pytest.raises(ValueError, match="'Mars/Olympus' is not a time zone"):
        quiet_until(at("2026-01-10T23:00"), "Mars/Olympus", NIGHT, "key")


@given(
    INSTANTS,
    st.sampled_from(ZONES),
    TIMES,
    TIMES,
)
def test_a_release_lies_ahead_within_two_days_and_is_not_quiet(instant, name, start, end):
    quiet = QuietHours(start=start, end=end)
    release = quiet_until(instant, name, quiet, "key")
    if release is not None:
        assert instant < release <= instant + timedelta(hours=49)
        assert quiet_until(release, name, quiet, "key") is None
        assert quiet_until(release - timedelta(microseconds=1), name, quiet, "key") == release


@given(
    INSTANTS,
    TIMES,
    TIMES,
)
def test_without_changes_of_the_clock_it_is_the_plain_window(instant, start, end):
    now, first, last = instant.time(), clock(start), clock(end)
    inside = first <= now < last if first <= last else now >= first or now < last
    assert (quiet_until(instant, "UTC", QuietHours(start=start, end=end), "key") is not None) == inside
