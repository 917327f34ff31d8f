"""Journeys with two waits and two sends against the same written by hand, round by round in turns.

One worker process takes both, in the same sandbox, with the same activities. A journey's way is the whole one: from
its row in the outbox through the dispatcher to the record of its last send and the end of its workflow.
"""

import asyncio
import json
import time
from dataclasses import dataclass
from statistics import median

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from bench.at_work.by_hand import QUEUE, WORKFLOW, Reminders
from bench.at_work.processes import worker_of_both
from bench.at_work.shop import Placed, Shop
from bench.at_work.waiting_until import until
from bench.figures import ROOT, Figure
from engine.language.rules import load_rules

SPEED_AT_LEAST = 0.8
MORE_TASKS_AT_MOST = 1
HISTORY_AT_MOST = 2
PLAN_AT_MOST = 4096
_AT_ONCE = 50


@dataclass(frozen=True)
class Round:
    """So many journeys a second, and one of them to look at."""

    rate: float
    example: str


async def throughput(client: Client, shop: Shop, count: int, rounds: int) -> list[Figure]:
    """Figures of speed and of history."""
    with worker_of_both(shop):
        await _journeys(client, shop, count // 5)  # both sides once for the caches of server and worker
        await _by_hand(client, shop, count // 5)
        pairs = [(await _journeys(client, shop, count), await _by_hand(client, shop, count)) for _ in range(rounds)]
        ours, theirs = pairs[-1]
        tasks, size = await _history(client, ours.example)
        tasks_by_hand, size_by_hand = await _history(client, theirs.example)
    plan = _bytes(shop.rules.plans["two-sends"].to_json())
    shipped = max(_bytes(each.to_json()) for each in load_rules(ROOT / "rules").plans.values())
    ratio = median(journey.rate / hand.rate for journey, hand in pairs)
    return [
        Figure("journeys with two waits and two sends, a second", round(median(each.rate for each, _ in pairs), 1)),
        Figure("the same written by hand, a second", round(median(each.rate for _, each in pairs), 1)),
        Figure("journeys, times the speed by hand", round(ratio, 2), at_least=SPEED_AT_LEAST),
        Figure("workflow tasks of a journey", tasks),
        Figure("workflow tasks more than by hand", tasks - tasks_by_hand, at_most=MORE_TASKS_AT_MOST),
        Figure("history of a journey without its plan, bytes", size - plan),
        Figure("history, times that by hand", round((size - plan) / size_by_hand, 2), at_most=HISTORY_AT_MOST),
        Figure("plan of these journeys, bytes", plan, at_most=PLAN_AT_MOST),
        Figure("greatest shipped plan, bytes", shipped, at_most=PLAN_AT_MOST),
    ]


async def _journeys(client: Client, shop: Shop, count: int) -> Round:
    started = time.monotonic()
    placed = await asyncio.to_thread(shop.place, "two-sends", count)
    await _ended(client, shop, placed, [one.workflow_id for one in placed])
    return Round(count / (time.monotonic() - started), placed[-1].workflow_id)


async def _by_hand(client: Client, shop: Shop, count: int) -> Round:
    """The rows are there too, because the sends are reserved for them, but the client starts the workflows."""
    started = time.monotonic()
    placed = await asyncio.to_thread(shop.place, "two-sends", count, start=False)
    ids = [f"by-hand/{one.order_id}" for one in placed]
    limit = asyncio.Semaphore(_AT_ONCE)

    async def start(workflow_id: str, journey: int) -> None:
        async with limit:
            await client.start_workflow(WORKFLOW, Reminders(journey), id=workflow_id, task_queue=QUEUE)

    await asyncio.gather(*(start(each, one.id) for each, one in zip(ids, placed, strict=True)))
    await _ended(client, shop, placed, ids)
    return Round(count / (time.monotonic() - started), ids[-1])


async def _ended(client: Client, shop: Shop, placed: list[Placed], ids: list[str]) -> None:
    """Returns when every last send is on record and every workflow is closed."""
    journeys = [one.id for one in placed]
    query = "select count(*) from journeys where id = any(%s) and state = 'running'"
    await until(lambda: shop.number(query, journeys) == 0, "the journeys' end")
    await asyncio.gather(*(client.get_workflow_handle(each).result() for each in ids))


async def _history(client: Client, workflow_id: str) -> tuple[int, int]:
    """Workflow tasks and bytes of one journey's history."""
    handle = client.get_workflow_handle(workflow_id)
    history = await handle.fetch_history()
    tasks = sum(event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED for event in history.events)
    description = await handle.describe()
    return tasks, int(description.raw_description.workflow_execution_info.history_size_bytes)


def _bytes(plan: object) -> int:
    return len(json.dumps(plan, separators=(",", ":")).encode())
