"""The message's state machine: a model of it and the real one in PostgreSQL take the same steps."""

from datetime import timedelta

import psycopg
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from engine.messages import record
from engine.messages.reserve import NotBefore, Proceed, Settled
from tests.docs.pages import ROOT
from tests.messages_reserve.asking import NOON

ALLOWED = {
    "planned": {"reserved", "deferred", "skipped", "failed", "sent"},
    "reserved": {"in_flight", "sent", "skipped", "deferred", "in_doubt", "failed"},
    "deferred": {"reserved", "skipped", "failed"},
    "in_flight": {"planned", "sent", "in_doubt", "failed"},
    "in_doubt": {"sent", "failed"},
    "sent": set(),
    "skipped": set(),
    "failed": set(),
}
WITH_REASON = {"skipped", "deferred", "in_doubt", "failed"}
BOUNDED = '  quiet_hours: {start: "21:00", end: "08:00"}\n  capacities: {email: {per_hour: 1}}\n'


@pytest.mark.parametrize("before", ALLOWED)
@pytest.mark.parametrize("after", ALLOWED)
def test_the_database_takes_the_documented_transitions_and_no_others(people, before, after):
    ask, number = people.under(), people.new()
    ask(number=number)
    message = people.row(number)["id"]
    people.shop.execute("alter table messages disable trigger guard_messages")
    _write(people, message, before)
    people.shop.execute("alter table messages enable trigger guard_messages")
    if after in ALLOWED[before] | {before}:
        _write(people, message, after)
        assert people.row(number)["state"] == after
    else:
        with pytest.raises(psycopg.errors.CheckViolation, match=f"cannot go from {before} to {after}"):
            _write(people, message, after)


def _write(people, message, state):
    reason = "stopped" if state in WITH_REASON else None
    until = NOON if state == "deferred" else None
    people.shop.execute(
        "update messages set state = %s, reason = %s, until = %s where id = %s", state, reason, until, message
    )


@pytest.mark.parametrize(
    "change",
    ["reason = 'stopped'", "state = 'skipped'", "state = 'skipped', reason = 'Paid, alas'", "until = now()",
     "state = 'gone'"],
)  # fmt: skip
def test_a_reason_and_an_instant_stand_where_they_belong(people, change):
    ask, number = people.under(), people.new()
    ask(number=number)
    with pytest.raises(psycopg.errors.CheckViolation):
        people.shop.execute(f"update messages set {change} where id = %s", people.row(number)["id"])


def test_a_message_that_is_under_way_keeps_its_key(people):
    ask, number = people.under(), people.new()
    proceed = ask(number=number)
    people.shop.execute("update messages set key = key || '!' where id = %s", proceed.message)
    assert ask.hand_over(proceed)
    with pytest.raises(psycopg.errors.CheckViolation, match="cannot take another key"):
        people.shop.execute("update messages set key = key || '!' where id = %s", proceed.message)


def test_the_page_draws_the_transitions_that_the_database_takes():
    page = (ROOT / "docs/messages.md").read_text()
    for before, afters in ALLOWED.items():
        drawn = {
            after for after in ALLOWED if f"    {before} --> {after}\n" in page or f"    {before} --> {after}:" in page
        }
        assert drawn == afters


class Message(RuleBasedStateMachine):
    """A message of somebody new in a shop of its own, and the state that it should be in."""

    people = None

    @initialize(full=st.booleans(), keyed=st.booleans())
    def order(self, full, keyed):
        self.people.shop.execute("delete from capacity_use")
        self.people.shop.execute("delete from playbook_controls")
        self.now, self.ask, self.number = NOON, self.people.under(BOUNDED), self.people.new()
        self.ask.keyed = ["email"] if keyed else []
        self.state, self.proceeds, self.left, self.paid, self.keyed = None, [], set(), False, keyed
        if full:
            assert isinstance(self.ask(number=self.people.new()), Proceed)

    @rule(later=st.sampled_from([0, 1, 40, 700]))
    def asked_for(self, later):
        self.now += timedelta(minutes=later)
        answer = self.ask(self.now, number=self.number)
        if self.state in ("sent", "skipped", "failed", "in_doubt"):
            assert (type(answer), answer.state) == (Settled, self.state)
        elif self.state == "in_flight":
            assert isinstance(answer, Proceed) == self.keyed
            self.state = "in_flight" if self.keyed else "in_doubt"
        else:
            assert isinstance(answer, Settled) or not self.paid
            self.state = {Proceed: "reserved", NotBefore: "deferred", Settled: "skipped"}[type(answer)]
        if isinstance(answer, Proceed):
            self.proceeds.append(answer)

    @precondition(lambda self: self.proceeds)
    @rule(last=st.booleans())
    def handed_over(self, last):
        proceed = self.proceeds[-1 if last else 0]
        marked = self.ask.hand_over(proceed)
        latest = proceed.attempt == self.proceeds[-1].attempt
        goes = self.state == "in_flight" or (self.state == "reserved" and not self.paid)
        assert marked == (latest and goes)
        if marked:
            self.state = "in_flight"
            self.left.add(proceed.attempt)

    @precondition(lambda self: self.left)
    @rule(outcome=st.sampled_from(["sent", "failed", "doubted", "not_taken"]))
    def the_provider_answers(self, outcome):
        proceed = next(each for each in self.proceeds if each.attempt == max(self.left))
        if outcome == "not_taken" and proceed.doubted:
            return  # deliver does not record it: an earlier attempt may have left
        getattr(self.ask, outcome)(proceed)
        if self.state == "in_flight" and (outcome != "not_taken" or proceed.attempt == self.proceeds[-1].attempt):
            self.state = {"doubted": "in_doubt", "not_taken": "planned"}.get(outcome, outcome)
        elif self.state in ("planned", "reserved", "in_doubt") and outcome == "sent":
            self.state = "sent"
        elif self.state in ("planned", "reserved") and outcome == "failed":
            self.state = "failed"
        elif self.state == "reserved" and outcome == "doubted":
            self.state = "in_doubt"

    @precondition(lambda self: not self.paid)
    @rule()
    def paid_for(self):
        self.people.shop.pay(self.number, at=self.now)
        self.paid = True
        if self.state in ("deferred", "planned"):
            self.state = "skipped"

    @precondition(lambda self: self.state is not None)
    @rule()
    def given_up(self):
        with self.people.shop.pool.connection() as connection:
            record.fail_open_messages(
                connection, self.people.shop.journey(self.number)["id"], "first", "retries_used_up"
            )
        self.state = {"planned": "failed", "reserved": "failed", "in_flight": "in_doubt"}.get(self.state, self.state)

    @invariant()
    def the_row_says_the_same_and_counters_fit(self):
        if self.state is None:
            return
        assert self.people.row(self.number)["state"] == self.state
        counted = self.people.shop.row(
            "select coalesce(sum(used), 0) used, coalesce(sum(promised), 0) promised from capacity_use"
        )
        held = self.people.shop.row(
            "select coalesce(sum(cardinality(places)) filter (where state <> 'deferred'), 0) used,"
            " coalesce(sum(cardinality(places)) filter (where state = 'deferred'), 0) promised from messages"
            " where id > %s", self.before,
        )  # fmt: skip
        assert counted == held

    def __init__(self):
        super().__init__()
        self.state, self.proceeds, self.left, self.paid = None, [], set(), False
        self.before = self.people.shop.row("select coalesce(max(id), 0) id from messages")["id"]


def test_whatever_happens_in_whatever_order_a_message_is_in_the_state_that_the_model_says(people):
    Message.people = people
    run_state_machine_as_test(
        Message, settings=settings(max_examples=25, stateful_step_count=14, deadline=None, derandomize=True)
    )
