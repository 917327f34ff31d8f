"""Has edits carried out: the row of an edit is written when its version comes into force, Temporal is told after.

Killed in between, the next turn tells it again, and Temporal refuses a workflow that it has.
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool
from temporalio.client import Client
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError

from engine.dispatch.dispatcher import VERSION
from engine.edits.wire import PREFIX, EditStart, workflow_id
from engine.journeys import wire
from engine.journeys.describe import brief
from engine.logs import described

log = logging.getLogger("regulars.edits")

_UNTOLD = """
select id, playbook, version, policy from edits where state = 'running' and told_at is null
 order by id for update skip locked
"""


@dataclass
class EditStarter:
    """Takes its turn every `seconds`; `grace` as `EditStart` has it."""

    client: Client
    pool: ConnectionPool
    queue: str = wire.JOURNEY_QUEUE
    seconds: float = 5.0
    grace: float = 60.0

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop; a failure is said and tried again."""
        while not stop.is_set():
            try:
                await self.once()
            except Exception as error:  # noqa: BLE001 - whatever fails here must not end the schedule
                log.warning("edits could not be looked at: %s", type(error).__name__, extra=described(error))
            try:
                await asyncio.wait_for(stop.wait(), self.seconds)
            except TimeoutError:
                continue

    async def once(self) -> None:
        """One turn."""
        connection = await asyncio.to_thread(self.pool.getconn)
        try:
            for row in await asyncio.to_thread(_untold, connection):
                await self._start(*row)
                await asyncio.to_thread(connection.execute, "update edits set told_at = now() where id = %s", (row[0],))
            await asyncio.to_thread(connection.commit)
        except BaseException:
            await asyncio.to_thread(connection.rollback)
            raise
        finally:
            await asyncio.to_thread(self.pool.putconn, connection)

    async def _start(self, edit: int, playbook: str, version: str, policy: str) -> None:
        try:
            await self.client.start_workflow(
                PREFIX,
                EditStart(edit, playbook, self.grace),
                id=workflow_id(playbook, edit),
                task_queue=self.queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                search_attributes=TypedSearchAttributes([SearchAttributePair(VERSION, version)]),
                static_summary=brief(f"{playbook}: {policy} journeys under way to {version[:8]}"),
            )
        except WorkflowAlreadyStartedError:
            return


def _untold(connection: psycopg.Connection[Any]) -> list[tuple[int, str, str, str]]:
    return connection.execute(_UNTOLD).fetchall()
