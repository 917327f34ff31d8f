"""What holds although Temporal forgets, answers late, or refuses: each journey runs once, each row concerns its own."""

import asyncio

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionStatus

from engine.composition import connect
from engine.dispatch import dispatcher as dispatching
from engine.dispatch import outbox
from engine.dispatch.dispatcher import BATCH, Dispatcher
from tests.workflows.rules import REMIND_AT_ONCE, WAIT_AND_REMIND, make_rules
from tests.workflows.running import engine, mails, status, until

LONG = WAIT_AND_REMIND.replace("2s", "1h")
REPLY = """
steps:
  - wait_for: {id: answer, event: case.opened, within: 1h}
    got: [{task: {id: reply, team: support}}]
"""


async def dispatcher(shop, namespace):
    return Dispatcher(await connect(namespace), shop.pool, shop.versions)


async def forget(client, workflow_id):
    """Lets Temporal forget a closed workflow, as it does when its retention is over."""
    execution = WorkflowExecution(workflow_id=workflow_id)
    request = DeleteWorkflowExecutionRequest(namespace=client.namespace, workflow_execution=execution)
    await client.workflow_service.delete_workflow_execution(request)

    async def forgotten():
        return await status(client, workflow_id) is None

    await until(forgotten, f"the end of {workflow_id}'s retention", seconds=90)


# --- beyond retention -----------------------------------------------------------------------------------------------


async def test_a_journey_that_temporal_has_forgotten_is_not_started_again(open_shop, namespace, mailbox):
    shop = open_shop(make_rules(REMIND_AT_ONCE))
    async with engine(shop, namespace, mailbox) as running:
        shop.place()
        assert await running.finished() == "ended"
        workflow_id = running.handle().id
        await until(lambda: not shop.open_rows(), "the outbox")
        await forget(running.client, workflow_id)
        shop.execute("update outbox set done_at = null")
        await until(lambda: not shop.open_rows(), "the outbox")
        assert await status(running.client, workflow_id) is None
    assert len(mails(mailbox)) == 1


async def test_a_journey_begun_anew_all_the_same_sends_nothing_twice(open_shop, namespace, mailbox):
    """As after the loss of Temporal's database, where the journey had not come to its end."""
    shop = open_shop(make_rules(REMIND_AT_ONCE))
    async with engine(shop, namespace, mailbox) as running:
        shop.place()
        assert await running.finished() == "ended"
        await until(lambda: not shop.open_rows(), "the outbox")
        await forget(running.client, running.handle().id)
        shop.execute("update journeys set state = 'running', outcome = null, ended_at = null")
        shop.execute("update outbox set done_at = null")
        await until(lambda: not shop.open_rows(), "the outbox")
        assert await running.finished() == "ended"
    assert len(mails(mailbox)) == 1
    assert shop.messages() == [("first", "email", "sent", None)]
    assert [state for _, state, _ in shop.journeys()] == ["ended"]


async def test_a_signal_to_a_journey_that_temporal_has_forgotten_is_done_with(open_shop, namespace, mailbox):
    shop = open_shop(make_rules(REMIND_AT_ONCE))
    async with engine(shop, namespace, mailbox, dispatching=False) as running:
        shop.place()
        await running.dispatcher.drain_once()
        assert await running.finished() == "ended"
        await forget(running.client, running.handle().id)
        shop.execute("update journeys set state = 'running'")
        shop.pay()
        assert await running.dispatcher.drain_once() == 1
        assert await status(running.client, running.handle().id) is None
    assert shop.open_rows() == 0


# --- a signal before its start --------------------------------------------------------------------------------------


async def test_a_signal_waits_until_its_start_has_been_told_and_is_then_heard(open_shop, namespace, mailbox):
    shop = open_shop(make_rules(REPLY))
    async with engine(shop, namespace, mailbox, dispatching=False) as running:
        shop.place()
        with shop.pool.connection() as connection:
            (start,) = outbox.claim(connection)
            outbox.failed(connection, start.id, "UNAVAILABLE: away", 3600)
        shop.tell(shop.event("case.opened", "N-1001", data={"case": "k", "type": "inquiry"}))
        assert await running.dispatcher.drain_once() == 0
        assert shop.open_rows() == 2
        shop.execute("update outbox set not_before = now() where id = %s", start.id)
        assert [await running.dispatcher.drain_once() for _ in range(3)] == [1, 1, 0]
        assert await running.finished() == "ended"
    assert [task for task, _, _ in shop.tasks()] == ["reply"]


async def test_a_signal_is_not_told_while_another_dispatcher_is_telling_the_start(open_shop, namespace, mailbox):
    shop = open_shop(make_rules(REPLY))
    async with engine(shop, namespace, mailbox, dispatching=False) as running:
        shop.place()
        with shop.pool.connection() as connection:
            (start,) = outbox.claim(connection)
            shop.tell(shop.event("case.opened", "N-1001", data={"case": "k", "type": "inquiry"}))
            assert await running.dispatcher.drain_once() == 0
            await running.dispatcher.tell(start, shop.rules.plans["payment-reminder"])
            assert await running.dispatcher.drain_once() == 0
            outbox.done(connection, [start.id])
        assert await running.dispatcher.drain_once() == 1
        assert await running.finished() == "ended"
    assert [task for task, _, _ in shop.tasks()] == ["reply"]


# --- rows that cannot be told ---------------------------------------------------------------------------------------


@pytest.fixture
def two(open_shop):
    """A shop with a row that will be spoiled, N-1, and one behind it."""
    shop = open_shop(make_rules(LONG))
    shop.place("N-1", customer="a")
    shop.place("N-2", customer="b")
    shop.execute("insert into rule_versions (version, files) values ('unreadable', '[1]'), ('empty', '{}')")
    return shop


SPOILED = {
    "rules that cannot be read": ("update journeys set version = 'unreadable' where id = %s", "AttributeError: "),
    "rules without the playbook": (
        "update journeys set version = 'empty' where id = %s",
        "rules version empty has no playbook payment-reminder",
    ),
    "an id that Temporal refuses": (
        "update journeys set workflow_id = repeat('x', 1001) where id = %s",
        "INVALID_ARGUMENT: ",
    ),
    "a payload without its event": ("update outbox set kind = 'event' where journey_id = %s", "KeyError: 'event'"),
}


@pytest.mark.parametrize("spoil", SPOILED)
async def test_a_row_that_cannot_be_told_keeps_its_error_and_holds_back_no_other(spoil, two, namespace, caplog):
    statement, error = SPOILED[spoil]
    two.execute(statement, two.journey("N-1")["id"])
    one = await dispatcher(two, namespace)
    assert await one.drain_once() == 1
    assert await status(one.client, two.journey("N-2")["workflow_id"]) is WorkflowExecutionStatus.RUNNING
    with two.pool.connection() as connection:
        (failure,) = outbox.failures(connection)
        assert outbox.depth(connection) == outbox.Depth(open=1, failing=1, behind=0)
    assert failure.error.startswith(error)
    assert (failure.workflow_id, failure.attempts) == (two.journey("N-1")["workflow_id"], 1)
    assert f"1 of 2 not told, such as the {failure.kind} of {failure.workflow_id}: {failure.error}" in caplog.messages


async def test_more_rows_than_a_batch_that_cannot_be_told_hold_back_no_other(open_shop, namespace):
    shop = open_shop(make_rules(LONG))
    for number in range(BATCH + 1):
        shop.place(f"N-{number}", customer=f"c{number}")
    shop.execute("insert into rule_versions (version, files) values ('empty', '{}')")
    last = shop.journey(f"N-{BATCH}")
    shop.execute("update journeys set version = 'empty' where id <> %s", last["id"])
    one = await dispatcher(shop, namespace)
    assert [await one.drain_once() for _ in range(2)] == [0, 1]
    assert await status(one.client, last["workflow_id"]) is WorkflowExecutionStatus.RUNNING


async def test_a_server_that_never_answers_lets_the_row_go_after_a_while(open_shop, namespace, monkeypatch):
    monkeypatch.setattr(dispatching, "PATIENCE", 0.2)
    shop = open_shop(make_rules(LONG))
    shop.place()
    over = asyncio.Event()

    async def silent(_reader, writer):
        await over.wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = await Client.connect(f"127.0.0.1:{port}", namespace=namespace, lazy=True)
    assert await Dispatcher(client, shop.pool, shop.versions).drain_once() == 0
    over.set()
    server.close()
    with shop.pool.connection() as connection:
        (failure,) = outbox.failures(connection)
    assert (failure.attempts, failure.error) == (1, "no answer within 0.2 s")
    assert await (await dispatcher(shop, namespace)).drain_once() == 0  # it waits for its next turn
    shop.execute("update outbox set not_before = now()")
    assert await (await dispatcher(shop, namespace)).drain_once() == 1


# --- what can be seen from outside ----------------------------------------------------------------------------------


def test_the_outboxs_depth_counts_what_is_open_what_fails_and_what_waits_behind(open_shop):
    shop = open_shop(make_rules(LONG))
    for number in ("N-1", "N-2", "N-3"):
        shop.place(number, customer=number)
    shop.pay("N-1")
    with shop.pool.connection() as connection:
        assert outbox.depth(connection) == outbox.Depth(open=4, failing=0, behind=1)
        assert outbox.failures(connection) == []
        first, second, third = outbox.claim(connection)
        outbox.failed(connection, first.id, "UNAVAILABLE: away", 60)
        outbox.failed(connection, second.id, "UNAVAILABLE: away", 60)
        outbox.failed(connection, second.id, "UNAVAILABLE: still away", 60)
        outbox.done(connection, [third.id])
        assert outbox.depth(connection) == outbox.Depth(open=3, failing=2, behind=1)
        failures = outbox.failures(connection)
        assert [(one.workflow_id, one.attempts) for one in failures] == [
            (second.workflow_id, 2),
            (first.workflow_id, 1),
        ]
        (only,) = outbox.failures(connection, second.workflow_id)
        assert (only.kind, only.error) == ("start", "UNAVAILABLE: still away")
