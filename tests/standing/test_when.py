"""A trigger `when` comes at the turn of its condition from false to true, by an event or by time alone."""

from datetime import timedelta

import pytest

from engine.language.rules import compile_rules
from engine.language.uses import used_parts
from tests.facts.intake.telling import placed
from tests.standing.conftest import matching
from tests.standing.test_events import NEW_YEAR, journeys, judge_due, order, tell
from tests.workflows.rules import POLICY

ATTRIBUTES = """
attributes:
  paid_orders: {title: Paid orders, type: integer, count: orders, where: {paid: true}}
  days_since_last_order: {title: Days since, type: integer, days_since: orders.placed_at, where: {paid: true}}
"""
QUIET = """
playbook: quiet
title: Quiet
for: customer
start: {when: {days_since_last_order: {gte: 90}}}
stop: {when: {paid_orders: {gte: 2}}}
controls: {purpose: transactional}
steps: [{wait: 7d}]
"""
AGAIN = """
playbook: again
title: Again
for: customer
start: {any: [{event: order.paid}]}
controls: {purpose: transactional}
steps:
  - wait_for: {when: {all: [{paid_orders: {gte: 2}}, {segments: {known: true}}]}, within: 30d}
    got: [{end: {outcome: again}}]
"""


def rules_of(*playbooks: str):
    files = {f"playbooks/{number}.yaml": text for number, text in enumerate(playbooks)}
    rules = compile_rules({"attributes.yaml": ATTRIBUTES, "policy.yaml": POLICY, **files})
    assert rules.sound
    return rules


@pytest.fixture
def quiet(connection, shop):
    return matching(connection, rules_of(QUIET))


def test_time_alone_turns_it_and_an_event_turns_the_stop(connection, quiet):
    order(connection, quiet, "1", NEW_YEAR)
    judge_due(connection, quiet, NEW_YEAR + timedelta(days=89))
    assert journeys(connection) == []
    judge_due(connection, quiet, NEW_YEAR + timedelta(days=95))
    assert journeys(connection) == [("quiet", "running", None)]
    assert connection.execute("select started_at from journeys").fetchall() == [(NEW_YEAR + timedelta(days=90),)]
    judge_due(connection, quiet, NEW_YEAR + timedelta(days=120))
    assert len(journeys(connection)) == 1
    order(connection, quiet, "2", NEW_YEAR + timedelta(days=121))
    ((playbook, state, outcome),) = journeys(connection)
    assert (playbook, state) == ("quiet", "stopped")
    assert outcome.startswith("segment -> when:")


def test_it_comes_again_when_it_has_ceased_to_hold_and_holds_again(connection, quiet):
    order(connection, quiet, "1", NEW_YEAR)
    judge_due(connection, quiet, NEW_YEAR + timedelta(days=95))
    order(connection, quiet, "2", NEW_YEAR + timedelta(days=100))
    judge_due(connection, quiet, NEW_YEAR + timedelta(days=200))
    assert len(journeys(connection)) == 2


def test_for_whom_it_holds_when_the_rule_comes_into_force_nothing_starts(connection, shop):
    before = rules_of()
    order(connection, matching(connection, before), "1", NEW_YEAR)
    matcher = matching(connection, rules_of(QUIET), before)
    late = NEW_YEAR + timedelta(days=100)
    tell(connection, matcher, placed("2", "newcomer", at=late))
    judge_due(connection, matcher, late + timedelta(days=1))
    assert journeys(connection) == []


def test_a_journey_that_waits_for_it_is_told(connection, shop):
    matcher = matching(connection, rules_of(AGAIN))
    order(connection, matcher, "1", NEW_YEAR)
    assert journeys(connection) == [("again", "running", None)]
    order(connection, matcher, "2", NEW_YEAR + timedelta(days=2))
    told = connection.execute("select payload from outbox where kind = 'event' order by id").fetchall()
    assert [(payload["stop"], payload["steps"]) for (payload,) in told] == [(False, ["wait_for-1"])]


def test_one_condition_of_several_triggers_is_decided_once(connection):
    twice = QUIET.replace("playbook: quiet", "playbook: quieter")
    rules = rules_of(QUIET, twice)
    assert len(rules.standing.segments) == 2
    titles = [each.title for each in rules.standing.segments]
    assert {f"segment {each.name}" for each in rules.standing.segments} == used_parts(rules)
    assert titles == ["days_since_last_order is at least 90", "paid_orders is at least 2"]
