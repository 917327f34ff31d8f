"""A journey that chooses, races, takes part in an experiment and repeats itself, on the real servers."""

from engine.journeys.experiment import arm_of
from tests.replay.scenes import Stage, paid_while_several_go_on, several_at_once, ways_and_rounds
from tests.workflows.running import mails, summaries


async def test_a_journey_chooses_races_experiments_and_repeats(open_shop, namespace, mailbox):
    running = await ways_and_rounds(Stage(open_shop, namespace, mailbox.directory))
    shop = running.shop
    subject = shop.journey()["workflow_id"].split("/")[1]
    arm = ["short"] if arm_of(f"{subject}/wording", [5000, 5000]) == 0 else []
    assert [task for task, _, _ in shop.tasks()] == ["slip", "reply", *arm]
    keys = [row["key"].split("/", 2)[2] for row in shop.rows("select key from messages order by id")]
    assert keys == ["1/first/1/email", "1/first/2/email", "1/first/3/email"]
    assert len(mails(mailbox)) == 3
    shown = [summary for kind, summary in summaries(await running.history()) if kind == "TIMER_STARTED"]
    assert shown[0] == "waiting for the first of order.shipped or case.opened, at most 1 h"
    assert set(shown[1:]) == {"the next round, every 1 s"}


async def test_several_lists_of_steps_go_on_at_once_and_meet_again(open_shop, namespace, mailbox):
    running = await several_at_once(Stage(open_shop, namespace, mailbox.directory))
    shop = running.shop
    assert shop.journeys()[0][1:] == ("ended", "ended")
    assert [(step, state) for step, _, state, _ in shop.messages()] == [("first", "sent"), ("second", "sent")]
    assert [task for task, _, _ in shop.tasks()] == ["call", "reply", "after"]
    shown = [summary for _, summary in summaries(await running.history())]
    assert shown[:2] == ["First reminder by email", "task for sales: Call"]  # both before either is answered
    assert shown[-1] == "task for sales: After"


async def test_a_payment_ends_all_that_goes_on_at_once(open_shop, namespace, mailbox):
    running = await paid_while_several_go_on(Stage(open_shop, namespace, mailbox.directory))
    shop = running.shop
    assert shop.journeys()[0][1:] == ("stopped", "order.paid")
    assert len(mails(mailbox)) == 1
    assert [task for task, _, _ in shop.tasks()] == ["call"]
