"""Playbooks that are edited while journeys are under way, on the real servers."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from temporalio.client import WorkflowUpdateFailedError
from temporalio.service import RPCError, RPCStatusCode

from activities.providers.provider import Provider
from engine.dispatch.match import Matcher
from engine.dispatch.versions import publish
from engine.edits.begin import begin_edits
from engine.edits.planned import PlannedEdit, planned_edits
from engine.edits.positions import live_positions
from engine.edits.starter import EditStarter
from engine.language.rules import Rules
from tests.workflows.rules import HEAD, make_rules
from tests.workflows.running import Running, engine, until
from tests.workflows.shop import Shop, now


def edited(edits: str, steps: str, /, *, moves: str = "", head: str = HEAD, **more: Any) -> Rules:
    """The playbook as an editor leaves it: with other steps, and what it says of journeys under way."""
    said = head.replace("controls: {", f"controls: {{edits: {edits}, ")
    assert said != head
    return make_rules(steps, head=said + (f"moves: {moves}\n" if moves else ""), **more)


@asynccontextmanager
async def editing(shop: Shop, namespace: str, provider: Provider, **options: Any) -> AsyncIterator[Running]:
    """The engine, with whoever has edits carried out."""
    async with engine(shop, namespace, provider, **options) as running:
        stop = asyncio.Event()
        starter = EditStarter(running.client, shop.pool, seconds=0.1, grace=0.1)
        work = asyncio.create_task(starter.run(stop))
        try:
            yield running
        finally:
            stop.set()
            await work


async def plan(running: Running, rules: Rules) -> list[PlannedEdit]:
    """What the edit would do."""
    shop = running.shop
    positions = await live_positions(running.client, list(rules.plans))
    with shop.pool.connection() as connection:
        return planned_edits(connection, shop.rules, rules, versions=shop.versions, positions=positions)


async def apply(running: Running, rules: Rules, planned: Sequence[PlannedEdit] | None = None) -> list[int]:
    """Puts the rules in force, as of now; the shop's intake goes by them from then on."""
    shop = running.shop
    found = await plan(running, rules) if planned is None else planned
    with shop.pool.connection() as connection:
        publish(connection, rules)
        begun = begin_edits(connection, rules.version, now(), found, shop.rules.version)
    shop.rules, shop.matcher = rules, Matcher(rules, shop.versions, shop.matcher.events)
    return begun


async def carried_out(running: Running, seconds: float = 60.0) -> None:
    """Waits until all edits are done with."""
    query = "select playbook, state from edits where state = 'running'"
    await until(lambda: not running.shop.rows(query), "the edits", seconds)


def became(shop: Shop) -> list[tuple[str, str | None, str | None]]:
    """What each journey did about the edits: its state, where it stood, and where it went on."""
    rows = shop.rows("select state, step, to_step from journey_edits order by journey_id, edit_id")
    return [(row["state"], row["step"], row["to_step"]) for row in rows]


async def skip_waits(running: Running, journeys: Sequence[str] | None = None) -> None:
    """Ends the present wait of these journeys, by default of all that wait."""
    running_ones = "select workflow_id from journeys where state = 'running' order by id"
    names = [row["workflow_id"] for row in running.shop.rows(running_ones)] if journeys is None else journeys
    await asyncio.gather(*(_skip(running, name) for name in names))


async def _skip(running: Running, workflow_id: str) -> None:
    handle = running.client.get_workflow_handle(workflow_id)

    async def skipped() -> bool:
        try:
            await handle.execute_update("skip_wait")
        except WorkflowUpdateFailedError:
            return False  # it is just at work
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        return True

    await until(skipped, f"a wait of {workflow_id}")
