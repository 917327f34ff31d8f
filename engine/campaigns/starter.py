"""Begins campaigns when their first wave comes, and tells those under way when somebody holds them or lets them go.

The row of a run is written before Temporal is told, and marked after: killed in between, the next turn tells it again,
and Temporal refuses a workflow that it has.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime

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
from temporalio.service import RPCError, RPCStatusCode

from engine.campaigns import runs
from engine.campaigns.runs import Run
from engine.campaigns.wire import PREFIX, CampaignStart, WaveTimes, workflow_id
from engine.dispatch.dispatcher import PLAYBOOK, STEP, VERSION
from engine.dispatch.in_force import InForce
from engine.dispatch.versions import StoredVersions
from engine.journeys import wire
from engine.journeys.campaign import Campaign
from engine.journeys.describe import brief
from engine.language.rules import Rules
from engine.logs import described

log = logging.getLogger("regulars.campaigns")


@dataclass
class Starter:
    """Takes its turn every `seconds`."""

    client: Client
    pool: ConnectionPool
    rules: Rules
    versions: StoredVersions
    queue: str = wire.JOURNEY_QUEUE
    seconds: float = 5.0
    in_force: InForce | None = None
    told: str = ""
    """The version of which this process has told campaigns under way that it is in force now."""

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop; a failure is said and tried again."""
        while not stop.is_set():
            try:
                await self.once(datetime.now(UTC))
            except Exception as error:  # noqa: BLE001 - whatever fails here must not end the schedule
                log.warning("campaigns could not be looked at: %s", type(error).__name__, extra=described(error))
            try:
                await asyncio.wait_for(stop.wait(), self.seconds)
            except TimeoutError:
                continue

    async def once(self, now: datetime) -> None:
        """One turn."""
        connection = await asyncio.to_thread(self.pool.getconn)
        try:
            told = await asyncio.to_thread(self._claim, connection, now)
            for run, campaign in told:
                await self._start(run, campaign)
                await asyncio.to_thread(runs.mark_told, connection, run.id)
            await asyncio.to_thread(connection.commit)
            stirred = await asyncio.to_thread(
                runs.running if self.told != self.rules.version else runs.stirred, connection
            )
            for name in stirred:
                await self._look(name)
            await asyncio.to_thread(connection.commit)
            self.told = self.rules.version
        except BaseException:
            await asyncio.to_thread(connection.rollback)
            raise
        finally:
            await asyncio.to_thread(self.pool.putconn, connection)

    def _claim(self, connection: psycopg.Connection, now: datetime) -> list[tuple[Run, Campaign]]:
        if self.in_force is not None:
            self.rules = self.in_force.look(connection)
        runs.begin_due(connection, self.rules, now)
        connection.commit()
        found = [(run, self._campaign(connection, run)) for run in runs.untold(connection)]
        return [(run, campaign) for run, campaign in found if campaign is not None]

    def _campaign(self, connection: psycopg.Connection, run: Run) -> Campaign | None:
        campaign = self.versions.get(connection, run.version).campaigns.get(run.campaign)
        if campaign is None:
            log.warning("campaign %s is not in the rules of version %s", run.campaign, run.version)
        return campaign

    async def _start(self, run: Run, campaign: Campaign) -> None:
        waves = [WaveTimes(wave.id, wave.label, wave.at, wave.ends) for wave in campaign.waves]
        try:
            await self.client.start_workflow(
                PREFIX,
                CampaignStart(run.id, run.campaign, run.version, waves),
                id=workflow_id(run.campaign),
                task_queue=self.queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(PLAYBOOK, run.campaign),
                        SearchAttributePair(VERSION, run.version),
                        SearchAttributePair(STEP, campaign.waves[0].id),
                    ]
                ),
                static_summary=brief(f"Campaign {campaign.title}"),
            )
        except WorkflowAlreadyStartedError:
            return

    async def _look(self, name: str) -> None:
        try:
            await self.client.get_workflow_handle(workflow_id(name)).signal("look")
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
