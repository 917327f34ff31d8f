"""What an attempt finds that comes after another one died, or while one still runs."""

from datetime import timedelta

import pytest

from engine.messages.record import fail_open_messages
from engine.messages.reserve import Proceed, Settled
from tests.messages_reserve.asking import AFTER, BEFORE, NOON, Asking, rules
from tests.workflows.rules import POLICY

RESEND = POLICY.replace("in_doubt: hold", "in_doubt: resend")


@pytest.fixture
def unpaid(open_shop):
    def opened(policy=POLICY, keyed=()):
        shop = open_shop(rules(policy=policy))
        shop.place(at=NOON - timedelta(days=1))
        return shop, Asking(shop, keyed)

    return opened


@pytest.mark.parametrize("what", ["sent", "failed", "doubted"])
def test_what_has_become_of_a_message_is_answered_again_and_changed_by_nothing(unpaid, what):
    shop, ask = unpaid()
    proceed = ask()
    assert ask.hand_over(proceed)
    getattr(ask, what)(proceed)
    before = shop.row("select * from messages")
    state, reason = before["state"], before["reason"]
    assert state == {"sent": "sent", "failed": "failed", "doubted": "in_doubt"}[what]
    shop.execute("update orders set paid_at = %s", BEFORE)
    assert ask(AFTER) == Settled(state, NOON, reason)
    assert not ask.hand_over(proceed)
    assert shop.row("select * from messages") == before


def test_a_message_that_was_only_reserved_is_decided_anew(unpaid):
    shop, ask = unpaid()
    first = ask()
    second = ask(AFTER)
    assert (second.message, second.key, second.attempt) == (first.message, first.key, first.attempt + 1)
    shop.execute("update orders set paid_at = %s", AFTER)
    assert ask(AFTER).reason == "stopped"


def test_an_attempt_that_was_thought_dead_hands_nothing_over_any_more(unpaid):
    _, ask = unpaid()
    asleep = ask()
    awake = ask()
    assert ask.hand_over(awake)
    assert not ask.hand_over(asleep)


def test_a_sleeper_cannot_free_what_a_later_attempt_has_handed_over(unpaid):
    shop, ask = unpaid(keyed=["email"])
    asleep = ask()
    assert ask.hand_over(asleep)
    awake = ask()
    ask.not_taken(asleep)
    assert awake.doubted
    assert shop.messages() == [("first", "email", "in_flight", None)]


def test_nothing_is_handed_over_that_was_stopped_after_its_reservation(unpaid):
    shop, ask = unpaid()
    proceed = ask()
    shop.pay(at=BEFORE)
    assert not ask.hand_over(proceed)
    assert ask().reason == "stopped"


def test_nothing_is_handed_over_that_was_paused_after_its_reservation(unpaid):
    shop, ask = unpaid()
    proceed = ask()
    shop.execute("update journeys set paused_at = now(), paused_by = 'anna', pause_reason = 'wrong texts'")
    assert not ask.hand_over(proceed)


def test_what_is_in_flight_through_a_plain_provider_is_held_in_doubt(unpaid):
    shop, ask = unpaid()
    assert ask.hand_over(ask())
    assert ask(AFTER) == Settled("in_doubt", NOON, "worker_died")
    assert shop.messages() == [("first", "email", "in_doubt", "worker_died")]
    assert ask(AFTER) == Settled("in_doubt", NOON, "worker_died")


def test_what_is_in_flight_through_a_plain_provider_is_sent_again_where_policy_says_so(unpaid):
    _, ask = unpaid(RESEND)
    first = ask()
    assert ask.hand_over(first)
    again = ask(AFTER)
    assert isinstance(again, Proceed)
    assert (again.key, again.doubted) == (first.key, True)


def test_nothing_is_sent_a_second_time_once_the_journey_is_stopped(unpaid):
    shop, ask = unpaid(RESEND)
    assert ask.hand_over(ask())
    shop.pay(at=NOON)
    assert ask(AFTER) == Settled("in_doubt", NOON, "worker_died")


def test_a_provider_with_keys_is_asked_again_under_the_same_key(unpaid):
    shop, ask = unpaid(keyed=["email"])
    first = ask()
    assert ask.hand_over(first)
    shop.pay(at=NOON)  # it may have left before: the provider knows
    again = ask(AFTER)
    assert (again.key, again.doubted) == (first.key, True)
    assert ask.hand_over(again)


def test_a_message_that_was_not_taken_is_decided_anew(unpaid):
    shop, ask = unpaid()
    proceed = ask()
    assert ask.hand_over(proceed)
    ask.not_taken(proceed)
    shop.pay(at=NOON)
    assert ask(AFTER).reason == "stopped"


def test_a_doubt_is_settled_when_the_attempt_that_was_thought_dead_reports(unpaid):
    shop, ask = unpaid()
    slow = ask()
    assert ask.hand_over(slow)
    assert ask(AFTER).state == "in_doubt"
    ask.sent(slow)
    assert shop.messages() == [("first", "email", "sent", None)]


def test_a_step_that_is_given_up_leaves_a_failure_or_a_doubt(unpaid):
    shop, ask = unpaid()
    ask(step="never")
    assert ask.hand_over(ask(step="perhaps"))
    with shop.pool.connection() as connection:
        for step in ("never", "perhaps"):
            fail_open_messages(connection, shop.journey()["id"], step, "no_answer")
    assert shop.messages() == [("never", "email", "failed", "no_answer"), ("perhaps", "email", "in_doubt", "no_answer")]
