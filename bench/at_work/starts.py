"""Starts by the dispatcher against those of the bare client, in turns, with the same input and options."""

import asyncio
import time
from statistics import median

from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from bench.at_work.shop import Placed, Shop
from bench.at_work.waiting_until import until
from bench.figures import Figure
from engine.dispatch.dispatcher import AT_ONCE, CUSTOMER, PLAYBOOK, STEP, VERSION, Dispatcher
from engine.journeys import wire
from engine.journeys.describe import outline
from engine.journeys.interpreter import first_wait
from engine.journeys.plan import Plan

STARTS_AT_LEAST = 0.8


async def starts(client: Client, shop: Shop, count: int, rounds: int) -> list[Figure]:
    """Starts a second on both sides. Every journey begins with a wait of days, so no worker is needed."""
    plan = shop.rules.plans["patient"]
    await _dispatched(client, shop, count // 5)
    await _bare(client, shop, plan, count // 5)
    pairs = [(await _dispatched(client, shop, count), await _bare(client, shop, plan, count)) for _ in range(rounds)]
    ratio = median(ours / bare for ours, bare in pairs)
    return [
        Figure("starts by the dispatcher, a second", round(median(ours for ours, _ in pairs), 1)),
        Figure("starts by the bare client, a second", round(median(bare for _, bare in pairs), 1)),
        Figure("dispatcher, times the bare client's starts", round(ratio, 2), at_least=STARTS_AT_LEAST),
    ]


async def _dispatched(client: Client, shop: Shop, count: int) -> float:
    await asyncio.to_thread(shop.place, "patient", count)
    stop = asyncio.Event()
    started = time.monotonic()
    dispatching = asyncio.create_task(Dispatcher(client, shop.pool, shop.versions).run(stop))
    await until(lambda: shop.open_rows() == 0, "the outbox", pause=0.02)
    seconds = time.monotonic() - started
    stop.set()
    await dispatching
    return count / seconds


async def _bare(client: Client, shop: Shop, plan: Plan, count: int) -> float:
    placed = await asyncio.to_thread(shop.place, "patient", count, start=False)
    compiled, details, limit = plan.to_json(), outline(plan), asyncio.Semaphore(2 * AT_ONCE)
    started = time.monotonic()
    await asyncio.gather(*(_start(client, plan, compiled, details, one, limit) for one in placed))
    return count / (time.monotonic() - started)


async def _start(
    client: Client, plan: Plan, compiled: dict[str, object], details: str, one: Placed, limit: asyncio.Semaphore
) -> None:
    hold = first_wait(plan, one.started_at)
    assert hold is not None
    async with limit:
        await client.start_workflow(
            plan.playbook,
            wire.JourneyStart(one.id, compiled, one.started_at),
            id=one.workflow_id,
            task_queue=wire.JOURNEY_QUEUE,
            start_delay=hold.due - one.started_at,
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(CUSTOMER, str(one.customer_id)),
                    SearchAttributePair(PLAYBOOK, plan.playbook),
                    SearchAttributePair(VERSION, plan.version),
                    SearchAttributePair(STEP, plan.code[0].id),
                ]
            ),
            static_summary=f"{plan.title}: order {one.order_id}",
            static_details=details,
        )
