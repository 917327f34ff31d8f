"""One message explained end to end, from real transitions in the real order."""

import re
from datetime import timedelta

import pytest

from engine.facts.events import Event
from engine.messages.in_words import QUESTIONS, WORDS, in_words
from engine.messages.record import record_not_taken
from engine.messages.story import find_story
from engine.messages.story_text import tell
from tests.docs.test_reasons import MESSAGES, reasons
from tests.messages_reserve.asking import NOON, Asking, rules
from tests.workflows.rules import POLICY

QUIET = POLICY + '  quiet_hours: {start: "11:00", end: "13:00"}\n'


@pytest.fixture
def unpaid(open_shop):
    def opened(policy: str = POLICY):
        shop = open_shop(rules(policy=policy))
        shop.place(at=NOON - timedelta(days=1))
        return shop, Asking(shop)

    return opened


def told(shop, key: str | None = None) -> str:
    key = key or shop.row("select key from messages")["key"]
    with shop.pool.connection() as connection:
        story = find_story(connection, key)
    lines = tell(story, shop.rules.plans["payment-reminder"], shop.rules.policy, by_clock=False)
    return re.sub(r"payment-reminder/order-\d+/1", "JOURNEY", "\n".join(lines))


def test_a_message_held_back_refused_once_and_sent_is_told_from_its_due_to_its_opening(unpaid):
    shop, ask = unpaid(QUIET)
    ask()
    at_one = NOON + timedelta(hours=1)
    first = ask(at_one)
    assert ask.hand_over(first)
    with shop.pool.connection() as connection:
        record_not_taken(connection, first.message, first.attempt, "try_later")
    second = ask(at_one + timedelta(minutes=1))
    assert ask.hand_over(second)
    ask.sent(second)
    data = {"message": second.key}
    shop.tell(Event("message.opened", "o1", NOON + timedelta(hours=3), "main", None, None, data))
    version = shop.rules.version
    assert (
        told(shop)
        == f"""\
Message JOURNEY/first/1/email
  It was sent by email, 2 March 2026, 13:01:00.
  Instants are those of UTC, where the customer lives.

What it is
  Step first: first by sms or email.
  Journey JOURNEY, about order N-1001 of customer c1, begun 1 March 2026, 12:00:00 by order.placed.
  Purpose service, to everybody who has not refused. Rules version {version}.
  No wording was chosen: that is done when it leaves.
  Channels in order of preference: sms, email.

What happened
  2 March 2026, 12:00:00  It fell due.
  2 March 2026, 12:00:00  Held back until 2 March 2026, 13:00:00: {in_words("quiet_hours")}.
      Asked, under the customer's lock: {"; ".join(asked_before("quiet_hours"))}.
  2 March 2026, 13:00:00  It may leave by email: attempt 1, as of 2 March 2026, 13:00:00.
      Asked, under the customer's lock: {"; ".join(QUESTIONS.values())}.
  2 March 2026, 13:00:00  It is handed over to mailbox.
  2 March 2026, 13:00:00  The provider has surely not taken it: {in_words("try_later")}. It is decided anew.
  2 March 2026, 13:01:00  It may leave by email: attempt 2, as of 2 March 2026, 13:01:00.
      Asked, under the customer's lock: {"; ".join(QUESTIONS.values())}.
  2 March 2026, 13:01:00  It is handed over to mailbox.
  2 March 2026, 13:01:00  Sent.

What came back
  The provider mailbox knows it as provider's id.
  2 March 2026, 15:00:00  opened

What happens next
  Nothing: it is never sent again.
  Its journey is running."""
    )


def asked_before(reason):
    return list(QUESTIONS.values())[: list(QUESTIONS).index(reason)]


def test_a_message_that_was_skipped_says_which_question_stood_in_its_way(unpaid):
    shop, ask = unpaid()
    shop.execute("update customers set email = null")
    ask()
    story = told(shop)
    assert f"It was not sent: {in_words('no_address')}." in story
    asked = story.partition("Asked, under the customer's lock: ")[2].partition(".")[0]
    assert asked.split("; ") == asked_before("no_address")


def test_a_doubt_says_who_can_settle_it_and_how_and_then_who_did(unpaid):
    shop, ask = unpaid()
    proceed = ask()
    assert ask.hand_over(proceed)
    ask.doubted(proceed)
    assert "regulars messages settle JOURNEY/first/1/email --sent --by NAME, or --not-sent" in told(shop)
    shop.execute("update messages set state = 'failed', reason = 'settled_as_not_sent', settled_by = 'anna'")
    assert "anna found that out at the provider's." in told(shop)


def test_a_message_tells_of_the_other_channel_of_its_send(unpaid):
    shop, ask = unpaid(POLICY + "    sms: {provider: mailbox}\n")
    sms = ask(channels=["sms", "email"])
    assert ask.hand_over(sms)
    ask.failed(sms)
    email = ask(channels=["sms", "email"])
    assert (
        f"By sms it is failed: {in_words('recipient_refused')}. `regulars messages show JOURNEY/first/1/sms`"
        in told(shop, email.key)
    )


def test_every_word_for_a_reason_is_of_a_reason_that_operators_know():
    assert {reason for reason in WORDS if f"`{reason}`" not in MESSAGES} == set()
    webhooks_and_columns = {"webhook_refused", "webhook_not_taken", "webhook_too_large"}
    ours = {each for each in reasons() if each in MESSAGES and f"`{each}`" in MESSAGES} - webhooks_and_columns
    assert {each for each in ours if each not in WORDS} == set()
