"""What journeys cost: `make bench NAME=journeys`, or a part of it: `ARGS='--only starts'`; `--small` to try it out.

Ratios count, because both sides of each are measured in turns on the same servers, which the bench starts itself:
the product's own, with a database file.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from temporalio.client import Client

from bench.at_work.limit import limited
from bench.at_work.paid import paid_in_time
from bench.at_work.reserving import reserving
from bench.at_work.shop import Shop, bench_rules, open_shop
from bench.at_work.starts import starts
from bench.at_work.throughput import throughput
from bench.at_work.waiting import waiting
from bench.figures import Figure, show
from bench.own_servers import again_with_servers, has_servers
from engine.composition import connect
from engine.servers.leave import leave


@dataclass(frozen=True)
class Size:
    """How much of each is done."""

    rounds: int
    journeys: int
    starts: int
    paid: int
    waiting: int
    messages: int
    seconds: float
    limited: float


FULL = Size(rounds=5, journeys=150, starts=1000, paid=20, waiting=50_000, messages=1_000_000, seconds=15, limited=60)
SMALL = Size(rounds=1, journeys=10, starts=50, paid=3, waiting=300, messages=1_000, seconds=0.5, limited=5)

Part = Callable[[Client, Shop, Size], Awaitable[list[Figure]]]


async def _reserving(_client: Client, shop: Shop, size: Size) -> list[Figure]:
    return await asyncio.to_thread(reserving, shop, size.messages, size.seconds)


PARTS: dict[str, Part] = {
    "throughput": lambda client, shop, size: throughput(client, shop, size.journeys, size.rounds),
    "paid": lambda client, shop, size: paid_in_time(client, shop, size.paid),
    "starts": lambda client, shop, size: starts(client, shop, size.starts, size.rounds),
    "limit": lambda _client, shop, size: limited(shop, size.limited),
    "reserve": _reserving,
    "waiting": lambda client, shop, size: waiting(client, shop, size.waiting),
}


def main() -> int:
    """Measures and prints; 1 if a bound does not hold."""
    options = _options()
    if not has_servers():
        return again_with_servers("journeys")
    size = SMALL if options.small else FULL
    if options.waiting:
        size = Size(**{**vars(size), "waiting": options.waiting})
    return show(
        "journeys-small" if options.small else "journeys", asyncio.run(_measure(options.only or list(PARTS), size))
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=list(PARTS), help="this part only; may be repeated")
    parser.add_argument("--small", action="store_true", help="little of everything: to see whether it runs")
    parser.add_argument("--waiting", type=int, help=f"how many journeys wait (default {FULL.waiting:,})")
    return parser.parse_args()


async def _measure(parts: list[str], size: Size) -> list[Figure]:
    """Each part in a database of its own, so that none finds what another has left."""
    client, figures = await connect(), []
    with tempfile.TemporaryDirectory() as directory:
        for number, name in enumerate(parts):
            started = time.monotonic()
            server, place = os.environ["REGULARS_DATABASE_URL"], Path(directory) / name
            with open_shop(server, place, bench_rules(), number) as shop:
                figures += await PARTS[name](client, shop, size)
            print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return figures


if __name__ == "__main__":
    leave(main())
