"""What a campaign costs: `make bench NAME=campaign`, `ARGS='--customers 1000'` to try it out.

One wave to ten thousand customers, beside the same message sent by a playbook with a workflow a head. Then the same
wave again with its worker killed in the middle of it and another started: who was left out, and who got it twice.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from bench.at_work.processes import Process, start_worker, worker
from bench.at_work.shop import Shop, bench_rules, open_shop
from bench.at_work.waiting_until import until
from bench.figures import Figure, show
from bench.own_servers import again_with_servers, has_servers
from engine.campaigns.wire import workflow_id
from engine.composition import connect
from engine.language.rules import Rules, compile_rules
from engine.servers.leave import leave

CUSTOMERS = 10_000
A_HEAD = 5
"""So many times fewer customers get theirs by a workflow a head: a rate needs no more."""
TASKS_AT_MOST = 20
SPEED_AT_LEAST = 2.0
_CAMPAIGN = """
campaign: NAME
title: Bench of campaigns
audience: {country: DE}
waves:
  - {id: only, at: "AT", channel: email, template: hello}
controls: {purpose: service}
"""
_ATTRIBUTES = "attributes:\n  country: {title: Country, type: string, value: customer.country}\n"
_HELLO = "Subject: The winter days\n\nDear {{ customer.given_name }},\n\nthe winter days have begun.\n"
_TIMES = """
select extract(epoch from max(m.recorded_at) - min(r.told_at)) as audience,
       extract(epoch from max(m.updated_at) - max(m.recorded_at)) as sending
  from messages m join campaign_runs r on r.campaign = m.playbook
"""
_SENT = "select count(*) from messages where state = 'sent'"
_OVER = "select count(*) from campaign_runs where state <> 'running'"


@dataclass(frozen=True)
class Ran:
    """One run of the campaign: seconds for the audience and for the sending, workflow tasks, who got how many."""

    audience: float
    sending: float
    tasks: int
    got: Counter[str]
    restart: float = 0.0


def main() -> int:
    """Measures and prints; 1 if a bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    asked = parser.parse_args()
    if not has_servers():
        return again_with_servers("campaign")
    return show("campaign", asyncio.run(_measure(asked.customers)))


async def _measure(customers: int) -> list[Figure]:
    client = await connect()
    server = os.environ["REGULARS_DATABASE_URL"]
    with tempfile.TemporaryDirectory() as directory:

        def opened(number: int, rules: Rules) -> AbstractContextManager[Shop]:
            return open_shop(server, Path(directory) / str(number), rules, number)

        with opened(0, bench_rules()) as shop:
            rate, tasks = await _a_head(client, shop, customers // A_HEAD)
        with opened(1, _rules("undisturbed")) as shop:
            ran = await _campaign(client, shop, "undisturbed", customers)
        with opened(2, _rules("killed")) as shop:
            killed = await _campaign(client, shop, "killed", customers, kill_after=customers // 2)
    ours = customers / (ran.audience + ran.sending)
    return [
        Figure("customers", customers),
        Figure("audience, seconds", round(ran.audience, 1)),
        Figure("sending, customers a second", round(customers / ran.sending, 1)),
        Figure("audience and sending, customers a second", round(ours, 1)),
        Figure("a workflow a head, customers a second", round(rate, 1)),
        Figure("times the speed of a workflow a head", round(ours / rate, 2), at_least=SPEED_AT_LEAST),
        Figure("workflow tasks for 1,000 customers", round(ran.tasks / customers * 1000, 2), at_most=TASKS_AT_MOST),
        Figure("the same with a workflow a head", round(tasks * 1000)),
        Figure("sent", sum(ran.got.values()), at_least=customers, at_most=customers),
        Figure("sent with a worker killed half way", sum(killed.got.values()), at_least=customers, at_most=customers),
        Figure("got it twice", sum(count > 1 for count in (killed.got + ran.got).values()), at_most=0),
        Figure("from the kill to the next message, seconds", round(killed.restart, 1)),
    ]


async def _a_head(client: Client, shop: Shop, count: int) -> tuple[float, float]:
    """Customers a second and workflow tasks of each, by a playbook with one message."""
    with worker(shop):
        placed = await asyncio.to_thread(shop.place, "at-once", count // 10)
        await until(lambda: shop.number(_SENT) == count // 10, "the first messages")
        started = time.monotonic()
        placed = await asyncio.to_thread(shop.place, "at-once", count)
        await until(lambda: shop.number(_SENT) == count + count // 10, "the messages")
        seconds = time.monotonic() - started
        handle = client.get_workflow_handle(placed[-1].workflow_id)
        await handle.result()
    return count / seconds, float(await _tasks(client, placed[-1].workflow_id))


async def _campaign(client: Client, shop: Shop, name: str, customers: int, kill_after: int | None = None) -> Ran:
    await asyncio.to_thread(shop.place, "nothing", customers, start=False)
    process = start_worker(shop)
    restart = 0.0
    try:
        if kill_after is not None:
            await until(lambda: shop.number(_SENT) >= kill_after, "half of the messages")
            process.popen.kill()
            process.popen.wait()
            sent, killed_at = shop.number(_SENT), time.monotonic()
            process = start_worker(shop)
            await until(lambda: shop.number(_SENT) > sent, "the next message")
            restart = time.monotonic() - killed_at
        await until(lambda: shop.number(_OVER) == 1, "the campaign's end")
        await client.get_workflow_handle(workflow_id(name)).result()
    finally:
        _stop(process)
    with shop.pool.connection() as connection:
        row = connection.execute(_TIMES).fetchone()
    assert row is not None
    return Ran(float(row[0]), float(row[1]), await _tasks(client, workflow_id(name)), _got(shop, name), restart)


def _stop(process: Process) -> None:
    if process.popen.poll() is None:
        process.stop()


async def _tasks(client: Client, workflow: str) -> int:
    history = await client.get_workflow_handle(workflow).fetch_history()
    return sum(event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED for event in history.events)


def _got(shop: Shop, name: str) -> Counter[str]:
    """How many messages lie in the mailbox for each recipient, of which campaign."""
    got: Counter[str] = Counter()
    for file in (shop.directory / "mailbox").glob("*.eml"):
        to = next(line for line in file.read_text().splitlines() if line.startswith("To: "))
        got[f"{name} {to}"] += 1
    return got


def _rules(name: str) -> Rules:
    at = (datetime.now(UTC) - timedelta(seconds=1)).isoformat().replace("+00:00", "Z")
    base = bench_rules().files
    rules = compile_rules(
        {
            "policy.yaml": base["policy.yaml"],
            "attributes.yaml": _ATTRIBUTES,
            "templates/hello.en.txt": _HELLO,
            "campaigns/campaign.yaml": _CAMPAIGN.replace("NAME", name).replace("AT", at),
        }
    )
    assert rules.sound, [str(issue) for issue in rules.issues]
    return rules


if __name__ == "__main__":
    leave(main())
