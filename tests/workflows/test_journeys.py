"""Journeys from an order to their end: real intake, outbox, dispatcher, Temporal server, worker and mailbox."""

from datetime import timedelta

import psycopg
import pytest
from temporalio.common import SearchAttributeKey

from activities.providers.mailbox import Mailbox
from engine.dispatch.dispatcher import Dispatcher
from tests.workflows.rules import HEAD, POLICY, REMIND_AT_ONCE, TEMPLATES, WAIT_AND_REMIND, impatient, make_rules
from tests.workflows.running import engine, events, mails, status, summaries, until, words
from tests.workflows.shop import ZENOBIA, now

WAITING_FOR_A_LOCK = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
TWICE = """
steps:
  - send: {id: first, title: First reminder, channel: email, template: reminder}
  - wait: {for: 2s, title: a moment of patience}
  - send: {id: second, title: Second reminder, channel: email, template: reminder}
"""
LONG_WAIT = WAIT_AND_REMIND.replace("2s", "1h")
PERSONAL = [*(value for name, value in ZENOBIA.items() if name not in ("locale", "zone", "country")), "N-1001"]
TEXTS = ["Dear", "waiting for your payment", "Your order"]


async def test_an_unpaid_order_is_reminded_once_and_its_journey_ends(open_shop, namespace, mailbox):
    shop = open_shop(make_rules(WAIT_AND_REMIND))
    async with engine(shop, namespace, mailbox) as running:
        order = shop.place()
        placed = shop.journey()["started_at"]
        assert await running.finished() == "ended"
        description = await running.handle().describe()
    assert (description.id, description.workflow_type) == (f"payment-reminder/order-{order}/1", "payment-reminder")
    assert shop.journeys() == [(description.id, "ended", "ended")]
    message = shop.row("select * from messages")
    assert (message["state"], message["key"]) == ("sent", f"{description.id}/first/1/email")
    assert message["due_at"] == placed + timedelta(seconds=2) <= message["at"]
    (mail,) = mails(mailbox)
    assert mail["To"] == ZENOBIA["email"]
    assert mail["Subject"] == "Your order N-1001"
    assert "Dear Zenobia" in mail.get_content()


async def test_a_journey_can_be_read_in_the_temporal_ui(open_shop, namespace, mailbox):
    shop = open_shop(make_rules(TWICE))
    async with engine(shop, namespace, mailbox) as running:
        order = shop.place()
        await until(lambda: shop.messages() != [] and shop.messages()[0][2] == "sent", "the first message")
        await until(lambda: _stands_at(running, "wait-1"), "the wait")
        standing = f"Customer = '{customer_of(shop)}' and Step = 'wait-1'"
        assert [one.id async for one in running.client.list_workflows(standing)] == [running.handle().id]
        details = await running.details()
        assert "**Payment reminder**" in details
        assert "- First reminder by email: sent" in details
        assert "- Waiting until " in details
        assert "; next: Second reminder by email" in details
        assert "Stops at once when: order.paid, order.cancelled." in details
        await running.finished()
        description = await running.handle().describe()
        found = {
            name: description.typed_search_attributes[SearchAttributeKey.for_keyword(name)]
            for name in ("Customer", "Playbook", "Version", "Step")
        }
        assert found == {
            "Customer": customer_of(shop),
            "Playbook": "payment-reminder",
            "Version": shop.rules.version,
            "Step": "ended",
        }
        assert await description.static_summary() == f"Payment reminder: order {order}"
        assert summaries(await running.history()) == [
            ("ACTIVITY_TASK_SCHEDULED", "First reminder by email"),
            ("TIMER_STARTED", "a moment of patience"),
            ("ACTIVITY_TASK_SCHEDULED", "Second reminder by email"),
        ]
        assert "finished at" in await running.details()


def customer_of(shop):
    return str(shop.row("select id from customers")["id"])


async def _stands_at(running, step):
    return (await running.handle().query("where")).get("step") == step


async def test_a_history_holds_ids_and_never_personal_data(open_shop, namespace, mailbox):
    shop = open_shop(make_rules(TWICE))
    async with engine(shop, namespace, mailbox) as running:
        order = shop.place()
        await running.finished()
        seen = words(await running.history()) + str((await running.handle().describe()).raw_description)
    assert "First reminder by email" in seen  # what is there is seen, also inside payloads
    assert f"order {order}" in seen
    assert "reminder" in seen
    assert [personal for personal in [*PERSONAL, *TEXTS] if personal.lower() in seen.lower()] == []


async def test_an_order_paid_in_time_costs_one_start_one_cancel_one_task_and_no_activity(open_shop, namespace, mailbox):
    shop = open_shop(make_rules(LONG_WAIT))
    async with engine(shop, namespace, mailbox) as running:
        shop.place()
        await until(lambda: not shop.open_rows(), "the start to be told")
        assert events(await running.history()) == ["WORKFLOW_EXECUTION_STARTED"]
        shop.pay()
        journey = shop.journey()
        assert (journey["state"], journey["outcome"]) == ("stopped", "order.paid")  # by the payment's transaction
        assert await running.finished() == "stopped: order.paid"
        history = events(await running.history())
    assert history.count("WORKFLOW_EXECUTION_CANCEL_REQUESTED") == 1
    assert history.count("WORKFLOW_TASK_STARTED") == 1
    assert not [event for event in history if event.startswith(("ACTIVITY", "TIMER"))]
    assert shop.messages() == []


async def test_a_payment_between_two_reminders_ends_the_journey_at_once(open_shop, namespace, mailbox):
    shop = open_shop(make_rules(TWICE.replace("2s", "1h")))
    async with engine(shop, namespace, mailbox) as running:
        shop.place()
        await until(lambda: _stands_at_if_started(running, "wait-1"), "the wait")
        shop.pay()
        assert await running.finished() == "stopped: order.paid"
    assert shop.messages() == [("first", "email", "sent", None)]
    assert len(mails(mailbox)) == 1


async def _stands_at_if_started(running, step):
    return await status(running.client, running.handle().id) is not None and await _stands_at(running, step)


async def test_a_payment_whose_signal_is_still_in_the_outbox_stops_the_reminder_that_falls_due(
    open_shop, namespace, mailbox
):
    shop = open_shop(make_rules(WAIT_AND_REMIND))
    async with engine(shop, namespace, mailbox, dispatching=False) as running:
        shop.place()
        assert await running.dispatcher.drain_once() == 1
        shop.pay()
        assert await running.finished() == "stopped: order.paid"
        assert shop.open_rows() == 1
        assert shop.messages() == [("first", "email", "skipped", "stopped")]
        assert await running.dispatcher.drain_once() == 1  # to a journey that is over
        assert shop.open_rows() == 0
    assert mails(mailbox) == []


async def test_a_payment_whose_signal_is_still_in_the_outbox_stops_a_task_that_falls_due(open_shop, namespace, mailbox):
    shop = open_shop(make_rules("steps: [{wait: 2s}, {task: {id: call, team: sales}}]"))
    async with engine(shop, namespace, mailbox, dispatching=False) as running:
        shop.place()
        await running.dispatcher.drain_once()
        shop.execute("update orders set paid_at = placed_at")  # as an import tells it: without an event
        assert await running.finished() == "stopped: order.paid"
    assert shop.tasks() == []
    assert [state for _, state, _ in shop.journeys()] == ["stopped"]


def quiet_now(minutes):
    """A policy under which it is quiet from a while ago until so many minutes from now."""
    start, end = (f"{at:%H:%M}" for at in (now() - timedelta(hours=1), now() + timedelta(minutes=minutes)))
    return POLICY + f'  quiet_hours: {{start: "{start}", end: "{end}"}}\n'


async def test_an_order_paid_during_the_quiet_hours_is_not_reminded_after_them(open_shop, namespace, mailbox):
    shop = open_shop(make_rules(REMIND_AT_ONCE, policy=quiet_now(60)))
    async with engine(shop, namespace, mailbox) as running:
        shop.place()
        await until(lambda: shop.messages() == [("first", "email", "deferred", "quiet_hours")], "the deferral")
        held = shop.row("select until from messages")["until"]
        assert timedelta(minutes=58) < held - now() < timedelta(minutes=61)
        await until(lambda: _stands_at(running, "first"), "the hold")
        assert "Held back by quiet hours until" in await running.details()
        shop.pay()
        assert await running.finished() == "stopped: order.paid"
    assert shop.messages() == [("first", "email", "skipped", "stopped")]
    assert mails(mailbox) == []


async def test_a_message_held_back_leaves_when_the_quiet_hours_end(open_shop, namespace, mailbox):
    shop = open_shop(make_rules(REMIND_AT_ONCE, policy=quiet_now(0)))
    asked = []

    def just_before_the_end():
        """The first send is asked for within the quiet hours, a moment before they ended."""
        asked.append(now())
        end = now().replace(second=0, microsecond=0)
        return end - timedelta(seconds=1) if len(asked) == 1 else now()

    async with engine(shop, namespace, mailbox, now=just_before_the_end) as running:
        shop.place(at=now() - timedelta(minutes=10))
        assert await running.finished() == "ended"
        scheduled = events(await running.history()).count("ACTIVITY_TASK_SCHEDULED")
    assert scheduled == 2
    assert shop.messages() == [("first", "email", "sent", None)]
    assert len(mails(mailbox)) == 1


async def test_the_same_event_twice_is_one_journey_and_one_message(open_shop, namespace, mailbox):
    shop = open_shop(make_rules(REMIND_AT_ONCE))
    async with engine(shop, namespace, mailbox) as running:
        at = now()
        for key in ("placed", "placed", "placed again"):
            shop.place(at=at, key=key)
        await running.finished()
        assert len([one async for one in running.client.list_workflows()]) == 1
    assert len(mails(mailbox)) == 1


async def test_a_payment_that_comes_before_its_order_sends_nothing(open_shop, namespace, mailbox):
    shop = open_shop(make_rules(REMIND_AT_ONCE))
    async with engine(shop, namespace, mailbox) as running:
        shop.pay()
        shop.place()
        await until(lambda: not shop.open_rows(), "the outbox")
        assert await status(running.client, shop.journey()["workflow_id"]) is None
    assert (shop.journey()["state"], shop.messages(), mails(mailbox)) == ("stopped", [], [])


WAITING = """
steps:
  - wait_for: {id: answer, event: case.opened, where: {type: inquiry}, within: WITHIN}
    got: [{task: {id: reply, team: support, due: 4h}}]
    else: [{send: {id: ask, channel: email, template: reminder}}]
  - end: {outcome: asked}
"""


async def test_an_event_that_comes_in_time_is_waited_for(open_shop, namespace, mailbox):
    shop = open_shop(make_rules(WAITING.replace("WITHIN", "1h")))
    async with engine(shop, namespace, mailbox) as running:
        shop.place()
        await until(lambda: _stands_at_if_started(running, "answer"), "the wait")
        assert "Waiting for an event, at most until" in await running.details()
        shop.tell(shop.event("case.opened", "N-1001", data={"case": "k1", "type": "complaint"}))
        shop.tell(shop.event("case.opened", "N-1001", data={"case": "k2", "type": "inquiry"}))
        assert await running.finished() == "ended: asked"
    assert shop.tasks() == [("reply", "support", "Reply")]
    task = shop.row("select * from tasks")
    assert task["due_at"] == task["opened_at"] + timedelta(hours=4)
    assert task["key"] == shop.journey()["workflow_id"] + "/reply/1"
    assert (shop.messages(), shop.journey()["outcome"]) == ([], "asked")


async def test_an_event_that_does_not_come_is_not_waited_for_longer(open_shop, namespace, mailbox):
    shop = open_shop(make_rules(WAITING.replace("WITHIN", "1s")))
    async with engine(shop, namespace, mailbox) as running:
        shop.place()
        assert await running.finished() == "ended: asked"
    assert (shop.tasks(), shop.messages()) == ([], [("ask", "email", "sent", None)])


async def test_an_event_of_the_future_ends_no_wait_early(open_shop, namespace, mailbox):
    shop = open_shop(
        make_rules(
            "steps:\n  - send: {id: first, channel: email, template: reminder}\n  - wait: 1h\n"
            + WAITING.replace("WITHIN", "1h").replace("\nsteps:\n", "")
        )
    )
    async with engine(shop, namespace, mailbox) as running:
        shop.place()
        await until(lambda: _stands_at_if_started(running, "wait-1"), "the wait")
        ahead = now() + timedelta(days=2)
        shop.tell(shop.event("case.opened", "N-1001", at=ahead, data={"case": "k1", "type": "inquiry"}))
        await until(lambda: not shop.open_rows(), "the event to be told")

        async def taken():
            return "WORKFLOW_EXECUTION_SIGNALED" in events(await running.history()) and await _stands_at(
                running, "wait-1"
            )

        await until(taken, "the event to be taken")
        assert (shop.messages(), shop.tasks()) == ([("first", "email", "sent", None)], [])


BRANCHES = """
steps:
  - send: {id: first, channel: [sms, email], template: reminder}
  - if: {step: first, sent: true}
    then:
      - if: {order.total: {gte: 100 EUR}}
        then: [{task: {id: call, team: sales, title: Call}}]
        else: [{end: {outcome: small}}]
    else:
      - task: {id: letter, team: support}
"""


async def test_branches_ask_the_facts_and_what_became_of_earlier_steps(open_shop, namespace, mailbox):
    shop = open_shop(make_rules(BRANCHES))
    nobody = {"given_name": "Nemo", "country": "DE"}
    async with engine(shop, namespace, mailbox) as running:
        shop.place("small", "a")
        shop.place("large", "b", total={"amount": "100.00", "currency": "EUR"})
        shop.place("silent", "c", person=nobody)
        assert await running.finished("small") == "ended: small"
        assert await running.finished("large") == "ended"
        assert await running.finished("silent") == "ended"
    assert sorted(shop.tasks()) == [("call", "sales", "Call"), ("letter", "support", "Letter")]
    assert sorted(shop.messages()) == [
        ("first", "email", "sent", None),
        ("first", "email", "sent", None),
        ("first", "email", "skipped", "no_address"),
    ]


async def test_the_shipped_playbook_sends_what_it_says(open_shop, namespace, mailbox, shipped_rules):
    shop = open_shop(shipped_rules)
    async with engine(shop, namespace, mailbox) as running:
        shop.place()
        assert await running.finished() == "ended"
    assert [(step, state) for step, _, state, _ in shop.messages()] == [("first", "sent"), ("second", "sent")]
    first, second = sorted(mails(mailbox), key=lambda mail: mail["Date"].datetime)
    assert first["Subject"] == "Welcome to Main: only your payment for order N-1001 is missing"
    assert second["Subject"].startswith("Last reminder")
    assert shop.tasks() == []


async def test_a_template_that_fails_for_one_customer_fails_her_journey_alone(open_shop, namespace, mailbox):
    fragile = {**TEMPLATES, "templates/reminder.en.txt": "Subject: Due\n\nPay {{ order.total | money }} now.\n"}
    shop = open_shop(make_rules(REMIND_AT_ONCE, templates=fragile))
    async with engine(shop, namespace, mailbox) as running:
        shop.place("good", "a")
        shop.place("bad", "b", total=None)
        shop.place("fine", "c")
        assert await running.finished("bad") == "failed: template-value"
        assert await running.finished("good") == await running.finished("fine") == "ended"
        seen = words(await running.history("bad"))
    assert [personal for personal in PERSONAL if personal.lower() in seen.lower()] == []
    assert sorted(row["state"] for row in shop.rows("select state from messages")) == ["failed", "sent", "sent"]
    bad = shop.journey("bad")
    assert (bad["state"], bad["outcome"]) == ("failed", "template-value")
    (task,) = shop.rows("select * from tasks")
    assert (task["task"], task["team"], task["journey_id"]) == ("journey-failed", "operations", bad["id"])
    assert task["title"] == f"Journey {bad['workflow_id']} failed: template-value"
    assert len(mails(mailbox)) == 2


@pytest.mark.parametrize("reason", ["by Anna", "stopped: the customer called at noon", "x" * 5000, None])
async def test_an_operator_cancels_a_waiting_journey_in_the_ui(open_shop, namespace, mailbox, reason):
    shop = open_shop(make_rules(TWICE.replace("2s", "1h")))
    async with engine(shop, namespace, mailbox) as running:
        shop.place()
        await until(lambda: _stands_at_if_started(running, "wait-1"), "the wait")
        await (running.handle().cancel(reason=reason) if reason else running.handle().cancel())
        result = await running.finished()
    journey = shop.journey()
    assert (journey["state"], journey["outcome"]) == ("cancelled", reason or "cancelled")
    assert result == (f"cancelled: {reason}" if reason else "cancelled")
    assert len(mails(mailbox)) == 1


async def test_an_operator_cancels_a_journey_that_has_not_begun(open_shop, namespace, mailbox):
    shop = open_shop(make_rules(LONG_WAIT))
    async with engine(shop, namespace, mailbox) as running:
        shop.place()
        await until(lambda: not shop.open_rows(), "the start to be told")
        await running.handle().cancel(reason="by Anna")
        assert await running.finished() == "cancelled: by Anna"
    assert [(state, outcome) for _, state, outcome in shop.journeys()] == [("cancelled", "by Anna")]


async def test_an_operator_cancels_what_the_quiet_hours_hold_back(open_shop, namespace, mailbox):
    shop = open_shop(make_rules(REMIND_AT_ONCE, policy=quiet_now(60)))
    async with engine(shop, namespace, mailbox) as running:
        shop.place()
        await until(lambda: _stands_at_if_started(running, "first"), "the hold")
        await running.handle().cancel(reason="by Anna")
        await running.finished()
    assert shop.messages() == [("first", "email", "skipped", "cancelled")]


async def test_a_customers_journey_runs_like_an_orders(open_shop, namespace, mailbox):
    head = HEAD.replace("for: order", "for: customer").replace("any: [{event: order.paid}, ", "any: [")
    shop = open_shop(make_rules(WAIT_AND_REMIND.replace("template: reminder", "template: hello"), head=head))
    async with engine(shop, namespace, mailbox) as running:
        shop.place()
        assert await running.finished() == "ended"
        customer = shop.row("select id from customers")["id"]
        assert running.handle().id == f"payment-reminder/customer-{customer}/1"
    assert len(mails(mailbox)) == 1


async def test_titles_of_any_length_hinder_no_journey(open_shop, namespace, mailbox):
    long = "ü" * 1990
    head = HEAD.replace("title: Payment reminder", f"title: {long}")
    steps = "".join(
        f"  - wait: {{for: 1s, title: {long}, id: w{number}}}\n"
        f"  - send: {{id: s{number}, title: {long}, channel: email, template: reminder}}\n"
        for number in range(2)
    )
    shop = open_shop(make_rules(f"steps:\n{steps}  - task: {{id: call, team: sales, title: {long}}}\n", head=head))
    async with engine(shop, namespace, mailbox) as running:
        shop.place()
        assert await running.finished() == "ended"
    assert len(mails(mailbox)) == 2


async def test_an_operators_cancellation_does_not_undo_a_journeys_end(open_shop, namespace, mailbox):
    """A journey that failed is being closed when somebody cancels it: it is closed as failed, with its task."""
    fragile = {**TEMPLATES, "templates/reminder.en.txt": "Subject: Due\n\nPay {{ order.total | money }} now.\n"}
    shop = open_shop(make_rules(REMIND_AT_ONCE, templates=fragile))
    async with engine(shop, namespace, mailbox) as running:
        with psycopg.connect(shop.url) as holding:
            holding.execute("lock tasks in exclusive mode")
            shop.place(total=None)
            await until(lambda: shop.rows(WAITING_FOR_A_LOCK), "the journey to be closed")
            await running.handle().cancel(reason="by Anna")

            async def heard():
                history = events(await running.history())
                asked = "WORKFLOW_EXECUTION_CANCEL_REQUESTED"
                return asked in history and "WORKFLOW_TASK_COMPLETED" in history[history.index(asked) :]

            await until(heard, "the cancellation to be heard")
        assert await running.finished() == "failed: template-value"
    assert [state for _, state, _ in shop.journeys()] == ["failed"]
    assert [task for task, _, _ in shop.tasks()] == ["journey-failed"]


class Indiscreet(Mailbox):
    """A provider with a bug whose error quotes the recipient."""

    async def deliver(self, message, key, before_commit):
        raise ValueError(f"cannot write to {message.recipient}")


async def test_an_unforeseen_error_tells_the_history_its_kind_and_nothing_it_quotes(open_shop, namespace, mailbox):
    shop = open_shop(impatient(make_rules(REMIND_AT_ONCE)))
    async with engine(shop, namespace, Indiscreet(mailbox.directory)) as running:
        shop.place()
        assert await running.finished() == "failed: ValueError"
        seen = words(await running.history())
    assert "ValueError" in seen
    assert [personal for personal in PERSONAL if personal.lower() in seen.lower()] == []
    assert [state for _, _, state, _ in shop.messages()] == ["in_doubt"]  # nobody knows what the bug left undone


async def test_a_failure_under_a_held_clock_bears_the_shops_instant(open_shop, namespace, mailbox):
    shop = open_shop(impatient(make_rules(REMIND_AT_ONCE)))
    async with engine(shop, namespace, Indiscreet(mailbox.directory), dispatching=False) as running:
        placed = now() - timedelta(hours=12)
        shop.place(at=placed)
        await Dispatcher(running.client, shop.pool, shop.versions, clock="held").drain_once()
        assert await running.finished() == "failed: ValueError"
    assert shop.journey()["ended_at"] == placed
