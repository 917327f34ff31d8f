"""What operators and the policy hold back: pauses, kill switches, holdouts, tests, holds and days of rest."""

from datetime import UTC, datetime, timedelta

import pytest

from engine.messages.decision import Terms
from engine.messages.holdout import held_out
from engine.messages.reserve import NotBefore, Proceed, Settled, reserve
from tests.messages_reserve.asking import NOON, OLD_ORDERS, TWO_CHANNELS, rules
from tests.workflows.rules import POLICY, make_rules

QUARTER = timedelta(minutes=15)


def control(people, playbook, state, since=NOON):
    people.shop.execute("insert into playbook_controls values (%s, %s, 'anna', 'why', %s)", playbook, state, since)


@pytest.mark.parametrize("playbook", ["payment-reminder", "*"])
def test_a_kill_skips_for_good_what_is_due_meanwhile(people, playbook):
    ask, number = people.under(), people.new()
    control(people, playbook, "killed")
    assert ask(number=number) == Settled("skipped", NOON, "killed")
    people.shop.execute("delete from playbook_controls")
    assert ask(number=number) == Settled("skipped", NOON, "killed")


@pytest.mark.parametrize(("playbook", "reason"), [("payment-reminder", "playbook_paused"), ("*", "all_paused")])
def test_a_pause_delays_and_loses_nothing(people, playbook, reason):
    ask, number = people.under(), people.new()
    control(people, playbook, "paused")
    assert ask(number=number) == NotBefore(NOON + QUARTER, reason)
    assert people.row(number)["reason"] == reason
    people.shop.execute("delete from playbook_controls")
    assert isinstance(ask(NOON + QUARTER, number=number), Proceed)


def test_the_pause_of_another_playbook_delays_nothing(people):
    control(people, "another", "paused")
    assert isinstance(people.under()(number=people.new()), Proceed)


def test_a_paused_journey_waits_and_others_go_on(people):
    ask, paused, other = people.under(), people.new(), people.new()
    journey = people.shop.journey(paused)["id"]
    people.shop.execute("update journeys set paused_at = %s where id = %s", NOON - timedelta(hours=8), journey)
    assert ask(number=paused) == NotBefore(NOON + timedelta(hours=2), "journey_paused")  # asked more seldom by now
    assert isinstance(ask(number=other), Proceed)


@pytest.mark.parametrize(("status", "reason"), [("paused", "playbook_paused"), ("draft", "playbook_draft")])
def test_a_playbook_that_is_not_live_in_the_rules_in_force_sends_nothing(people, status, reason):
    number = people.new()
    assert people.under(more=f"status: {status}\n")(number=number) == NotBefore(NOON + QUARTER, reason)
    assert isinstance(people.under()(number=number), Proceed)


def test_a_stop_comes_before_a_pause_and_a_pause_before_consent(people):
    number = people.new()
    control(people, "*", "paused")
    assert people.under(purpose="marketing")(number=number).reason == "all_paused"
    people.shop.pay(number, at=NOON - QUARTER)
    assert people.under()(number=number).reason == "stopped"


def test_a_holdout_gets_nothing_and_is_the_same_every_time(people):
    customers = [f"customer {number}" for number in range(300)]
    out = [name for name in customers if held_out(name, 1000, "payment-reminder")]
    assert 15 <= len(out) <= 48
    assert set(out) <= {name for name in customers if held_out(name, 1500, "payment-reminder")}
    assert set(out) != {name for name in customers if held_out(name, 1000)}
    made = make_rules(TWO_CHANNELS, head=OLD_ORDERS.replace("{purpose: service}", "{purpose: service, holdout: 10%}"))
    ask = people.under()
    ask.in_force = made
    within, without = people.new(customer=out[0]), people.new(customer=next(n for n in customers if n not in out))
    assert ask(number=within) == Settled("skipped", NOON, "holdout")
    assert isinstance(ask(number=without), Proceed)


def test_the_global_holdout_gets_nothing_but_what_everybody_must_be_told(people):
    customer = next(f"person {number}" for number in range(100) if held_out(f"person {number}", 1000))
    number = people.new(customer=customer)
    assert people.under("  holdout: 10%\n")(number=number, step="a").reason == "global_holdout"
    assert isinstance(people.under("  holdout: 10%\n", purpose="transactional")(number=number, step="b"), Proceed)


@pytest.mark.parametrize("how", [("", "status: test\n"), ("  mode: test\n", "")])
def test_in_a_test_only_test_recipients_get_anything(people, how):
    policy, more = how
    tester = f"tester {next(people.numbers)}"
    known, other, by_key = people.new(email="Anna@Shop.example"), people.new(), people.new(customer=tester)
    ask = people.under(policy + f"  test_recipients: [anna@shop.example, {tester}]\n", more=more)
    assert isinstance(ask(number=known), Proceed)
    assert isinstance(ask(number=by_key), Proceed)
    assert ask(number=other) == Settled("skipped", NOON, "no_test_recipient")


HOLD = "  holds: [{while: {did: {event: order.placed, within: 36h}}, purposes: [marketing, service], do: DO}]\n"


def test_a_hold_delays_until_its_condition_is_over(people):
    ask, number = people.under(HOLD.replace("DO", "delay")), people.new()
    first = ask(number=number)
    assert first == NotBefore(NOON + timedelta(hours=1), "held")
    assert isinstance(ask(NOON + timedelta(hours=12, microseconds=1), number=number), Proceed)


def test_a_hold_may_skip_and_concerns_its_purposes_only(people):
    number = people.new()
    assert people.under(HOLD.replace("DO", "skip"))(number=number, step="a").reason == "held"
    assert isinstance(people.under(HOLD.replace("DO", "skip"), purpose="transactional")(number=number), Proceed)


SUNDAY = datetime(2026, 3, 8, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("policy", "moment", "until", "reason"),
    [
        ("  weekdays: [monday, saturday]\n", SUNDAY, "2026-03-08T23:00Z", "weekday"),
        ("  holidays: {countries: [DE]}\n", datetime(2026, 4, 3, 9, tzinfo=UTC), "2026-04-03T22:00Z", "holiday"),
        ("  holidays: {days: [2026-03-08]}\n", SUNDAY, "2026-03-08T23:00Z", "holiday"),
        ("  blackout: [{from: 2026-03-07, to: 2026-03-10}]\n", SUNDAY, "2026-03-10T23:00Z", "blackout"),
    ],
)
def test_days_of_rest_are_the_customers_own(people, policy, moment, until, reason):
    ask, number = people.under(policy), people.new(zone="Europe/Berlin")
    release = datetime.fromisoformat(until)
    assert ask(moment, number=number) == NotBefore(release, reason)
    assert isinstance(ask(release, number=number), Proceed)


def test_the_holidays_of_another_country_delay_nobody(people):
    good_friday = datetime(2026, 4, 3, 12, tzinfo=UTC)
    number = people.new(country="US")
    assert isinstance(people.under("  holidays: {countries: [DE]}\n")(good_friday, number=number), Proceed)


def test_a_zone_that_is_none_is_taken_for_the_policys(people):
    number = people.new()
    of = "where id = (select customer_id from orders where number = %s)"
    people.shop.execute(f"update customers set zone = 'Mars/Olympus' {of}", number)
    assert isinstance(people.under("  weekdays: [monday]\n")(number=number), Proceed)


def test_what_the_policy_exempts_disturbs_on_days_of_rest_too(people):
    quiet = '  quiet_hours: {start: "21:00", end: "08:00", exempt: [service]}\n  weekdays: [monday]\n'
    assert isinstance(people.under(quiet)(SUNDAY, number=people.new()), Proceed)


def test_rules_that_no_longer_have_the_playbook_let_its_journeys_run_out(people):
    ask, number = people.under(), people.new()
    gone = rules(policy=POLICY)
    gone.plans.clear()
    plan = people.shop.rules.plans["payment-reminder"]
    ask.in_force = gone
    gone.plans["other"] = plan
    with people.shop.pool.connection() as connection:
        terms = Terms(plan, gone, (), people.shop.matcher.events)
        assert terms.status == "live"
        assert isinstance(reserve(connection, ask.request(number=number), terms, NOON), Proceed)
