"""An evaluation split over workers that cannot go on: it ends, says why, and the next one begins anew."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from engine.composition import bulk_worker, context
from engine.dispatch.in_force import MovedOnError, Succession, come_into_force, last, succeed
from engine.dispatch.versions import publish
from engine.evaluation.split import EndedError, evaluate_split
from engine.evaluation.wire import workflow_id
from engine.language.rules import Rules
from tests.workflows.rules import make_rules
from tests.workflows.running import Running, engine, until
from tests.workflows.shop import Shop, now

PEOPLE, SLICES = 3, 2
ATTRIBUTES = "attributes:\n  orders: {title: Orders, type: integer, count: orders}\n"
TAGS = "tags:\n  buyer: {title: Buyer, when: {orders: {gte: 1}}}\n"
MORE = TAGS.replace("gte: 1", "gte: 2")


@pytest.fixture
def shop(open_shop) -> Shop:
    """A few people who have ordered, judged by nobody; its rules are in force."""
    shop = open_shop(make_rules(attributes=ATTRIBUTES, tags=TAGS))
    for person in range(PEOPLE):
        shop.place(f"N-{person}", f"c{person}")
    shop.execute("delete from standings")
    with shop.pool.connection() as connection:
        come_into_force(connection, shop.rules, now())
    return shop


def put_in_force(shop: Shop, rules: Rules) -> None:
    with shop.pool.connection() as connection:
        publish(connection, rules)
        succeed(connection, Succession(rules.version, last(connection), "apply", "ada", settled=True), now())


@asynccontextmanager
async def slices_taken(running: Running) -> AsyncIterator[None]:
    shop = running.shop
    async with bulk_worker(running.client, context(shop.pool, shop.rules, {}, shop.versions)):
        yield


async def begun(running: Running) -> "asyncio.Task[object]":
    """An evaluation whose workflow waits for a worker of slices."""
    shop = running.shop
    task = asyncio.create_task(evaluate_split(running.client, shop.url, shop.rules, now(), SLICES))
    await until(lambda: bool(shop.rows("select id from evaluation_runs")), "the run")
    handle = running.client.get_workflow_handle(workflow_id(1))

    async def waits() -> bool:
        return len((await handle.describe()).raw_description.pending_activities) == SLICES

    await until(waits, "the slices")
    return task


async def test_rules_that_come_into_force_meanwhile_end_it_and_theirs_judges_everybody(shop, namespace, mailbox):
    other = make_rules(attributes=ATTRIBUTES, tags=MORE)
    async with engine(shop, namespace, mailbox) as running:
        task = await begun(running)
        put_in_force(shop, other)
        async with slices_taken(running):
            with pytest.raises(MovedOnError, match=other.version):
                await task
            assert shop.rows("select 1 from standings") == []
            assert shop.row("select ended_at is not null as ended from evaluation_runs") == {"ended": True}
            found = await evaluate_split(running.client, shop.url, other, now(), SLICES)
    assert found.tally.customers == PEOPLE
    assert found.tally.sizes["tag", "buyer"] == 0
    assert {row["version"] for row in shop.rows("select version from standings")} == {other.version}


async def test_ended_in_temporal_it_says_so_and_the_next_one_begins_anew(shop, namespace, mailbox):
    async with engine(shop, namespace, mailbox) as running:
        task = await begun(running)
        await running.client.get_workflow_handle(workflow_id(1)).terminate("not now")
        with pytest.raises(EndedError, match="evaluation 1 was ended in Temporal"):
            await task
        async with slices_taken(running):
            found = await evaluate_split(running.client, shop.url, shop.rules, now(), SLICES)
    assert (found.tally.customers, found.tally.sizes["tag", "buyer"]) == (PEOPLE, PEOPLE)
    assert len(shop.rows("select id from evaluation_runs")) == 2
