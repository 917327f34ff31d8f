"""A channel's limit shared by three workers: how near to it they send over a minute."""

import asyncio

from bench.at_work.processes import workers
from bench.at_work.shop import LIMITED, Shop
from bench.at_work.waiting_until import until
from bench.figures import Figure

WORKERS = 3
OFF_AT_MOST = 2.0
_SENT = "select count(*) from messages where state = 'sent'"


async def limited(shop: Shop, seconds: float) -> list[Figure]:
    """Sends through the limited channel for so long, with more to send than it lets through."""
    with workers(shop, WORKERS):
        # So many are on their way at once that each token finds somebody who takes it.
        await asyncio.to_thread(shop.place, "limited", round(LIMITED * (seconds + 60)))
        # The minute begins when Temporal has taken the load of their starts.
        await until(lambda: shop.open_rows() == 0, "the outbox", seconds=300)
        await until(lambda: shop.number(_SENT) >= 2 * LIMITED, "the first messages", seconds=300)
        before = await asyncio.to_thread(shop.number, _SENT)
        await asyncio.sleep(seconds)
        sent = await asyncio.to_thread(shop.number, _SENT) - before
    allowed = LIMITED * seconds
    off = 100 * abs(sent - allowed) / allowed
    return [
        Figure(f"channel limit: allowed in {seconds:g} s to {WORKERS} workers", allowed),
        Figure("channel limit: sent", sent),
        Figure("channel limit: off by, percent", round(off, 2), at_most=OFF_AT_MOST),
    ]
