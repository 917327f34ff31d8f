"""Journeys under way go on by an edited playbook, on the real servers."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from psycopg.types.json import Jsonb
from temporalio.service import RPCError, RPCStatusCode

from engine.dispatch.dispatcher import VERSION
from engine.edits import carry
from engine.edits.begin import EditRefusedError
from engine.trace.recorded import recorded_paths
from tests.edits.editing import apply, became, carried_out, edited, editing, plan, skip_waits
from tests.replay.scenes import quiet, stands_at
from tests.workflows.rules import HEAD, make_rules
from tests.workflows.running import status, until
from tests.workflows.shop import now

SEND = "  - send: {id: %s, title: A reminder, channel: email, template: reminder}\n"
WAITING = """
steps:
  - wait_for: {id: answer, event: EVENT, within: 1h}
    got: [{task: {id: reply, team: support}}]
"""
TWICE = "steps:\n" + SEND % "first" + "  - wait: {id: patience, for: 1h}\n" + SEND % "second"


async def test_a_journey_goes_on_by_the_new_version_and_keeps_its_due_and_what_was_sent(open_shop, namespace, mailbox):
    shop = open_shop(make_rules(TWICE))
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
        assert traced(shop) == ["start", "message", "wait", "note", "stands"]
        await skip_waits(running)
        await running.finished()
    assert [(step, state) for step, _, state, _ in shop.messages()] == [("first", "sent"), ("second", "sent")]
    assert [task[0] for task in shop.tasks()] == ["call"]


def traced(shop):
    """The kinds of moments in the journey's timeline."""
    with shop.pool.connection() as connection:
        customer = shop.journey()["customer_id"]
        (path,) = recorded_paths(
            connection, shop.versions, shop.matcher.events, customer, "payment-reminder", "UTC", now()
        )
    assert [each.words for each in path.moments if each.what == "note"] == [
        f"The playbook was edited: goes on by rules version {shop.rules.version[:8]}"
    ]
    return [each.what for each in path.moments]


async def test_a_journey_that_has_followed_is_not_told_again_by_a_batch_that_was_read_before(
    open_shop, namespace, mailbox
):
    shop = open_shop(make_rules(TWICE))
    async with editing(shop, namespace, mailbox) as running:
        shop.place()
        await until(lambda: stands_at(running, "patience"), "the wait")
        (number,) = await apply(running, edited("migrate", TWICE.replace("1h", "9d")))
        await carried_out(running)
        with shop.pool.connection() as connection:
            connection.execute("update edits set state = 'running'")
            edit = carry.read(connection, number)
            assert edit is not None
            assert carry.about_to_tell(connection, edit, shop.journey()["id"], now()) is None
    assert became(shop) == [("migrated", "patience", "patience")]


async def test_where_somebody_would_have_no_place_nothing_is_begun_and_the_counts_are_told(
    open_shop, namespace, mailbox
):
    shop = open_shop(make_rules(TWICE))
    without = edited("migrate", TWICE.replace("id: patience", "id: delay"))
    async with editing(shop, namespace, mailbox) as running:
        for number in range(3):
            shop.place(f"N-{number}", f"c{number}")
            await until(lambda n=number: stands_at_of(running, f"N-{n}", "patience"), "the wait")
        with pytest.raises(EditRefusedError) as refused:
            await apply(running, without)
        assert "payment-reminder: 3 at patience: the step is gone" in str(refused.value)
        assert shop.rows("select from edits") == []
        moved = edited("migrate", TWICE.replace("id: patience", "id: delay"), moves="{patience: delay}")
        (planned,) = await plan(running, moved)
        assert [(each.step, each.count, each.to) for each in planned.positions] == [("patience", 3, "delay")]
        await apply(running, moved, [planned])
        await carried_out(running)
    assert became(shop) == [("migrated", "patience", "delay")] * 3


async def test_one_that_went_on_to_where_there_is_no_place_keeps_its_version_and_is_listed(
    open_shop, namespace, mailbox
):
    shop = open_shop(make_rules(TWICE))
    async with editing(shop, namespace, mailbox) as running:
        shop.place()
        await until(lambda: stands_at(running, "patience"), "the wait")
        after = edited("migrate", TWICE.replace("id: patience", "id: delay"))
        before = shop.rules.version
        await apply(running, after, [replace(each, positions=()) for each in await plan(running, after)])
        await carried_out(running)
        assert became(shop) == [("pinned", "patience", None)]
        why = shop.row("select why from journey_edits")["why"]
        assert why == "the step is gone, and moves does not say where to go on"
        assert shop.journey()["version"] == before
        await skip_waits(running)
        await running.finished()
    assert [row[0] for row in shop.messages()] == ["first", "second"]


async def test_one_in_the_delay_of_its_start_follows_at_once_and_keeps_its_due(open_shop, namespace, mailbox):
    delayed = "steps:\n  - wait: {id: pause, for: 1h}\n" + SEND % "first"
    shop = open_shop(make_rules(delayed))
    async with editing(shop, namespace, mailbox) as running:
        shop.place()
        await until(lambda: not shop.open_rows(), "the start")
        after = edited("migrate", delayed.replace("1h", "9d") + "  - end: {outcome: new}\n")
        await apply(running, after)
        await carried_out(running)
        assert became(shop) == [("migrated", "pause", "pause")]
        assert shop.messages() == []
        await until(lambda: stands_at_of(running, "N-1001", "pause"), "the wait of the new version")
        standing = await running.handle().query("where")
        assert datetime.fromisoformat(standing["due"]) == shop.journey()["started_at"] + timedelta(hours=1)
        assert (await running.handle().describe()).typed_search_attributes.get(VERSION) == after.version
        await skip_waits(running)
        assert await running.finished() == "ended: new"
    assert [row[0] for row in shop.messages()] == ["first"]


async def test_one_that_temporal_has_not_been_told_of_begins_by_the_new_version(open_shop, namespace, mailbox):
    shop = open_shop(make_rules(TWICE))
    async with editing(shop, namespace, mailbox, dispatching=False) as running:
        shop.place()
        after = edited("migrate", "steps:\n" + SEND % "other")
        await apply(running, after)
        await carried_out(running)
        assert became(shop) == [("replaced", None, None)]
        await running.dispatcher.drain_once()
        await running.finished()
    assert [row[0] for row in shop.messages()] == ["other"]


async def test_events_are_matched_by_the_version_that_a_journey_goes_by(open_shop, namespace, mailbox):
    """What was told before is heard by the old version first; what comes after is matched by the new one."""
    waiting = WAITING
    shop = open_shop(make_rules(waiting.replace("EVENT", "case.opened")))
    async with editing(shop, namespace, mailbox) as running:
        for number in ("N-1", "N-2"):
            shop.place(number, f"c{number}")
            await until(lambda n=number: stands_at_of(running, n, "answer"), "the wait")
        await apply(running, edited("migrate", waiting.replace("EVENT", "order.shipped")))
        await carried_out(running)
        opened = {"case": "k", "type": "inquiry"}
        shop.tell(shop.event("case.opened", "N-1", data=opened))
        shop.tell(shop.event("order.shipped", "N-2"))
        await running.finished("N-2")
        assert await stands_at_of(running, "N-1", "answer")
    assert [task[0] for task in shop.tasks()] == ["reply"]


async def test_a_row_that_is_not_yet_heard_goes_before_the_edit(open_shop, namespace, mailbox):
    """An event is recorded, matched by the old version, and told only after the edit: the old version takes it."""
    waiting = WAITING.replace("EVENT", "case.opened")
    after = waiting.replace("case.opened", "order.shipped") + "  - wait: {id: pause, for: 1h}\n"
    both = waiting + "  - wait: {id: pause, for: 1h}\n"
    shop = open_shop(make_rules(both))
    async with editing(shop, namespace, mailbox, dispatching=False) as running:
        shop.place()
        await running.dispatcher.drain_once()
        await until(lambda: stands_at(running, "answer"), "the wait")
        shop.tell(shop.event("case.opened", "N-1001", data={"case": "k", "type": "inquiry"}))
        await apply(running, edited("migrate", after))
        await until(lambda: shop.rows("select from journey_edits"), "the edit's first pass")
        assert became(shop) == [("open", None, None)]
        await running.dispatcher.drain_once()
        await carried_out(running)
    assert became(shop) == [("migrated", "pause", "pause")]
    assert [task[0] for task in shop.tasks()] == ["reply"]


async def test_a_newer_edit_takes_the_place_of_one_under_way(open_shop, namespace, mailbox):
    shop = open_shop(make_rules(TWICE))
    async with editing(shop, namespace, mailbox, dispatching=False) as running:
        shop.place()
        await running.dispatcher.drain_once()
        await until(lambda: stands_at(running, "patience"), "the wait")
        resumed = {"wait": "nothing@now"}
        shop.execute(
            "insert into outbox (journey_id, kind, at, payload) values (%s, 'event', now(), %s)",
            shop.journey()["id"],
            Jsonb(resumed),
        )
        await apply(running, edited("migrate", TWICE.replace("1h", "9d")))
        await until(lambda: became(shop) == [("open", None, None)], "the first edit")
        last = edited("migrate", TWICE.replace("1h", "8d") + SEND % "third")
        await apply(running, last)
        await running.dispatcher.drain_once()
        await carried_out(running)
        assert became(shop)[-1] == ("migrated", "patience", "patience")
    states = [row["state"] for row in shop.rows("select state from edits order by id")]
    assert states == ["superseded", "ended"]
    assert shop.journey()["version"] == last.version


async def test_a_message_held_back_at_a_step_that_is_gone_is_skipped_and_the_rest_goes_on(
    open_shop, namespace, mailbox
):
    shop = open_shop(make_rules("steps:\n" + SEND % "first" + SEND % "second", policy=quiet()))
    async with editing(shop, namespace, mailbox) as running:
        shop.place()
        await until(lambda: [row[2] for row in shop.messages()] == ["deferred"], "the hold")
        due = (await running.handle().query("where"))["due"]
        after = edited("migrate", "steps:\n" + SEND % "second", moves="{first: second}", policy=quiet())
        await apply(running, after)
        await carried_out(running)
        await until(lambda: stands_at(running, "second"), "the new place")
        assert (await running.handle().query("where"))["due"] == due
    assert became(shop) == [("migrated", "first", "second")]
    assert shop.messages() == [("first", "email", "skipped", "edited")]


async def test_a_stop_of_the_new_version_stops_a_journey_that_follows(open_shop, namespace, mailbox):
    head = HEAD.replace("{event: order.cancelled}", "{event: order.shipped}")
    shop = open_shop(make_rules(TWICE))
    async with editing(shop, namespace, mailbox) as running:
        shop.place()
        await until(lambda: stands_at(running, "patience"), "the wait")
        await apply(running, edited("migrate", TWICE, head=head))
        await carried_out(running)
        shop.tell(shop.event("order.shipped", "N-1001"))
        await running.finished()
    assert shop.journeys()[0][1:] == ("stopped", "order.shipped")


async def test_a_move_to_the_end_ends_the_journey_by_the_new_version(open_shop, namespace, mailbox):
    shop = open_shop(make_rules(TWICE))
    after = edited("migrate", TWICE.replace("id: patience", "id: delay"), moves="{patience: end}")
    async with editing(shop, namespace, mailbox) as running:
        shop.place()
        await until(lambda: stands_at(running, "patience"), "the wait")
        await apply(running, after)
        await carried_out(running)
        await running.finished()
    assert became(shop) == [("migrated", "patience", "end")]
    assert shop.journeys()[0][1:] == ("ended", "ended")
    assert shop.journey()["version"] == after.version


async def test_a_wait_is_skipped_and_a_journey_cancelled_after_it_has_followed(open_shop, namespace, mailbox):
    shop = open_shop(make_rules(TWICE))
    async with editing(shop, namespace, mailbox) as running:
        for number in ("N-1", "N-2"):
            shop.place(number, f"c{number}")
            await until(lambda n=number: stands_at_of(running, n, "patience"), "the wait")
        await apply(running, edited("migrate", TWICE.replace("1h", "2h")))
        await carried_out(running)
        await running.handle("N-1").execute_update("skip_wait")
        await running.finished("N-1")
        await running.handle("N-2").cancel(reason="asked for")
        await running.finished("N-2")
    assert [(state, outcome) for _, state, outcome in shop.journeys()] == [
        ("ended", "ended"),
        ("cancelled", "asked for"),
    ]


async def stands_at_of(running, number, step):
    workflow_id = running.shop.journey(number)["workflow_id"]
    if await status(running.client, workflow_id) is None:
        return False
    try:
        return (await running.client.get_workflow_handle(workflow_id).query("where")).get("step") == step
    except RPCError as error:
        if error.status is not RPCStatusCode.FAILED_PRECONDITION:
            raise
        return False  # its next run has only just begun
