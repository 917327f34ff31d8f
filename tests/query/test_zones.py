"""Transition tables against the clocks of the fold."""

from bisect import bisect_right
from datetime import UTC, datetime
from importlib import resources
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calendar.local import day_of, hour_of
from engine.conditions.operands import microseconds
from engine.query import clock
from engine.query.dialect import DUCKDB
from engine.query.run import connect
from engine.query.zones import BEFORE, transitions, zone_days
from tests.query.population import ZONES

EVERY = sorted(resources.files("tzdata").joinpath("zones").read_text().split())
_UNTIL = microseconds(datetime(2099, 12, 30, tzinfo=UTC))


def hour_told(name, at):
    table = transitions(name)
    offset = table[bisect_right(table, at, key=lambda each: each[0]) - 1][1]
    return (at // 1_000_000 + offset) // 3600 % 24


@pytest.mark.parametrize("name", [*EVERY[::40], *ZONES])
def test_a_zones_table_shows_the_hour_of_its_clock_around_every_change(name):
    table = transitions(name)
    assert table[0][0] == BEFORE
    assert all(one[1] != other[1] for one, other in pairwise(table)), "a change that is none"
    clock_of = hour_of(name)
    for at, _ in table[1:]:
        for beside in (-1, 0, 1, -3_600_000_000, 3_600_000_000):
            assert hour_told(name, at + beside) == clock_of(at + beside)


@given(st.sampled_from(EVERY), st.lists(st.integers(-(10**15) * 5, _UNTIL), min_size=1, max_size=40))
def test_any_zone_shows_the_hour_of_its_clock_at_any_instant(name, instants):
    for at in instants:
        assert hour_told(name, at) == hour_of(name)(at)


def test_the_days_hours_and_weekdays_of_sql_are_those_of_the_clock():
    instants = [at + beside for name in ZONES for at, _ in transitions(name)[1:] for beside in (-1, 0)]
    instants += [-5 * 10**15, -(10**15), -1, 0, _UNTIL]
    shown = {part: getattr(clock, part)('"local"', DUCKDB) for part in ("day", "hour", "weekday")}
    local = clock.seconds('"a"', '"z"."offset_seconds"', DUCKDB)
    with connect(memory="500MB", threads=1) as database:
        database.execute("CREATE TABLE zone_days (zone VARCHAR, from_at BIGINT, offset_seconds BIGINT)")
        database.executemany("INSERT INTO zone_days VALUES (?, ?, ?)", list(zone_days(ZONES)))
        database.execute("CREATE TABLE asked AS SELECT unnest(?::BIGINT[]) AS a", [instants])
        for name in ZONES:
            join = clock.joined(DUCKDB.text(name), '"a"', '"z"', DUCKDB)
            rows = database.execute(
                f"WITH {clock.pieces(DUCKDB)} SELECT a, {', '.join(shown.values())}"
                f' FROM (SELECT a, {local} AS "local" FROM asked {join})'
            ).fetchall()
            assert len(rows) == len(instants)
            for at, day, hour, weekday in rows:
                ordinal = day_of(name)(at)
                assert day == ordinal - datetime(1970, 1, 1).toordinal()  # noqa: DTZ001 -- a day of no zone
                assert (hour, weekday) == (hour_of(name)(at), (ordinal - 1) % 7 + 1)


def test_a_zone_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="is not a time zone"):
        list(zone_days(["Europe/Nowhere"]))
