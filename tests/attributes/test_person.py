"""What a date of birth says, and habits by the customer's clock."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.attributes.definition import AttributeDefinition
from engine.attributes.facts import CustomerFacts
from engine.attributes.fold import compile_fold
from engine.attributes.person import age, month, zodiac
from engine.attributes.relations import RELATIONS
from engine.conditions.operands import microseconds


@pytest.mark.parametrize(
    ("born", "day", "years"),
    [
        (date(2000, 3, 1), date(2026, 2, 28), 25),
        (date(2000, 3, 1), date(2026, 3, 1), 26),
        (date(2000, 2, 29), date(2026, 2, 28), 25),
        (date(2000, 2, 29), date(2026, 3, 1), 26),
        (date(2000, 2, 29), date(2028, 2, 29), 28),
        (date(2026, 3, 1), date(2026, 3, 1), 0),
        (date(2026, 3, 2), date(2026, 3, 1), None),
        (None, date(2026, 3, 1), None),
    ],
)
def test_age_is_completed_years(born, day, years):
    assert age(born, day.toordinal()) == years


@given(st.dates(min_value=date(1900, 1, 1)), st.integers(0, 40_000))
def test_age_never_falls_and_rises_by_one_at_most(born, days):
    day = born + timedelta(days=min(days, (date.max - born).days - 1))
    before, after = age(born, day.toordinal()), age(born, day.toordinal() + 1)
    assert 0 <= before <= after <= before + 1


@pytest.mark.parametrize(
    ("day", "sign"),
    [
        ((3, 20), "pisces"), ((3, 21), "aries"), ((4, 19), "aries"), ((4, 20), "taurus"), ((12, 21), "sagittarius"),
        ((12, 22), "capricorn"), ((1, 19), "capricorn"), ((1, 20), "aquarius"), ((2, 29), "pisces"),
    ],
)  # fmt: skip
def test_the_sign_of_the_zodiac_changes_on_its_day(day, sign):
    assert zodiac(date(2000, *day)) == sign


@given(st.dates())
def test_everybody_has_one_of_twelve_signs_and_a_month(born):
    signs = {zodiac(date(2001, 1, 1) + timedelta(days=day)) for day in range(365)}
    assert len(signs) == 12
    assert zodiac(born) in signs
    assert month(born) == born.month


def test_without_a_birthday_nothing_is_known():
    assert (zodiac(None), month(None)) == (None, None)


def attribute(aggregate, of):
    return {"x": AttributeDefinition(name="x", title="X", type="integer", aggregate=aggregate, of=of)}


def asked(aggregate, of, facts, at):
    return compile_fold(attribute(aggregate, of), currency=None)(facts, at)["x"]


def test_somebody_turns_older_at_local_midnight():
    person = RELATIONS["customer"].row(None, "ana", birthday=date(1990, 3, 2))
    facts = CustomerFacts(1, "America/Sao_Paulo", {"customer": [person]})
    assert asked("age", "customer.birthday", facts, datetime(2026, 3, 2, 2, 59, 59, tzinfo=UTC)) == 35
    assert asked("age", "customer.birthday", facts, datetime(2026, 3, 2, 3, 0, tzinfo=UTC)) == 36


def test_days_since_the_first_contact_are_counted_from_the_customers_own_instant():
    since = microseconds(datetime(2026, 1, 1, tzinfo=UTC))
    facts = CustomerFacts(1, "UTC", {"customer": [RELATIONS["customer"].row(None, "ana", known_since=since)]})
    assert asked("days_since", "customer.known_since", facts, datetime(2026, 1, 31, tzinfo=UTC)) == 30
    assert asked("days_since", "customer.known_since", facts, datetime(2025, 12, 31, tzinfo=UTC)) is None


def visits(zone, *instants):
    rows = [RELATIONS["site_events"].row(microseconds(each), str(each), kind="visit") for each in instants]
    return CustomerFacts(1, zone, {"site_events": rows})


NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday


def test_habits_go_by_the_customers_clock():
    late = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    assert asked("hour", "site_events.at", visits("Europe/Berlin", late), NOON) == 0
    assert asked("weekday", "site_events.at", visits("Europe/Berlin", late), NOON) == 1
    assert asked("weekday", "site_events.at", visits("America/Sao_Paulo", late), NOON) == 7


def test_of_two_habits_the_later_one_counts():
    morning, evening = datetime(2026, 2, 1, 8, tzinfo=UTC), datetime(2026, 2, 2, 19, tzinfo=UTC)
    assert asked("hour", "site_events.at", visits("UTC", evening, morning), NOON) == 19
    assert asked("hour", "site_events.at", visits("UTC", evening, morning, morning - timedelta(days=9)), NOON) == 8
