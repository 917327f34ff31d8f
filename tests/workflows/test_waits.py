"""Waits for moments that the world knows: a date that moves, a time of products, working time."""

from tests.replay.scenes import Stage, date_that_moves
from tests.workflows.running import mails, summaries


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
