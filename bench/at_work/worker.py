"""A worker for journeys and for the workflow written by hand, in one process: `worker.py PROJECT`, until SIGTERM.

Both take the same activities and the same sandbox, so the comparison is of workflows alone.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from temporalio.worker import Worker

sys.path.insert(0, str(Path(__file__).parents[2]))

from activities.deliver import Deliver
from activities.discreet import Discreet
from bench.at_work.by_hand import QUEUE, TwoSends
from engine.composition import channel_providers, connect, context, journey_runner, journey_worker
from engine.dispatch.dispatcher import Dispatcher
from engine.dispatch.versions import StoredVersions
from engine.facts.pool import open_pool
from engine.language.rules import load_rules
from engine.servers.leave import leave


async def work(directory: Path) -> int:
    """Works until told to stop."""
    rules = load_rules(directory / "rules")
    versions = StoredVersions({rules.version: rules})
    client = await connect()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with open_pool(os.environ["REGULARS_DATABASE_URL"]) as pool:
        channels = channel_providers(rules, {"REGULARS_MAILBOX": str(directory / "mailbox")})
        shared = context(pool, rules, channels, versions)
        by_hand = Worker(
            client,
            task_queue=QUEUE,
            workflows=[TwoSends],
            activities=[Deliver(shared).deliver],
            workflow_runner=journey_runner(),
            interceptors=[Discreet()],
        )
        async with journey_worker(client, shared), by_hand:
            print("worker ready", flush=True)
            await Dispatcher(client, pool, versions).run(stop)
    return 0


if __name__ == "__main__":
    leave(asyncio.run(work(Path(sys.argv[1]))))
