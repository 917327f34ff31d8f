"""Moments of the calendar start each customer's journey once: when they are late, at once, or their facts change."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import psycopg
import pytest

from engine.conditions.ast import Compare
from engine.dispatch.calendar import Calendar
from engine.dispatch.match import Matcher
from engine.evaluation.calendar import come_into_force, evaluate_calendar
from engine.journeys.plan import DateTrigger, End, EveryTrigger, Plan, Start, Wait
from engine.standing.definition import StandingRules
from tests.facts.shop import put, utc
from tests.standing.conftest import matching, with_standing

BEGAN = utc("2026-05-01T00:00")
BIRTHDAY = DateTrigger(date="birthday", offset=-7 * 86400, at="10:00")
MEMBER_DAY = EveryTrigger(every="month", day=8, at="10:00")


def playbook(*triggers, name: str = "greeting", **start) -> Plan:
    return Plan(
        playbook=name,
        title="Greeting",
        version="v1",
        subject="customer",
        start=Start(any=triggers, **start),
        code=(Wait(id="wait", seconds=86_400), End(id="end")),
    )


def matcher_of(connection, *plans: Plan, version: str = "v1") -> Matcher:
    found = matching(connection, with_standing(StandingRules(), version, *plans))
    connection.commit()
    return found


def customer(connection, key: str, birthday: str | None = None, **columns) -> int:
    zone = columns.pop("zone", "Europe/Berlin")
    found = put(connection, "customers", key=key, birthday=birthday, zone=zone, recorded_at=BEGAN, **columns)
    connection.commit()
    return found


def minute(connection, matcher: Matcher, now: datetime, limit: int = 200) -> None:
    """What the worker does for the calendar in a minute."""
    connection.commit()
    connection.autocommit = True
    calendar = Calendar(matcher)
    come_into_force(connection, calendar, now)
    while evaluate_calendar(connection, calendar, now, limit):
        pass
    connection.autocommit = False


def started(connection, *customers: int) -> list[str]:
    rows = connection.execute(
        "select started_at from journeys where %(all)s or customer_id = any(%(customers)s) order by started_at, id",
        {"all": not customers, "customers": list(customers)},
    ).fetchall()
    return [f"{row[0]:%Y-%m-%dT%H:%M}" for row in rows]


def test_a_birthday_starts_a_journey_at_its_moment_and_again_next_year(connection):
    ana = customer(connection, "ana", "1990-06-08")
    matcher = matcher_of(connection, playbook(BIRTHDAY))
    minute(connection, matcher, BEGAN)
    minute(connection, matcher, utc("2026-06-01T07:59"))
    assert started(connection) == []
    minute(connection, matcher, utc("2026-06-01T08:00"))
    minute(connection, matcher, utc("2026-06-01T08:01"))
    assert started(connection, ana) == ["2026-06-01T08:00"]
    minute(connection, matcher, utc("2027-06-01T08:00"))
    assert started(connection, ana) == ["2026-06-01T08:00", "2027-06-01T08:00"]
    told = connection.execute("select kind, at from outbox order by id").fetchall()
    assert told == [("start", utc("2026-06-01T08:00")), ("start", utc("2027-06-01T08:00"))]


def test_each_customer_has_the_member_day_by_the_own_clock_and_without_a_zone_by_the_shops(connection, shop):
    tokyo = customer(connection, "tokyo", zone="Asia/Tokyo")
    nowhere = customer(connection, "nowhere", zone=None)
    matcher = matcher_of(connection, playbook(MEMBER_DAY))
    minute(connection, matcher, BEGAN)
    minute(connection, matcher, utc("2026-05-08T23:00"))
    assert started(connection, tokyo) == ["2026-05-08T01:00"]
    assert len(started(connection, nowhere)) == 1


def test_nothing_is_made_up_for_moments_before_the_rule_came_into_force(connection):
    tomorrow = customer(connection, "tomorrow", "1990-06-02")
    matcher = matcher_of(connection, playbook(BIRTHDAY))
    minute(connection, matcher, utc("2026-06-01T12:00"))
    minute(connection, matcher, utc("2026-06-03T12:00"))
    assert started(connection, tomorrow) == []
    minute(connection, matcher, utc("2027-05-26T12:00"))
    assert started(connection, tomorrow) == ["2027-05-26T08:00"]


def test_a_rule_that_was_not_in_force_for_a_while_does_not_catch_up(connection):
    ana = customer(connection, "ana")
    live, resting = matcher_of(connection, playbook(MEMBER_DAY)), matcher_of(connection, version="v2")
    minute(connection, live, BEGAN)
    minute(connection, resting, utc("2026-05-02T00:00"))
    minute(connection, live, utc("2026-06-20T00:00"))
    assert started(connection) == []
    minute(connection, live, utc("2026-07-08T09:00"))
    assert started(connection, ana) == ["2026-07-08T08:00"]


@pytest.mark.parametrize(("max_age", "expected"), [(None, 3), (86_400, 1), (3600, 0)])
def test_after_hours_or_months_without_a_schedule_max_age_decides(connection, max_age, expected):
    customer(connection, "ana")
    matcher = matcher_of(connection, playbook(MEMBER_DAY, max_age=max_age))
    minute(connection, matcher, BEGAN)
    minute(connection, matcher, utc("2026-07-08T20:00"))
    assert len(started(connection)) == expected


def test_once_per_and_only_if_are_asked_as_of_the_moment(connection):
    german = customer(connection, "german", country="DE")
    customer(connection, "french", country="FR")
    asked = Compare(name="country", operator="eq", operand="DE")
    matcher = matcher_of(connection, playbook(MEMBER_DAY, only_if=asked, once_per=40 * 86_400))
    minute(connection, matcher, BEGAN)
    minute(connection, matcher, utc("2026-07-09T00:00"))
    assert started(connection) == started(connection, german) == ["2026-05-08T08:00", "2026-07-08T08:00"]


def change(connection, who: int, **columns) -> None:
    for name, value in columns.items():
        connection.execute(
            psycopg.sql.SQL("update customers set {} = %s, fact_version = fact_version + 1 where id = %s").format(
                psycopg.sql.Identifier(name)
            ),
            (value, who),
        )
    connection.commit()


def test_a_changed_birthday_moves_the_moment_and_never_doubles_it(connection):
    ana = customer(connection, "ana", "1990-06-08")
    matcher = matcher_of(connection, playbook(BIRTHDAY))
    minute(connection, matcher, BEGAN)
    change(connection, ana, birthday="1990-07-08")
    minute(connection, matcher, utc("2026-06-02T00:00"))
    assert started(connection) == []
    minute(connection, matcher, utc("2026-07-01T08:00"))
    change(connection, ana, birthday="1990-07-08")
    change(connection, ana, birthday="1990-07-05")
    minute(connection, matcher, utc("2026-07-01T08:01"))
    minute(connection, matcher, utc("2026-12-01T00:00"))
    assert started(connection, ana) == ["2026-07-01T08:00"]


def test_a_birthday_that_is_told_while_the_schedule_was_down_counts_as_it_is_known_now(connection):
    ana, bea = customer(connection, "ana", "1990-06-08"), customer(connection, "bea")
    matcher = matcher_of(connection, playbook(BIRTHDAY))
    minute(connection, matcher, BEGAN)
    change(connection, ana, birthday="1990-08-08")
    change(connection, bea, birthday="1990-06-08")
    minute(connection, matcher, utc("2026-06-03T00:00"))
    assert started(connection, ana) == []
    assert started(connection, bea) == ["2026-06-01T08:00"]


def test_a_customer_takes_part_from_when_they_came_to_be_known(connection):
    matcher = matcher_of(connection, playbook(MEMBER_DAY))
    minute(connection, matcher, BEGAN)
    new = customer(connection, "new")
    connection.execute("update customers set recorded_at = %s where id = %s", (utc("2026-05-08T12:00"), new))
    minute(connection, matcher, utc("2026-05-09T12:00"))
    assert started(connection) == []
    minute(connection, matcher, utc("2026-06-09T12:00"))
    assert started(connection, new) == ["2026-06-08T08:00"]


def test_two_schedules_at_once_start_everybody_once(connection, database):
    everybody = [customer(connection, f"customer-{number}") for number in range(60)]
    matcher = matcher_of(connection, playbook(MEMBER_DAY))

    def schedule(days: int) -> None:
        with psycopg.connect(database) as own:
            minute(own, replace(matcher), BEGAN + timedelta(days=days), limit=7)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(schedule, [0, 0, 0, 0]))
        list(threads.map(schedule, [40, 40, 40, 40]))
    schedule(40)
    rows = connection.execute(
        "select customer_id, started_at from journeys order by customer_id, started_at"
    ).fetchall()
    moments = [utc("2026-05-08T08:00"), utc("2026-06-08T08:00")]
    assert rows == [(each, moment) for each in everybody for moment in moments]


class KilledError(Exception):
    """Stands for the end of a process in the middle of a transaction."""


@pytest.mark.parametrize("statement", range(1, 12))
def test_a_schedule_that_is_killed_at_any_statement_starts_nobody_twice(connection, database, statement, monkeypatch):
    ana = customer(connection, "ana")
    matcher = matcher_of(connection, playbook(MEMBER_DAY))
    minute(connection, matcher, BEGAN)
    now, left = utc("2026-05-08T08:00"), [statement]
    execute = psycopg.Connection.execute

    def counted(self, *args, **kwargs):
        left[0] -= 1
        if left[0] == 0:
            raise KilledError
        return execute(self, *args, **kwargs)

    with psycopg.connect(database) as dying:
        monkeypatch.setattr(psycopg.Connection, "execute", counted)
        with pytest.raises(KilledError):
            minute(dying, matcher, now)
        monkeypatch.undo()
    minute(connection, matcher, now + timedelta(minutes=1))
    assert started(connection, ana) == ["2026-05-08T08:00"]
