"""Why a message does not leave: each reason, from real rows, as of a moment."""

from datetime import timedelta

import pytest

from engine.messages.reserve import NotBefore, Proceed, Settled
from tests.messages_reserve.asking import AFTER, BEFORE, NOON, TWO_CHANNELS, Asking, rules
from tests.workflows.rules import POLICY, make_rules
from tests.workflows.shop import ZENOBIA

NO_ADDRESS = {name: value for name, value in ZENOBIA.items() if name not in ("email", "phone")}
QUIET = POLICY + '  quiet_hours: {start: "11:00", end: "13:00", spread: 30m, exempt: [transactional]}\n'
BOTH = POLICY + '    sms: {provider: mailbox, sender: "Shop <shop@example.com>"}\n'
DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)


@pytest.fixture
def unpaid(open_shop):
    """A shop with an unpaid order, and how to ask for its message."""

    def opened(made=None, **placed):
        shop = open_shop(made or rules())
        shop.place(at=NOON - DAY, **placed)
        return shop, Asking(shop)

    return opened


def skipped(reason, at=NOON, **more):
    return Settled("skipped", at, reason, **more)


def test_an_unpaid_order_may_be_reminded(unpaid):
    shop, ask = unpaid()
    reservation = ask()
    assert isinstance(reservation, Proceed)
    key = shop.journey()["workflow_id"] + "/first/1/email"
    assert (reservation.key, reservation.channel, reservation.address) == (key, "email", ZENOBIA["email"])
    assert shop.messages() == [("first", "email", "reserved", None)]


def test_a_paid_order_is_not_reminded_although_its_signal_is_still_on_the_way(unpaid):
    shop, ask = unpaid()
    shop.pay(at=BEFORE)
    assert shop.open_rows() == 2  # neither the start nor the stop has been told to Temporal
    assert ask() == skipped("stopped", stopped="order.paid")
    assert shop.journey()["stopped_at"] == BEFORE


def test_a_fact_without_any_signal_stops_the_journey_and_is_written_down(unpaid):
    shop, ask = unpaid()
    shop.execute("update orders set cancelled_at = %s", BEFORE)
    assert ask() == skipped("stopped", stopped="order.cancelled")
    journey = shop.journey()
    assert (journey["state"], journey["outcome"], journey["stopped_at"]) == ("stopped", "order.cancelled", BEFORE)


def test_a_payment_at_the_very_moment_stops_and_one_after_it_does_not(unpaid):
    shop, ask = unpaid()
    shop.execute("update orders set paid_at = %s", NOON + INSTANT)
    assert isinstance(ask(), Proceed)
    shop.execute("update orders set paid_at = %s", NOON)
    assert ask() == skipped("stopped", stopped="order.paid")


def test_an_order_paid_before_it_was_placed_is_paid(unpaid):
    shop, ask = unpaid()
    shop.execute("update orders set paid_at = placed_at - interval '1 hour'")
    assert ask() == skipped("stopped", stopped="order.paid")


def test_the_payment_of_another_order_stops_nothing(unpaid):
    shop, ask = unpaid()
    shop.place("N-2", at=BEFORE)
    shop.pay("N-2", at=BEFORE)
    assert isinstance(ask(), Proceed)
    assert ask(number="N-2") == skipped("stopped", stopped="order.paid")


@pytest.mark.parametrize(("state", "outcome"), [("cancelled", "by Anna"), ("ended", "ended"), ("failed", "boom")])
def test_nothing_is_sent_of_a_journey_that_is_over(unpaid, state, outcome):
    shop, ask = unpaid()
    shop.execute("update journeys set state = %s, outcome = %s", state, outcome)
    assert ask() == skipped("journey_over", stopped=outcome)
    assert ask() == skipped("journey_over", stopped=outcome)
    assert shop.journey()["state"] == state


def test_a_stop_is_told_again_to_an_attempt_after_a_crash(unpaid):
    shop, ask = unpaid()
    shop.execute("update orders set paid_at = %s", BEFORE)
    assert ask() == ask(AFTER) == skipped("stopped", stopped="order.paid")


def test_nothing_is_sent_once_the_goal_is_reached(unpaid):
    made = rules(more="goal: {event: order.shipped, within: 7d}\n")
    shop, ask = unpaid(made)
    shop.execute("update orders set shipped_at = %s", NOON)
    assert isinstance(ask(NOON - INSTANT), Proceed)
    assert ask() == skipped("goal_reached")
    assert shop.journey()["state"] == "running"


CUSTOMERS = """
playbook: payment-reminder
title: Next order
for: customer
start: {event: order.paid}
stop: {event: order.paid}
goal: {event: order.paid, within: 30d}
controls: {purpose: service}
"""


def test_the_event_that_started_a_journey_neither_stops_it_nor_is_its_goal(open_shop):
    shop = open_shop(make_rules(TWO_CHANNELS, head=CUSTOMERS))
    shop.place("N-1", at=BEFORE)
    shop.pay("N-1", at=BEFORE)
    journey = shop.row("select id from journeys")["id"]
    ask = Asking(shop)
    assert isinstance(ask(number="N-1", journey=journey), Proceed)
    shop.place("N-2", at=NOON)
    shop.pay("N-2", at=NOON)
    assert ask(number="N-1", journey=journey) == skipped("stopped", stopped="order.paid")


def test_somebody_without_an_address_is_skipped(unpaid):
    _, ask = unpaid(person=NO_ADDRESS)
    assert ask() == skipped("no_address")


def test_a_channel_that_nobody_configured_is_skipped_and_the_next_one_taken(unpaid):
    shop, ask = unpaid()
    assert ask(channels=["sms"]) == skipped("channel_not_configured")
    assert ask(channels=["sms", "email"], step="second").channel == "email"
    assert shop.messages() == [
        ("first", "sms", "skipped", "channel_not_configured"),
        ("second", "email", "reserved", None),
    ]


def test_the_first_channel_that_can_be_used_is(unpaid):
    shop, ask = unpaid(rules(policy=BOTH))
    assert (ask(channels=["sms", "email"], step="a").channel, ask(channels=["email", "sms"], step="b").channel) == (
        "sms",
        "email",
    )
    shop.execute("update customers set phone = null")
    assert ask(channels=["sms", "email"], step="c").channel == "email"
    shop.execute("update customers set email = null")
    assert ask(channels=["sms", "email"], step="d") == skipped("no_address")
    assert shop.row("select channel from messages where step = 'd'") == {"channel": "sms"}


@pytest.mark.parametrize(
    ("since", "until", "barred"),
    [
        (NOON, None, True),
        (NOON + INSTANT, None, False),
        (BEFORE, NOON, False),
        (BEFORE, NOON + INSTANT, True),
        (BEFORE, AFTER, True),
        (AFTER, None, False),
    ],
)
@pytest.mark.parametrize("channel", ["email", "*"])
def test_an_address_is_suppressed_from_an_instant_up_to_another(unpaid, since, until, barred, channel):
    shop, ask = unpaid()
    shop.execute(
        "insert into suppressions (customer_id, channel, reason, since, until) select id, %s, 'manual', %s, %s"
        " from customers",
        channel,
        since,
        until,
    )
    assert ask() == skipped("suppressed") if barred else isinstance(ask(), Proceed)


def test_a_suppressed_channel_leaves_the_others_open(unpaid):
    shop, ask = unpaid(rules(policy=BOTH))
    shop.execute(
        "insert into suppressions (customer_id, channel, reason, since) select id, 'email', 'bounced', %s"
        " from customers",
        BEFORE,
    )
    assert ask(channels=["email", "sms"]).channel == "sms"


def consent(shop, granted, at, channel="*", purpose="marketing"):
    shop.execute(
        "insert into consents (customer_id, purpose, channel, granted, at) select id, %s, %s, %s, %s from customers",
        purpose,
        channel,
        granted,
        at,
    )


def test_advertising_needs_consent_at_that_moment(unpaid):
    shop, ask = unpaid(rules(purpose="marketing"))
    assert ask(step="a") == skipped("no_consent")
    consent(shop, True, NOON)
    assert ask(NOON - INSTANT, step="b") == skipped("no_consent", NOON - INSTANT)
    assert isinstance(ask(step="c"), Proceed)
    consent(shop, False, AFTER)
    assert isinstance(ask(AFTER - INSTANT, step="d"), Proceed)
    assert ask(AFTER, step="e") == skipped("no_consent", AFTER)


def test_a_consent_given_since_always_holds_until_it_is_withdrawn(unpaid):
    shop, ask = unpaid(rules(purpose="marketing"))
    consent(shop, True, None)
    assert isinstance(ask(step="a"), Proceed)
    consent(shop, False, BEFORE)
    assert ask(step="b") == skipped("no_consent")


def test_a_consent_for_one_channel_is_none_for_another_and_beats_the_general_one(unpaid):
    shop, ask = unpaid(rules(purpose="marketing", policy=BOTH))
    consent(shop, True, BEFORE, "sms")
    assert ask(step="a", channels=["email", "sms"]).channel == "sms"
    consent(shop, True, BEFORE, "*")
    consent(shop, False, BEFORE, "email")
    assert ask(step="b", channels=["email", "sms"]).channel == "sms"
    consent(shop, False, NOON, "*")
    assert ask(step="c", channels=["email", "sms"]) == skipped("no_consent")


def test_service_goes_to_everybody_who_has_not_refused_it(unpaid):
    shop, ask = unpaid()
    consent(shop, False, BEFORE, purpose="marketing")
    assert isinstance(ask(step="a"), Proceed)
    consent(shop, False, NOON, purpose="service")
    assert ask(step="b") == skipped("no_consent")
    assert isinstance(ask(NOON - INSTANT, step="c"), Proceed)


def test_what_an_order_needs_asks_for_no_consent(unpaid):
    shop, ask = unpaid(rules(purpose="transactional"))
    consent(shop, False, BEFORE, purpose="transactional")
    assert isinstance(ask(), Proceed)


def test_quiet_hours_hold_a_message_back_by_the_customers_clock_and_spread_what_they_held(unpaid):
    made = rules(policy=QUIET)
    shop, ask = unpaid(made)
    held = [ask(step=step) for step in "abcdefgh"]
    assert all(isinstance(each, NotBefore) and each.reason == "quiet_hours" for each in held)
    assert all(AFTER <= each.until < AFTER + timedelta(minutes=30) for each in held)
    assert len({each.until for each in held}) > 4
    assert {row["state"] for row in shop.rows("select state from messages")} == {"deferred"}
    shop.execute("update customers set zone = 'Asia/Tokyo'")
    assert isinstance(ask(step="z"), Proceed)


def test_a_message_held_back_leaves_under_the_same_key_unless_something_came_between(unpaid):
    made = rules(policy=QUIET)
    shop, ask = unpaid(made)
    until = ask().until
    assert ask().until == until  # asked again too early
    released = ask(until)
    assert isinstance(released, Proceed)
    assert released.key.endswith("/first/1/email")
    assert shop.messages() == [("first", "email", "reserved", None)]


def test_a_payment_during_the_quiet_hours_skips_what_was_held_back(unpaid):
    shop, ask = unpaid(rules(policy=QUIET))
    until = ask().until
    shop.pay(at=NOON + timedelta(minutes=5))
    assert shop.messages() == [("first", "email", "skipped", "stopped")]
    assert ask(until) == skipped("stopped", NOON + timedelta(minutes=5), stopped="order.paid")


def test_what_an_order_needs_may_disturb(unpaid):
    _, ask = unpaid(rules(purpose="transactional", policy=QUIET))
    assert isinstance(ask(), Proceed)


def test_a_message_that_takes_another_channel_after_the_quiet_hours_stays_one_message(unpaid):
    shop, ask = unpaid(rules(policy=QUIET.replace("  quiet_hours", BOTH.removeprefix(POLICY) + "  quiet_hours")))
    until = ask(channels=["sms", "email"]).until
    assert shop.messages() == [("first", "sms", "deferred", "quiet_hours")]
    shop.execute("update customers set phone = null")
    assert ask(until, channels=["sms", "email"]).channel == "email"
    assert shop.messages() == [("first", "email", "reserved", None)]
    assert shop.row("select key from messages")["key"].endswith("/first/1/email")


def test_reasons_come_in_the_order_that_matters_most(unpaid):
    shop, ask = unpaid(rules(purpose="marketing", policy=QUIET, more="goal: {event: order.shipped, within: 7d}\n"))
    suppress = "insert into suppressions (customer_id, reason, since) select id, 'manual', %s from customers"
    assert ask(step="a") == skipped("no_consent")
    shop.execute(suppress, BEFORE)
    assert ask(step="b") == skipped("suppressed")
    shop.execute("update customers set email = null")
    assert ask(step="c") == skipped("no_address")
    assert ask(step="d", channels=["sms"]) == skipped("channel_not_configured")
    shop.execute("update orders set shipped_at = %s", BEFORE)
    assert ask(step="e", channels=["sms"]) == skipped("goal_reached")
    shop.execute("update orders set paid_at = %s", BEFORE)
    assert ask(step="f", channels=["sms"]) == skipped("stopped", stopped="order.paid")
