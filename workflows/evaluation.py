"""An evaluation of everybody, split over workers by the customers' numbers.

Each slice is an activity of minutes; a worker takes one at a time. What a slice has come to is in the database, so a
worker killed in a slice leaves it to another, which goes on where it was.
"""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from engine.evaluation.wire import BULK_QUEUE, EvaluationStart, SliceRequest
    from engine.journeys.describe import brief

HEARTBEAT = timedelta(seconds=8)
WHOLE = timedelta(hours=12)
RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(minutes=1))


@workflow.defn(name="evaluate")
class Evaluation:
    """One run: the values of all slices, cut-offs from them together, then everybody's standing."""

    @workflow.run
    async def run(self, start: EvaluationStart) -> None:
        """Judges everybody."""
        numbers = range(start.slices)
        workflow.set_current_details(f"reading the values of {start.slices} slices")
        await asyncio.gather(*(self._slice(start, "gather_slice", each, "reading") for each in numbers))
        await self._do("publish_cut_offs", SliceRequest(start.run), "publishing the cut-offs")
        workflow.set_current_details(f"judging {start.slices} slices")
        await asyncio.gather(*(self._slice(start, "judge_slice", each, "judging") for each in numbers))
        await self._do("finish_evaluation", SliceRequest(start.run), "starting what follows")
        workflow.set_current_details("everybody has been judged")

    async def _slice(self, start: EvaluationStart, activity: str, number: int, what: str) -> None:
        request = SliceRequest(start.run, number)
        await self._do(activity, request, f"{what} slice {number + 1} of {start.slices}")

    async def _do(self, activity: str, request: SliceRequest, summary: str) -> None:
        await workflow.execute_activity(
            activity,
            request,
            task_queue=BULK_QUEUE,
            start_to_close_timeout=WHOLE,
            heartbeat_timeout=HEARTBEAT,
            retry_policy=RETRY,
            summary=brief(summary),
        )
