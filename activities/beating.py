"""Heartbeats while an activity is at work."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio import activity

_BEAT = timedelta(seconds=2)


@asynccontextmanager
async def heartbeats() -> AsyncIterator[None]:
    """Lets Temporal notice a dead worker within seconds."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(_BEAT.total_seconds())
            activity.heartbeat()

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
