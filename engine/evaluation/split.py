"""Begins an evaluation that is split over workers, and follows it to its end."""

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import Any

import psycopg
from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from engine.evaluation import sliced
from engine.evaluation.run import Progress
from engine.evaluation.sliced import Found
from engine.evaluation.wire import PREFIX, EvaluationStart, workflow_id
from engine.facts.pool import connect
from engine.journeys import wire
from engine.journeys.describe import brief
from engine.language.rules import Rules

_LOOK = 0.5
"""Seconds between two looks at how far it has come."""


async def evaluate_split(
    client: Client,
    url: str,
    rules: Rules,
    now: datetime,
    slices: int,
    *,
    start_existing: bool = False,
    progress: Progress = lambda _what, _done, _total: None,
) -> Found:
    """Judges everybody in slices that workers take; goes on with a run of the same rules that is under way.

    Whoever calls may be killed: the run goes on, and the next call follows it.

    Raises:
        CurrencyUnclearError: shops have several currencies and the policy names none.
        WorkflowFailedError: somebody ended the run in Temporal.
    """
    with connect(url) as connection:
        run = sliced.begin_run(connection, rules, now, now, slices, start_existing=start_existing)
        connection.commit()
        handle = await _start(client, run, sliced.slices_of(connection, run))
        connection.commit()
        ending = asyncio.create_task(handle.result())
        while not ending.done():
            _tell(connection, run, progress)
            await asyncio.wait([ending], timeout=_LOOK)
        await ending
        return sliced.found(connection, run)


async def _start(client: Client, run: int, slices: int) -> WorkflowHandle[Any, Any]:
    with suppress(WorkflowAlreadyStartedError):
        await client.start_workflow(
            PREFIX,
            EvaluationStart(run, slices),
            id=workflow_id(run),
            task_queue=wire.JOURNEY_QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            static_summary=brief(f"Evaluation of everybody in {slices} slices"),
        )
    return client.get_workflow_handle(workflow_id(run))


def _tell(connection: psycopg.Connection, run: int, progress: Progress) -> None:
    found = sliced.progress(connection, run)
    connection.commit()
    progress("judge" if found.judged else "cut-offs", found.judged, found.customers)
