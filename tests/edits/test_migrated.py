"""Journeys under way go on by an edited playbook, on the real servers."""

from tests.edits.editing import apply, became, carried_out, edited, editing
from tests.replay.scenes import stands_at
from tests.workflows.rules import make_rules
from tests.workflows.running import until

SEND = "  - send: {id: %s, title: A reminder, channel: email, template: reminder}\n"
TWICE = "steps:\n" + SEND % "first" + "  - wait: {id: patience, for: 1h}\n" + SEND % "second"


async def test_a_journey_goes_on_by_the_new_version_and_keeps_its_due_and_what_was_sent(open_shop, namespace, mailbox):
    shop = open_shop(make_rules(TWICE.replace("1h", "3s")))
    asked = "  - if: {step: first, sent: true}\n    then: [{task: {id: call, team: sales}}]\n"
    after = edited("migrate", TWICE.replace("1h", "9d") + asked)
    async with editing(shop, namespace, mailbox) as running:
        shop.place()
        await until(lambda: stands_at(running, "patience"), "the wait")
        before = (await running.handle().query("where"))["due"]
        await apply(running, after)
        await carried_out(running)
        await until(lambda: stands_at(running, "patience"), "the wait of the new version")
        assert (await running.handle().query("where"))["due"] == before
        assert became(shop) == [("migrated", "patience", "patience")]
        assert shop.journey()["version"] == after.version
        await running.finished()
    assert [(step, state) for step, _, state, _ in shop.messages()] == [("first", "sent"), ("second", "sent")]
    assert [task[0] for task in shop.tasks()] == ["call"]
