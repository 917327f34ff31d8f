"""What an order costs that is paid within the playbook's first wait."""

import asyncio
from collections import Counter

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from bench.at_work.processes import worker
from bench.at_work.shop import Placed, Shop
from bench.at_work.waiting_until import until
from bench.figures import Figure


async def paid_in_time(client: Client, shop: Shop, count: int) -> list[Figure]:
    """The most that any of the orders cost; the dispatcher tells a start and what follows in requests of their own."""
    with worker(shop):
        placed = await asyncio.to_thread(shop.place, "patient", count)
        await until(lambda: shop.open_rows() == 0, "the starts")
        for one in placed:
            await asyncio.to_thread(shop.tell, "order.paid", one)
        await asyncio.gather(*(client.get_workflow_handle(one.workflow_id).result() for one in placed))
        await until(lambda: shop.open_rows() == 0, "the stops")
        costs = [await _events(client, one) for one in placed]
    rows = shop.number("select max(count) from (select count(*) from outbox where journey_id = any(%s)"
                       " group by journey_id) each", [one.id for one in placed])  # fmt: skip
    return [
        Figure("paid in time: requests to Temporal, a start and a cancel", rows, at_most=2),
        Figure("paid in time: cancels", _most(costs, "WORKFLOW_EXECUTION_CANCEL_REQUESTED"), at_most=1, at_least=1),
        Figure("paid in time: signals", _most(costs, "WORKFLOW_EXECUTION_SIGNALED"), at_most=0),
        Figure("paid in time: workflow tasks", _most(costs, "WORKFLOW_TASK_SCHEDULED"), at_most=1),
        Figure("paid in time: timers", _most(costs, "TIMER_STARTED"), at_most=0),
        Figure("paid in time: activities", _most(costs, "ACTIVITY_TASK_SCHEDULED"), at_most=0),
    ]


async def _events(client: Client, one: Placed) -> Counter[str]:
    history = await client.get_workflow_handle(one.workflow_id).fetch_history()
    return Counter(EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events)


def _most(costs: list[Counter[str]], kind: str) -> int:
    return max(each[kind] for each in costs)
