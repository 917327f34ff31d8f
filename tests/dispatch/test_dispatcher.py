"""The outbox told to a real Temporal server: once, in order, whatever dies in between."""

import asyncio

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from engine.composition import connect
from engine.dispatch import outbox
from engine.dispatch.dispatcher import Dispatcher
from tests.workflows.rules import WAIT_AND_REMIND, make_rules
from tests.workflows.running import events, status

LONG = WAIT_AND_REMIND.replace("2s", "1h")


@pytest.fixture
def shop(open_shop):
    return open_shop(make_rules(LONG))


async def dispatcher(shop, namespace):
    return Dispatcher(await connect(namespace), shop.pool, shop.versions)


async def drained(dispatcher):
    """Dispatches until nothing is open, and gives how many rows were told."""
    told = 0
    while more := await dispatcher.drain_once():
        told += more
    return told


async def runs(client):
    return [execution async for execution in client.list_workflows()]


async def test_a_start_that_was_told_but_not_marked_is_told_again_and_changes_nothing(shop, namespace):
    shop.place()
    one = await dispatcher(shop, namespace)
    with shop.pool.connection() as connection:
        (row,) = outbox.claim(connection)
        await one.tell(row, shop.rules.plans["payment-reminder"])
        connection.rollback()
    assert shop.open_rows() == 1
    (before,) = await runs(one.client)
    assert await drained(one) == 1
    assert shop.open_rows() == 0
    (after,) = await runs(one.client)
    assert (after.id, after.run_id) == (before.id, before.run_id)


async def test_a_stop_that_was_told_but_not_marked_is_told_again_and_changes_nothing(shop, namespace):
    shop.place()
    one = await dispatcher(shop, namespace)
    await drained(one)
    shop.pay()
    for _ in range(3):
        with shop.pool.connection() as connection:
            (row,) = outbox.claim(connection)
            await one.tell(row, shop.rules.plans["payment-reminder"])
            connection.rollback()
    assert await drained(one) == 1
    history = await one.client.get_workflow_handle(row.workflow_id).fetch_history()
    assert events(history).count("WORKFLOW_EXECUTION_CANCEL_REQUESTED") == 1


async def test_a_journey_that_was_stopped_before_its_start_was_told_never_reaches_temporal(shop, namespace):
    shop.place()
    shop.pay()
    one = await dispatcher(shop, namespace)
    assert await drained(one) == 2
    assert await runs(one.client) == []
    assert [state for _, state, _ in shop.journeys()] == ["stopped"]


async def test_two_dispatchers_at_once_start_each_journey_once_and_tell_its_stop_after_it(shop, namespace):
    numbers = [f"N-{number}" for number in range(40)]
    for number in numbers:
        shop.place(number, customer=number)
    dispatchers = [await dispatcher(shop, namespace) for _ in range(2)]
    for number in numbers[::2]:
        shop.pay(number)
    told = await asyncio.gather(*(drained(each) for each in dispatchers))
    assert sum(told) == 60
    assert shop.open_rows() == 0
    # Of those paid before their start was told there is no workflow; none of the others was missed.
    client = dispatchers[0].client
    for workflow_id, state, _ in shop.journeys():
        expected = WorkflowExecutionStatus.RUNNING if state == "running" else None
        assert await status(client, workflow_id) is expected


async def test_two_dispatchers_tell_starts_and_stops_of_the_same_journeys_in_order(shop, namespace):
    numbers = [f"N-{number}" for number in range(20)]
    dispatchers = [await dispatcher(shop, namespace) for _ in range(2)]
    for number in numbers:
        shop.place(number, customer=number)
    await asyncio.gather(*(drained(each) for each in dispatchers))
    for number in numbers:
        shop.pay(number)
    assert sum(await asyncio.gather(*(drained(each) for each in dispatchers))) == 20
    for workflow_id, _, _ in shop.journeys():
        history = await dispatchers[0].client.get_workflow_handle(workflow_id).fetch_history()
        assert events(history).count("WORKFLOW_EXECUTION_CANCEL_REQUESTED") == 1


async def test_a_row_that_has_failed_for_days_is_still_tried(shop, namespace):
    shop.place()
    shop.execute("update outbox set attempts = 5000")
    shop.execute("insert into rule_versions (version, files) values ('empty', '{}')")
    version = shop.rules.version
    shop.execute("update journeys set version = 'empty'")
    one = await dispatcher(shop, namespace)
    assert await one.drain_once() == 0
    assert shop.row("select attempts from outbox") == {"attempts": 5001}
    shop.execute("update journeys set version = %s", version)
    shop.execute("update outbox set not_before = now()")
    assert await one.drain_once() == 1


async def test_a_temporal_server_that_is_away_leaves_the_row_open_with_its_error(shop, namespace):
    shop.place()
    away = await Client.connect("127.0.0.1:1", namespace=namespace, lazy=True)
    nowhere = Dispatcher(away, shop.pool, shop.versions)
    assert await nowhere.drain_once() == 0
    row = shop.row("select attempts, error, done_at from outbox")
    assert row["attempts"] == 1
    assert row["done_at"] is None
    assert row["error"]
    shop.execute("update outbox set not_before = now()")
    one = await dispatcher(shop, namespace)
    assert await drained(one) == 1
    assert await status(one.client, shop.journey()["workflow_id"]) is WorkflowExecutionStatus.RUNNING
