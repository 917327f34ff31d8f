"""Campaigns for tests: waves that begin seconds from now, customers who want them, and the starter at work."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from temporalio.testing import ActivityEnvironment

from activities.campaign import RunCampaign
from activities.providers.provider import Provider
from engine.campaigns import runs
from engine.campaigns.starter import Starter
from engine.campaigns.wire import Batch, WaveRequest, workflow_id
from engine.composition import context
from engine.language.rules import Rules
from engine.operations.controls import PlaybookAction, control
from tests.workflows.rules import POLICY, make_rules
from tests.workflows.running import CLOSED, Running, engine, status, until
from tests.workflows.shop import ZENOBIA, Shop, now

NAME = "winter"
ATTRIBUTES = """
attributes:
  country: {title: Country, type: string, value: customer.country}
  orders: {title: Paid orders, type: integer, count: orders, where: {paid_at: {known: true}}}
"""


def wave(name: str, seconds: float, template: str = "hello", **more: str) -> str:
    """A wave that begins so many seconds from now."""
    at = (now() + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
    beside = "".join(f", {key}: {value}" for key, value in more.items())
    return f'  - {{id: {name}, at: "{at}", channel: email, template: {template}{beside}}}\n'


def campaign_rules(
    *waves: str, more: str = "", policy: str = POLICY, audience: str = "{country: DE}", purpose: str = "service"
) -> Rules:
    """Rules of one campaign."""
    head = f"campaign: {NAME}\ntitle: Winter days\naudience: {audience}\n"
    controls = "" if "controls:" in more else f"controls: {{purpose: {purpose}}}\n"
    text = f"{head}{controls}{more}waves:\n{''.join(waves)}"
    return make_rules(policy=policy, attributes=ATTRIBUTES, more={"campaigns/winter.yaml": text})


def people(shop: Shop, *names: str, country: str = "DE", **more: str | None) -> None:
    """Customers of a country, each with an address of her own, who have ordered once and not paid."""
    for name in names:
        person = {**ZENOBIA, "email": f"{name}@example.net", "country": country, **more}
        shop.place(f"N-{name}", name, person={key: value for key, value in person.items() if value is not None})
    # The reminder that the order starts is not what is looked at.
    shop.execute("update journeys set state = 'cancelled', ended_at = now() where playbook = 'payment-reminder'")


def told(shop: Shop) -> dict[tuple[str, str], tuple[str, str | None]]:
    """What became of each customer's message of each wave."""
    query = """select m.step, c.key, m.state, m.reason from messages m join customers c on c.id = m.customer_id
                where m.playbook = %s order by m.id"""
    return {(row["step"], row["key"]): (row["state"], row["reason"]) for row in shop.rows(query, NAME)}


def act(shop: Shop, action: PlaybookAction, name: str = NAME) -> None:
    """What an operator does to the campaign, or to all."""
    with shop.pool.connection() as connection:
        assert control(connection, action, name, "Ada", "told to", now())


def run_of(shop: Shop) -> dict[str, Any]:
    return shop.row("select * from campaign_runs")


@asynccontextmanager
async def campaigning(
    shop: Shop, namespace: str, providers: Provider | Mapping[str, Provider], **more: Any
) -> AsyncIterator[Running]:
    """The engine with the starter, as `regulars worker` runs both."""
    async with engine(shop, namespace, providers, dispatching=False, **more) as running:
        stop = asyncio.Event()
        starter = Starter(running.client, shop.pool, shop.rules, shop.versions, seconds=0.2)
        work = asyncio.create_task(starter.run(stop))
        running.campaign = workflow_id(NAME)
        try:
            yield running
        finally:
            stop.set()
            await work


async def far(running: Running, words: str) -> None:
    """Waits until the campaign says so of itself."""

    async def says() -> bool:
        handle = running.client.get_workflow_handle(workflow_id(NAME))
        return await status(running.client, handle.id) is not None and words in str(await handle.query("progress"))

    await until(says, words)


async def over(running: Running, seconds: float = 60) -> str:
    """Waits for the end of the campaign and gives how it ended."""

    async def closed() -> bool:
        return await status(running.client, workflow_id(NAME)) in CLOSED

    await until(closed, "the campaign's end", seconds)
    return str(await running.client.get_workflow_handle(workflow_id(NAME)).result())


class Hand:
    """Asks the activities one by one, in place of the workflow."""

    def __init__(self, shop: Shop, provider: Provider) -> None:
        self.shop = shop
        channels = dict.fromkeys(shop.rules.policy.channels, provider)
        self.work = RunCampaign(context(shop.pool, shop.rules, channels, shop.versions))
        with shop.pool.connection() as connection:
            runs.begin_due(connection, shop.rules, now())
        self.run = run_of(shop)["id"]

    def request(self, name: str, after: int = 0) -> WaveRequest:
        return WaveRequest(self.run, NAME, self.shop.rules.version, name, after)

    async def plan(self, name: str) -> int:
        return int(await ActivityEnvironment().run(self.work.plan_wave, self.request(name)))

    async def send(self, name: str, after: int = 0) -> Batch:
        batch: Batch = await ActivityEnvironment().run(self.work.send_wave, self.request(name, after))
        return batch

    async def end(self, name: str) -> None:
        await ActivityEnvironment().run(self.work.end_wave, self.request(name))
