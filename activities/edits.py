"""An edit's work: telling journeys under way of it, in batches, and writing down what each does about it.

    controls: {edits: migrate}

What has been told is in the rows of `journey_edits`: a worker killed in a batch leaves journeys that are told again,
which they take as the same telling.
"""

import asyncio
import logging
from dataclasses import dataclass

import psycopg
from psycopg_pool import PoolTimeout
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.beating import heartbeats
from activities.context import Connection, Context
from activities.journey_row import locked_journey
from engine.edits import carry
from engine.edits.carry import Edit, Told
from engine.edits.wire import EditBatch, EditRequest
from engine.journeys import wire
from engine.logs import described

LANES = 8
"""Journeys that are told at once."""
PATIENCE = 20.0
"""Seconds for which a journey's answer is waited for; one that does not answer is told again in the next pass."""

log = logging.getLogger("regulars.edits")


@dataclass(frozen=True)
class CarryOutEdits:
    """The activities of edits."""

    context: Context

    @activity.defn(name="tell_edit")
    async def tell(self, request: EditRequest) -> EditBatch:
        """Tells the next batch of journeys, and says where to go on."""
        async with heartbeats():
            edit = await self.context.transaction(lambda connection: carry.read(connection, request.edit))
            if edit is None or edit.state != "running":
                return EditBatch(over=True)
            journeys = await self.context.transaction(
                lambda connection: carry.next_journeys(connection, edit.id, request.after)
            )
            plan = await self.context.transaction(lambda connection: self._plan(connection, edit))
            telling = _Telling(self.context, edit, plan, activity.client())
            for some in (journeys[at : at + LANES] for at in range(0, len(journeys), LANES)):
                await asyncio.gather(*map(telling.tell, some))
                if activity.is_worker_shutdown():
                    return await self._batch(edit, some[-1])
            return await self._batch(edit, journeys[-1] if len(journeys) == carry.BATCH else None)

    def _plan(self, connection: Connection, edit: Edit) -> dict[str, object] | None:
        """The plan to go on by; none of an edit that ends journeys."""
        if edit.policy == "drain":
            return None
        try:
            return self.context.versions.plan(connection, edit.version, edit.playbook).to_json()
        except LookupError as unknown:
            raise ApplicationError(str(unknown), type="no_playbook") from None

    async def _batch(self, edit: Edit, after: int | None) -> EditBatch:
        found = await self.context.transaction(lambda connection: carry.counts(connection, edit.id))
        return EditBatch(after, found.get("open", 0) + found.get("told", 0), found)

    @activity.defn(name="end_edit")
    async def end(self, request: EditRequest) -> None:
        """All journeys have followed, or have been left where they are."""
        await self.context.transaction(lambda connection: carry.end(connection, request.edit, self.context.now()))

    @activity.defn(name="adopt")
    async def adopt(self, request: wire.AdoptRequest) -> wire.Adopted:
        """Writes by which version a journey goes on, or that it ends or stays, before it does."""

        def write(connection: Connection) -> wire.Adopted:
            row = locked_journey(connection, request.journey)
            return carry.adopt(connection, request, row["state"], row["version"], self.context.now())

        return await self.context.transaction(write)


@dataclass(frozen=True)
class _Telling:
    """One batch."""

    context: Context
    edit: Edit
    plan: dict[str, object] | None
    client: Client

    async def tell(self, journey: int) -> None:
        """Tells one journey; what goes wrong concerns this one alone, and it is told again in the next pass."""
        try:
            told = await self.context.transaction(
                lambda connection: carry.about_to_tell(connection, self.edit, journey, self.context.now())
            )
            if told is not None:
                await self._update(told)
        except (psycopg.OperationalError, PoolTimeout, RPCError, TimeoutError) as error:
            log.info("a journey could not be told of an edit", extra={"journey": journey, **described(error)})

    async def _update(self, told: Told) -> None:
        handle = self.client.get_workflow_handle(told.workflow_id)
        edit = wire.Edit(self.edit.id, self.edit.version, told.heard, self.plan)
        try:
            async with asyncio.timeout(PATIENCE):
                await handle.execute_update("edit", edit, id=f"edit-{self.edit.id}-{told.heard}", result_type=str)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            await self.context.transaction(
                lambda connection: carry.not_found(connection, self.edit, told.journey, self.context.now())
            )
