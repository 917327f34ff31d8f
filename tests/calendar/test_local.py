"""Local time by the pinned zone data."""

import zoneinfo
from datetime import UTC, date, datetime, time, timedelta
from importlib.metadata import version

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calendar.local import VERSION, day_of, instant_of, zone
from engine.conditions.operands import microseconds

SECONDS = st.integers(157766400, 2366841600)  # 1975 to 2045
ZONES = ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "America/St_Johns", "Asia/Kathmandu", "Etc/GMT+5"]


def test_the_zone_data_is_the_pinned_packages_also_where_the_machine_has_others(tmp_path, monkeypatch):
    monkeypatch.setattr(zoneinfo, "TZPATH", (str(tmp_path),))
    (tmp_path / "Europe").mkdir()
    (tmp_path / "Europe" / "Vienna").write_bytes(b"TZif nonsense")
    assert datetime(2026, 7, 1, tzinfo=UTC).astimezone(zone("Europe/Vienna")).utcoffset() == timedelta(hours=2)
    assert version("tzdata") == VERSION


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "Europe", "Europe/", "/etc/passwd", "../zones", "Europe/Berlin ", "tzdata.zi",
             "leapseconds", "__init__.py", "Europa/Köln", "a\0b", "."],
)  # fmt: skip
def test_what_is_not_a_zone_is_said_to_be_none(name):
    with pytest.raises(ValueError, match="is not a time zone such as Europe/Berlin"):
        zone(name)


def test_a_skipped_time_is_the_first_instant_after_the_gap():
    # Berlin, 29 March 2026: clocks go from 02:00 to 03:00, which is 01:00 UTC.
    for clock in (time(2, 0), time(2, 30), time(2, 59, 59)):
        assert instant_of(date(2026, 3, 29), clock, "Europe/Berlin") == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert instant_of(date(2026, 3, 29), time(3, 0), "Europe/Berlin") == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert instant_of(date(2026, 3, 29), time(1, 59), "Europe/Berlin") == datetime(2026, 3, 29, 0, 59, tzinfo=UTC)


def test_of_a_time_that_comes_twice_the_first_is_meant():
    # Berlin, 25 October 2026: 03:00 becomes 02:00; 02:30 is at 00:30 and at 01:30 UTC.
    assert instant_of(date(2026, 10, 25), time(2, 30), "Europe/Berlin") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_skipped_day_is_the_first_instant_after_it():
    # Samoa went over the date line: 30 December 2011 was not there.
    assert instant_of(date(2011, 12, 30), time(12), "Pacific/Apia") == datetime(2011, 12, 30, 10, tzinfo=UTC)


def test_a_midnight_that_is_skipped_is_the_start_of_the_day():
    # Sao Paulo, 4 November 2018: clocks go from 00:00 to 01:00.
    assert instant_of(date(2018, 11, 4), time(0), "America/Sao_Paulo") == datetime(2018, 11, 4, 3, tzinfo=UTC)


@given(SECONDS, st.sampled_from(ZONES))
def test_the_instant_shows_the_time_asked_for_or_lies_at_the_end_of_its_gap(second, name):
    local = datetime.fromtimestamp(second, UTC).replace(tzinfo=None)
    instant = instant_of(local.date(), local.time(), name)
    shown = instant.astimezone(zone(name)).replace(tzinfo=None)
    if shown != local:
        just_before = (instant - timedelta(microseconds=1)).astimezone(zone(name)).replace(tzinfo=None)
        assert just_before < local < shown


@given(SECONDS, st.sampled_from(ZONES))
def test_the_day_of_an_instant_is_the_local_calendars(second, name):
    instant = datetime.fromtimestamp(second, UTC)
    assert date.fromordinal(day_of(name)(microseconds(instant))) == instant.astimezone(zone(name)).date()
