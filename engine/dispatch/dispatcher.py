"""The dispatcher: brings outbox rows to Temporal, those of one journey in order.

A row is marked done in the transaction that holds its lock, after Temporal has answered. Killed in between, the row is
told again: a start is then refused as known, and a journey that has ended meanwhile is not started at all, also
when Temporal has long forgotten it. A row that cannot be told keeps its error and is tried again, ever more slowly; of
its own journey it holds back what comes later, of others nothing.
"""

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool
from temporalio.client import Client, WorkflowHandle
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from engine.dispatch import outbox
from engine.dispatch.outbox import Row
from engine.dispatch.versions import StoredVersions
from engine.journeys import wire
from engine.journeys.describe import brief, outline
from engine.journeys.interpreter import first_wait
from engine.journeys.plan import Plan
from engine.logs import described

CUSTOMER = SearchAttributeKey.for_keyword("Customer")
PLAYBOOK = SearchAttributeKey.for_keyword("Playbook")
VERSION = SearchAttributeKey.for_keyword("Version")
STEP = SearchAttributeKey.for_keyword("Step")

BATCH = 50
LANES = 3
AT_ONCE = 25
"""Requests of one dispatcher that are out: a server that is slow already must not be asked for ever more."""
PATIENCE = 30.0
"""Seconds for which an answer of Temporal is waited for: a row without one must not hold its batch back."""

log = logging.getLogger("regulars.dispatcher")


@dataclass(frozen=True)
class Dispatcher:
    """Tells Temporal what the outbox holds.

    With the clock `held` (a replay) journeys are started alike, but wait for the owner of the clock.
    """

    client: Client
    pool: ConnectionPool
    versions: StoredVersions
    queue: str = wire.JOURNEY_QUEUE
    clock: wire.Clock = "timers"
    batch: int = BATCH
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE), repr=False, compare=False)

    async def run(self, stop: asyncio.Event, pause: float = 0.2) -> None:
        """Dispatches until told to stop; an unreachable server is tried again."""
        while not stop.is_set():
            taken = await self._batch_unless_refused()
            if taken == self.batch:
                await asyncio.gather(*(self._catch_up(stop) for _ in range(LANES)))
            elif not taken:
                await _sleep(stop, pause)

    async def drain_once(self, limit: int = BATCH) -> int:
        """Takes open rows once and gives how many Temporal has been told."""
        return (await self._batch(limit)).count(None)

    async def _catch_up(self, stop: asyncio.Event) -> None:
        """One of several at once while there is much to tell: so Temporal never waits for the database."""
        while not stop.is_set() and await self._batch_unless_refused() == self.batch:
            pass

    async def _batch_unless_refused(self) -> int:
        """How many rows were taken, told or not; none if the database was away."""
        try:
            return len(await self._batch(self.batch))
        except Exception as error:  # noqa: BLE001 - whatever fails here must not end the dispatcher
            log.warning("the outbox could not be dispatched", extra=described(error))
            return 0

    async def _batch(self, limit: int) -> list[str | None]:
        """Takes open rows once and gives each one's error, none of those that were told."""
        connection = await asyncio.to_thread(self.pool.getconn)
        try:
            rows, plans = await asyncio.to_thread(self._claim, connection, limit)
            errors = await asyncio.gather(*map(self._told, rows, plans))
            await asyncio.to_thread(_mark, connection, rows, errors)
        except BaseException:
            await asyncio.to_thread(connection.rollback)
            raise
        finally:
            await asyncio.to_thread(self.pool.putconn, connection)
        _warn(rows, errors)
        return errors

    def _claim(self, connection: psycopg.Connection[Any], limit: int) -> tuple[list[Row], list[Plan | Exception]]:
        rows = outbox.claim(connection, limit)
        return rows, [self._plan(connection, row) for row in rows]

    def _plan(self, connection: psycopg.Connection[Any], row: Row) -> Plan | Exception:
        try:
            return self.versions.plan(connection, row.version, row.playbook)
        except psycopg.Error:
            raise
        except Exception as error:  # noqa: BLE001 - rules that cannot be read concern their own journeys alone
            return error

    async def _told(self, row: Row, plan: Plan | Exception) -> str | None:
        """None when Temporal has been told, else the error, which concerns this row alone."""
        if isinstance(plan, Exception):
            return _text(plan)
        try:
            async with self.turns, asyncio.timeout(PATIENCE):
                await self.tell(row, plan)
        except TimeoutError:
            return f"no answer within {PATIENCE:g} s"
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one row must not hold the others back
            return _text(error)
        return None

    async def tell(self, row: Row, plan: Plan) -> None:
        """Tells Temporal of one row; telling it again changes nothing."""
        match row.kind:
            case "start":
                await self._start(row, plan)
            case "event" if "wait" in row.payload:
                await self._end_wait(row)
            case "event":
                await self._event(row, plan)
            case "cancel":
                await self._cancel(row, row.payload["reason"])

    def _handle(self, row: Row) -> WorkflowHandle[object, object]:
        return self.client.get_workflow_handle(row.workflow_id)

    async def _start(self, row: Row, plan: Plan) -> None:
        # The journeys row is the lasting guard: Temporal forgets closed workflows after its retention.
        if row.state != "running":
            return
        start = wire.JourneyStart(row.journey_id, plan.to_json(), row.started_at, self.clock)
        try:
            await self.client.start_workflow(
                row.playbook,
                start,
                id=row.workflow_id,
                task_queue=self.queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                start_delay=_delay(plan, row.started_at),
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(CUSTOMER, str(row.customer_id)),
                        SearchAttributePair(PLAYBOOK, row.playbook),
                        SearchAttributePair(VERSION, row.version),
                        # While the start is delayed the workflow cannot say by itself where it waits.
                        SearchAttributePair(STEP, plan.code[0].id),
                    ]
                ),
                static_summary=brief(f"{plan.title}: {row.subject} {row.subject_id}"),
                static_details=outline(plan),
            )
        except WorkflowAlreadyStartedError:
            # A replay starts each of its journeys once: one that is known belongs to somebody else.
            if self.clock == "held":
                raise

    async def _event(self, row: Row, plan: Plan) -> None:
        """An event that stops a journey still in its start delay cancels it: that wakes and ends it at once."""
        told = wire.Tell("told", row.at, row.payload["event"], row.payload["stop"], row.payload["steps"], row=row.id)
        if told.stop and _still_delayed(plan, row.started_at, self.clock):
            await self._cancel(row, wire.stop_reason(told.event, told.at))
        else:
            await _unless_closed(self._handle(row).signal("tell", told))

    async def _cancel(self, row: Row, reason: str) -> None:
        await _unless_closed(self._handle(row).cancel(reason=reason))

    async def _end_wait(self, row: Row) -> None:
        """A wait that somebody ends before it is due; one that the journey has left meanwhile changes nothing."""
        due = wire.Tell("due", row.at, wait=row.payload["wait"], row=row.id)
        await _unless_closed(self._handle(row).signal("tell", due))


def _delay(plan: Plan, started_at: datetime) -> timedelta | None:
    hold = first_wait(plan, started_at)
    remaining = hold.due - datetime.now(UTC) if hold else timedelta(0)
    return remaining if remaining > timedelta(seconds=1) else None


def _still_delayed(plan: Plan, started_at: datetime, clock: wire.Clock) -> bool:
    # Under a held clock a journey is known to be at its start only to the clock's owner, who tells it otherwise.
    hold = first_wait(plan, started_at)
    return clock == "timers" and hold is not None and hold.due > datetime.now(UTC)


async def _unless_closed(telling: Awaitable[None]) -> None:
    """Rows of a journey go in order, so its start has been told and marked: not found means that it is over."""
    try:
        await telling
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


def _text(error: Exception) -> str:
    """An error for whoever looks for the reason: what Temporal answered, or what is wrong with the row."""
    match error:
        case RPCError():
            text = f"{error.status.name}: {error.message}"
        case LookupError() if not isinstance(error, KeyError):
            text = str(error)
        case _:
            text = f"{type(error).__name__}: {error}"
    return text[:500]


def _warn(rows: list[Row], errors: list[str | None]) -> None:
    """One line however many fail: each has its error in the database, and mostly it is the same."""
    failed = [(row, error) for row, error in zip(rows, errors, strict=True) if error is not None]
    if failed:
        row, error = failed[0]
        log.warning(
            "%d of %d not told, such as the %s of %s: %s", len(failed), len(rows), row.kind, row.workflow_id, error
        )


def _mark(connection: psycopg.Connection[Any], rows: list[Row], errors: list[str | None]) -> None:
    outbox.done(connection, [row.id for row, error in zip(rows, errors, strict=True) if error is None])
    for row, error in zip(rows, errors, strict=True):
        if error is not None:
            outbox.failed(connection, row.id, error, min(60.0, 0.5 * 2 ** min(row.attempts, 7)))
    connection.commit()


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
