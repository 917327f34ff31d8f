"""Waiting for what another process does."""

import asyncio
import math
import sys
import time
from collections.abc import Callable, Sequence


async def until(condition: Callable[[], bool], what: str, seconds: float = 180.0, pause: float = 0.05) -> None:
    """Returns as soon as the condition holds; ends the bench if that takes too long."""
    deadline = time.monotonic() + seconds
    while not await asyncio.to_thread(condition):
        if time.monotonic() > deadline:
            sys.exit(f"waited {seconds:.0f} s for {what}")
        await asyncio.sleep(pause)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so great a share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
