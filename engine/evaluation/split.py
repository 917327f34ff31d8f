"""Begins an evaluation that is split over workers, and follows it to its end."""

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import Any

import psycopg
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError

from engine.dispatch.in_force import MovedOnError, last
from engine.evaluation import sliced
from engine.evaluation.processes import Progress
from engine.evaluation.sliced import Found
from engine.evaluation.wire import MOVED_ON, PREFIX, EvaluationStart, workflow_id
from engine.facts.pool import connect
from engine.journeys import wire
from engine.journeys.describe import brief
from engine.language.rules import Rules

_LOOK = 0.5
"""Seconds between two looks at how far it has come."""


class EndedError(Exception):
    """Somebody ended the run in Temporal before everybody was judged."""

    def __init__(self, run: int) -> None:
        """Says which run, and what to do."""
        super().__init__(
            f"evaluation {run} was ended in Temporal before everybody was judged; who was judged stays as judged, and "
            "`regulars evaluate` begins anew"
        )


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
        MovedOnError: other rules have come into force meanwhile; who was judged before stays as judged.
        EndedError: somebody ended the run in Temporal.
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
        try:
            await ending
        except WorkflowFailureError as failure:
            sliced.give_up(connection, run)
            connection.commit()
            raise _why(connection, rules, run, failure) from None
        return sliced.found(connection, run)


def _why(connection: psycopg.Connection, rules: Rules, run: int, failure: WorkflowFailureError) -> Exception:
    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, ApplicationError) and cause.type == MOVED_ON:
            return MovedOnError(rules.version, last(connection))
        cause = cause.__cause__
    return EndedError(run)


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
