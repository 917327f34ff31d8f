"""Waits for moments that the world knows: a date that moves, a time of products, working time."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.service import RPCError

from engine.calendar.business import BusinessHours
from tests.replay.scenes import Stage, date_that_moves, wait_that_was_skipped
from tests.workflows.rules import POLICY, make_rules
from tests.workflows.running import engine, mails, summaries, until

ONE_DAY = """
steps:
  - task: {id: answer, team: support, due: 4h, hours: business}
  - task: {id: look, team: support, due: 4h}
"""


async def test_a_journey_waits_for_a_date_that_moves_and_then_by_products_and_working_time(
    open_shop, namespace, mailbox
):
    running = await date_that_moves(Stage(open_shop, namespace, mailbox.directory))
    shop = running.shop
    due = shop.row("select estimated_at from orders")["estimated_at"]
    assert shop.journeys()[0][1:] == ("ended", "ended")
    assert shop.tasks() == []  # skipped: the day before the order is past
    assert shop.row("select due_at from messages")["due_at"] >= due
    assert len(mails(mailbox)) == 1
    shown = [summary for kind, summary in summaries(await running.history()) if kind == "TIMER_STARTED"]
    assert shown == [
        "waiting until order.estimated_at",
        "waiting until order.estimated_at",
        "waiting the settling time of the products",
        "waiting 1 s of working time",
    ]


async def test_a_task_is_due_in_working_time_where_its_rule_says_so(open_shop, namespace, mailbox):
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    hours = {f"{tomorrow:%A}".lower(): ("09:00", "17:00")}
    listed = ", ".join(f'{day}: {{from: "{opens}", to: "{closes}"}}' for day, (opens, closes) in hours.items())
    shop = open_shop(make_rules(ONE_DAY, policy=f"{POLICY}  business_hours: {{{listed}}}\n"))
    async with engine(shop, namespace, mailbox):
        shop.place()
        await until(lambda: len(shop.tasks()) == 2, "the tasks")
    answer, look = shop.rows("select opened_at, due_at from tasks order by id")
    zone = shop.rules.policy.zone
    assert answer["due_at"] == BusinessHours(hours, zone).after(answer["opened_at"], timedelta(hours=4))
    assert answer["due_at"] - answer["opened_at"] > timedelta(hours=4)
    assert look["due_at"] - look["opened_at"] == timedelta(hours=4)


async def test_an_operator_skips_a_wait_and_the_journey_goes_on_at_once(open_shop, namespace, mailbox):
    running = await wait_that_was_skipped(Stage(open_shop, namespace, mailbox.directory))
    assert [message[0] for message in running.shop.messages()] == ["first", "second"]
    assert running.shop.journey()["state"] == "ended"
    with pytest.raises(RPCError):
        await running.handle().execute_update("skip_wait")
