"""When messages may leave: the release is open, as early as can be, and found under any policy."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.calendar.local import instant_of
from engine.calendar.opening import HORIZON, WEEKDAYS, Recipient, closed, day_at, held_until, opening
from engine.policy import Blackout, Holidays, Policy, QuietHours

ZONES = [
    "UTC", "Europe/Berlin", "America/Sao_Paulo", "America/Havana", "America/St_Johns", "Pacific/Apia",
    "Australia/Lord_Howe", "Asia/Beirut",
]  # fmt: skip
INSTANTS = st.datetimes(datetime(2005, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - a bound
CLOCKS = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 1, 30, 59]))
SPREADS = st.sampled_from([0, 1800, 6 * 3600, 3 * 86400])
PEOPLE = st.builds(Recipient, st.sampled_from(ZONES), st.sampled_from([None, "DE", "BR", "US"]))


@st.composite
def policies(draw, near):
    day = near.date()
    days = st.integers(-3, 12).map(lambda after: (day + timedelta(days=after)).isoformat())
    spans = st.tuples(days, st.integers(0, 20)).map(
        lambda span: Blackout(first=span[0], last=(date.fromisoformat(span[0]) + timedelta(days=span[1])).isoformat())
    )
    return Policy(
        quiet_hours=draw(st.none() | st.builds(QuietHours, start=CLOCKS, end=CLOCKS, spread=SPREADS)),
        weekdays=tuple(draw(st.lists(st.sampled_from(WEEKDAYS), max_size=7, unique=True))),
        holidays=Holidays(
            countries=tuple(draw(st.lists(st.sampled_from(["DE", "BR", "US"]), unique=True))),
            days=tuple(draw(st.lists(days, max_size=4))),
        ),
        blackout=tuple(draw(st.lists(spans, max_size=2))),
    )


SCENES = INSTANTS.flatmap(lambda instant: st.tuples(st.just(instant), PEOPLE, policies(instant)))


@given(SCENES)
def test_the_release_is_never_in_a_closed_time_and_nothing_earlier_is_open_but_for_the_spread(scene):
    instant, whose, policy = scene
    held = held_until(instant, whose, "service", policy, "key")
    if held is None:
        assert closed(instant, whose, "service", policy) is None
        return
    assert closed(instant, whose, "service", policy).reason == held.reason
    assert closed(held.until, whose, "service", policy) is None
    release = opening(instant, whose, "service", policy)
    spread = timedelta(seconds=policy.quiet_hours.spread if policy.quiet_hours else 0)
    assert release <= held.until <= release + spread
    assert closed(release - timedelta(microseconds=1), whose, "service", policy) is not None
    step = max((release - instant) / 97, timedelta(microseconds=1))
    for part in range(97):
        if instant + part * step < release:
            assert closed(instant + part * step, whose, "service", policy) is not None


@given(SCENES)
def test_what_is_exempt_waits_for_blackouts_only(scene):
    instant, whose, policy = scene
    assume(policy.quiet_hours is not None)
    quiet = policy.quiet_hours.model_copy(update={"exempt": ("service",)})
    held = held_until(instant, whose, "service", policy.model_copy(update={"quiet_hours": quiet}), "key")
    assert held is None or held.reason == "blackout"


@given(INSTANTS, PEOPLE)
def test_a_policy_that_closes_nearly_everything_is_searched_to_its_end(instant, whose):
    first, last = instant.date(), instant.date() + timedelta(days=300)
    nearly = Policy(
        quiet_hours=QuietHours(start="00:01", end="00:00"),
        weekdays=("sunday",),
        blackout=(Blackout(first=first.isoformat(), last=last.isoformat()),),
    )
    found = opening(instant, whose, "service", nearly)
    assert found is None or closed(found, whose, "service", nearly) is None
    assert found is None or found - instant < HORIZON + timedelta(days=8)


def test_a_policy_that_does_not_open_within_the_horizon_is_said_to_have_no_opening():
    shut = Policy(blackout=(Blackout(first="2026-01-01", last="2029-01-01"),))
    now = datetime(2026, 2, 1, tzinfo=UTC)
    assert opening(now, Recipient("UTC"), "service", shut) is None
    assert held_until(now, Recipient("UTC"), "service", shut, "key").until == now + HORIZON  # and is asked again then


@pytest.mark.parametrize(
    ("instant", "zone_name", "day"),
    [
        # Newfoundland, 4 November 2007: at 00:01 clocks went back to 23:01 of the 3rd.
        ("2007-11-04T02:30:30Z", "America/St_Johns", date(2007, 11, 4)),
        ("2007-11-04T03:00:00Z", "America/St_Johns", date(2007, 11, 4)),
        ("2007-11-04T02:29:59Z", "America/St_Johns", date(2007, 11, 3)),
        # Sao Paulo, 18 February 2018: at 00:00 clocks went back to 23:00 of the 17th, which is still the 17th.
        ("2018-02-18T02:30:00Z", "America/Sao_Paulo", date(2018, 2, 17)),
        ("2018-02-18T03:00:00Z", "America/Sao_Paulo", date(2018, 2, 18)),
        # Beirut, 29 March 2026: 00:00 is skipped, the day begins at 01:00.
        ("2026-03-28T21:59:59Z", "Asia/Beirut", date(2026, 3, 28)),
        ("2026-03-28T22:00:00Z", "Asia/Beirut", date(2026, 3, 29)),
        # Samoa skipped 30 December 2011.
        ("2011-12-30T10:00:00Z", "Pacific/Apia", date(2011, 12, 31)),
        ("2011-12-30T09:59:59Z", "Pacific/Apia", date(2011, 12, 29)),
    ],
)
def test_a_day_begins_when_its_midnight_is_first_shown(instant, zone_name, day):
    assert day_at(datetime.fromisoformat(instant), zone_name) == day


@given(INSTANTS, st.sampled_from(ZONES))
def test_every_instant_lies_in_its_day(instant, zone_name):
    day = day_at(instant, zone_name)
    begins, ends = (instant_of(each, time(0), zone_name) for each in (day, day + timedelta(days=1)))
    assert begins <= instant < ends


def test_a_skipped_and_a_doubled_hour_at_the_end_of_quiet():
    quiet = Policy(quiet_hours=QuietHours(start="22:00", end="02:30"))
    berlin = Recipient("Europe/Berlin")
    spring, autumn = datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 10, 24, 23, tzinfo=UTC)
    assert held_until(spring, berlin, "service", quiet, "k").until == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert held_until(autumn, berlin, "service", quiet, "k").until == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert held_until(datetime(2026, 10, 25, 1, 10, tzinfo=UTC), berlin, "service", quiet, "k") is None
