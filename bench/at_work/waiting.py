"""Tens of thousands of journeys that wait: memory, how soon one hears of an event, and what a worker's restart costs.

Most lie in their start delay, as after an order; one in twenty-five has begun and waits for an event with a timer.
"""

import asyncio
import time

from temporalio.client import Client

from bench.at_work.processes import Process, cpu_seconds, memory_mb, start_worker, temporal_pid
from bench.at_work.shop import Placed, Shop
from bench.at_work.waiting_until import percentile, until
from bench.figures import Figure

_BLOCK = 5000
_SIGNALS = 200
_AT_ONCE = 4


async def waiting(client: Client, shop: Shop, count: int) -> list[Figure]:
    """Starts them, then signals some of each kind, before and after the worker is started anew."""
    signals = min(_SIGNALS, count // 6)
    begun_count = max(signals * 2, count // 25)
    process = start_worker(shop)
    try:
        before = _memory(process)
        seconds, delayed, begun = await _start(client, shop, count - begun_count, begun_count)
        after = _memory(process)
        stops = await _signal(client, shop, "order.paid", delayed[:signals])
        warm = await _signal(client, shop, "order.shipped", begun[-signals:])
        ended = process.stop()
        process = start_worker(shop)
        ready = cpu_seconds(process.pid)
        cold = await _signal(client, shop, "order.shipped", begun[:signals])
        spent = cpu_seconds(process.pid) - ready
        again = _memory(process)
    finally:
        process.stop()
    return [
        Figure("waiting journeys", count),
        Figure("waiting: of these begun, with a timer", begun_count),
        Figure("waiting: started, a second", round(count / seconds, 1)),
        Figure("waiting: Temporal's memory before, MB", before[0]),
        Figure("waiting: Temporal's memory with them, MB", after[0]),
        Figure("waiting: the worker's memory before, MB", before[1]),
        Figure("waiting: the worker's memory with them, MB", after[1]),
        *_latency("an order paid in its start delay until the journey's end", stops),
        *_latency("an event told until the journey's end", warm),
        Figure("worker restart: seconds until it has ended", round(ended, 2)),
        Figure("worker restart: seconds until it works", round(process.seconds, 2)),
        Figure("worker restart: the new one's memory, MB", again[1]),
        *_latency("an event told to a new worker until the journey's end", cold),
        Figure(f"worker restart: processor seconds for {signals} journeys read again", round(spent, 2)),
    ]


async def _start(
    client: Client, shop: Shop, delayed_count: int, begun_count: int
) -> tuple[float, list[Placed], list[Placed]]:
    """Puts them into the outbox block by block, and returns when all have been started and the latter have begun."""
    started = time.monotonic()
    delayed: list[Placed] = []
    for first in range(0, delayed_count, _BLOCK):
        delayed += await asyncio.to_thread(shop.place, "patient", min(_BLOCK, delayed_count - first))
        await until(lambda: shop.open_rows() < _BLOCK // 2, "the outbox", seconds=300)
    begun = await asyncio.to_thread(shop.place, "listening", begun_count)
    await until(lambda: shop.open_rows() == 0, "the outbox", seconds=300)
    seconds = time.monotonic() - started
    # A question is answered after the journeys' first tasks, which are in the queue before it.
    await asyncio.gather(*(client.get_workflow_handle(one.workflow_id).query("where") for one in (begun[0], begun[-1])))
    return seconds, delayed, begun


async def _signal(client: Client, shop: Shop, kind: str, journeys: list[Placed]) -> list[float]:
    """Seconds from each event's commit to the end of its journey, a few at a time."""
    limit = asyncio.Semaphore(_AT_ONCE)

    async def one(journey: Placed) -> float:
        async with limit:
            await asyncio.to_thread(shop.tell, kind, journey)
            told = time.monotonic()
            await client.get_workflow_handle(journey.workflow_id).result()
            return time.monotonic() - told

    return await asyncio.gather(*map(one, journeys))


def _latency(what: str, seconds: list[float]) -> list[Figure]:
    return [
        Figure(f"{what}, p50 ms", round(percentile(seconds, 0.5) * 1000, 1)),
        Figure(f"{what}, p99 ms", round(percentile(seconds, 0.99) * 1000, 1)),
    ]


def _memory(process: Process) -> tuple[float, float]:
    """Memory of Temporal, if it runs here, and of the worker."""
    server = temporal_pid()
    return (memory_mb(server) if server else 0.0), memory_mb(process.pid)
