"""Which version is in force, who may change it, and who is judged by it."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from engine.dispatch.in_force import (
    InForce,
    MovedOnError,
    Succession,
    alone,
    come_into_force,
    history,
    is_applied,
    last,
    succeed,
)
from engine.dispatch.versions import StoredVersions, publish
from engine.evaluation import settle
from engine.evaluation.run import Asked, evaluate
from engine.evaluation.settle import Settling
from engine.language.rules import Rules
from engine.planning.publish import put_in_force
from tests.planning.shop import NOW, Person, compiled, edited

SOONER = ("days_since_last_order: {gte: 90}", "days_since_last_order: {gte: 60}")
STOPPED = ("status: live", "status: paused")


@pytest.fixture(params=["one after the other", "at once"])
def settling(request, database: str, tmp_path: Path, monkeypatch) -> Callable[[], Settling]:
    """Judges everybody who is left, in either way."""
    monkeypatch.setattr(settle, "AT_ONCE", 0)
    mirror = tmp_path / "mirror" if request.param == "at once" else None
    return lambda: Settling(database, mirror=mirror)


def apply(database: str, connection: psycopg.Connection, new: Rules, planned, *, start: bool = False):
    """Puts rules in force as the command does."""
    row = last(connection)
    connection.commit()
    old = None if row is None else StoredVersions().get(connection, row.version)
    connection.commit()
    made = planned(new, old)
    return put_in_force(
        database, new, Succession(new.version, row, "apply", "ada", "why not", start, made.plan.changing),
        made, NOW,
    )  # fmt: skip


def members(connection: psycopg.Connection, segment: str) -> list[str]:
    found = connection.execute(
        "select c.key from standings s join customers c on c.id = s.customer_id where segments @> array[%s] order by 1",
        (segment,),
    ).fetchall()
    connection.commit()
    return [key for (key,) in found]


def test_until_something_is_applied_the_projects_own_rules_come_into_force(
    connection: psycopg.Connection, rules
) -> None:
    assert last(connection) is None
    assert come_into_force(connection, rules, NOW) == rules.version
    other = edited("segments.yaml", SOONER)
    assert come_into_force(connection, other, NOW) == other.version
    assert come_into_force(connection, other, NOW) == other.version
    assert [(row.version, row.how) for row in history(connection, 9)] == [
        (other.version, "start"),
        (rules.version, "start"),
    ]
    assert not is_applied(connection)


def test_after_an_apply_other_files_do_not_come_into_force_by_themselves(
    database: str, connection: psycopg.Connection, judged: list[Person], planned, rules
) -> None:
    new = edited("segments.yaml", SOONER)
    apply(database, connection, new, planned)
    assert come_into_force(connection, rules, NOW) == new.version
    in_force = InForce(rules, StoredVersions())
    assert in_force.look(connection).version == in_force.current.version == new.version


def test_who_asks_is_told_of_a_new_version_once(
    database: str, connection: psycopg.Connection, judged: list[Person], planned, rules
) -> None:
    told: list[str] = []
    in_force = InForce(rules, StoredVersions(), changed=lambda each: told.append(each.version))
    assert in_force.look(connection).version == rules.version
    connection.commit()
    new = edited("segments.yaml", SOONER)
    apply(database, connection, new, planned)
    assert in_force.hold(connection).version == new.version
    assert in_force.look(connection).version == new.version
    assert told == [new.version]


def test_of_two_that_follow_the_same_version_the_second_changes_nothing(connection: psycopg.Connection, rules) -> None:
    come_into_force(connection, rules, NOW)
    first, second = edited("segments.yaml", SOONER), edited("playbooks/call-back.yaml", STOPPED)
    before = last(connection)
    for each in (first, second):
        publish(connection, each)
    succeed(connection, Succession(first.version, before, "apply", "ada"), NOW)
    with pytest.raises(MovedOnError, match=first.version):
        succeed(connection, Succession(second.version, before, "apply", "bob"), NOW)
    connection.commit()
    assert last(connection).version == first.version


def test_nobody_comes_into_force_while_somebody_judges(
    database: str, connection: psycopg.Connection, judged: list[Person], rules
) -> None:
    InForce(rules, StoredVersions()).hold(connection)
    with psycopg.connect(database) as other:
        other.execute("set lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            alone(other)
    connection.commit()
    with psycopg.connect(database) as other:
        alone(other)


def test_a_bulk_run_by_rules_that_are_no_longer_in_force_writes_nothing(
    database: str, connection: psycopg.Connection, judged: list[Person], planned, rules
) -> None:
    apply(database, connection, edited("segments.yaml", SOONER), planned)
    with pytest.raises(MovedOnError):
        evaluate(Asked(database, rules, NOW, NOW, write=True))


def test_settling_makes_everybodys_standing_what_was_planned(
    database: str, connection: psycopg.Connection, judged: list[Person], planned, settling
) -> None:
    new = edited("segments.yaml", SOONER)
    row = apply(database, connection, new, planned)
    assert row.settled_at is None
    before = members(connection, "quiet")
    done = settling().if_left(NOW)
    assert done.customers == len(judged)
    between = sorted(each.key for each in judged if each.days is not None and 60 <= each.days < 90)
    assert members(connection, "quiet") == sorted([*before, *between])
    assert done.changes["segment", None, "quiet"] == len(between)
    [(causes, started)] = connection.execute(
        "select array_agg(distinct cause), (select count(*) from journeys) from standing_changes where version = %s",
        (new.version,),
    ).fetchall()
    assert (causes, started) == (["baseline"], 0)
    assert last(connection).settled_at is not None
    connection.commit()
    assert settling().if_left(NOW) is None


def test_who_is_judged_already_is_not_judged_again(
    database: str, connection: psycopg.Connection, judged: list[Person], planned
) -> None:
    new = edited("segments.yaml", SOONER)
    apply(database, connection, new, planned)
    evaluate(Asked(database, new, NOW, NOW, write=True, customers=[each.id for each in judged[:15]]))
    assert Settling(database).if_left(NOW).customers == len(judged) - 15


def test_two_applies_without_an_end_are_settled_together(
    database: str, connection: psycopg.Connection, judged: list[Person], planned, rules, settling
) -> None:
    first = edited("segments.yaml", SOONER)
    apply(database, connection, first, planned)
    evaluate(Asked(database, first, NOW, NOW, write=True, customers=[each.id for each in judged[:20]]))
    # The second takes the first back and changes nobody's standing by itself: still all of the first must be undone.
    apply(database, connection, edited("playbooks/call-back.yaml", STOPPED), planned)
    settling().if_left(NOW)
    assert members(connection, "quiet") == sorted(
        each.key for each in judged if each.days is not None and each.days >= 90
    )


def test_starting_existing_starts_what_was_planned_and_the_same_again_nothing(
    database: str, connection: psycopg.Connection, judged: list[Person], planned, settling
) -> None:
    new = edited("segments.yaml", SOONER)
    made = planned(new)
    apply(database, connection, new, planned, start=True)
    done = settling().if_left(NOW)
    assert done.started == made.plan.journeys > 0
    started = connection.execute("select customer_id, version, state from journeys order by 1").fetchall()
    allowed = [each.id for each in judged if each.days is not None and 60 <= each.days < 90 and each.orders >= 2]
    assert started == [(each, new.version, "running") for each in allowed]
    connection.execute("update rules_in_force set settled_at = null where how = 'apply'")
    connection.commit()
    assert settling().if_left(NOW).started == 0


def test_more_journeys_than_the_mass_start_allows_are_held(
    database: str, connection: psycopg.Connection, judged: list[Person], planned, settling
) -> None:
    text = edited("segments.yaml", SOONER).files
    policy = text["policy.yaml"].rstrip() + "\n  mass_start: {above: 1}\n"
    new = compiled(**{"segments.yaml": text["segments.yaml"], "policy.yaml": policy})
    journeys = planned(new).plan.journeys
    apply(database, connection, new, planned, start=True)
    done = settling().if_left(NOW)
    assert (done.started, done.held) == (0, journeys)
    assert connection.execute("select distinct state from journeys").fetchall() == [("held",)]
    assert connection.execute("select count(*) from outbox").fetchone() == (0,)
