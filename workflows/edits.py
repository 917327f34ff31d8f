"""An edit is carried out: the journeys of a playbook are told of its new version, in batches, until all have followed.

What is done is in the database; the workflow remembers only how far a pass has come.
"""

from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import SearchAttributeKey

with workflow.unsafe.imports_passed_through():
    from engine.edits.wire import EditBatch, EditRequest, EditStart
    from engine.journeys.describe import brief
    from workflows.patience import HEARTBEAT, RETRY

STEP = SearchAttributeKey.for_keyword("Step")
BATCH = timedelta(minutes=10)
AGAIN, AGAIN_MOST = timedelta(seconds=1), timedelta(minutes=5)
"""Between two passes: journeys that are at work follow when they wait again."""

T = TypeVar("T")


@workflow.defn(name="edits")
class Edits:
    """One edit."""

    @workflow.run
    async def run(self, start: EditStart) -> str:
        """Goes through the journeys until none is left that has not followed, and gives what became of them."""
        request, looked, pause = EditRequest(start.edit, start.after), start.looked, AGAIN
        while True:
            batch = await self._do(EditBatch, "tell_edit", request, f"{start.playbook}: telling journeys")
            workflow.set_current_details(f"**{start.playbook}**: {batch.in_words()}")
            request = replace(request, after=batch.after or 0)
            if batch.over:
                return "superseded"
            if batch.after is None and not batch.open and looked:
                break
            if batch.after is None:
                looked = not batch.open
                rest = timedelta(seconds=start.grace) if looked else pause
                pause = AGAIN if looked else min(pause * 2, AGAIN_MOST)
                await workflow.sleep(rest, summary="until a last look" if looked else f"{batch.open:,} are at work")
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(replace(start, after=request.after, looked=looked))
        await self._do(None, "end_edit", request, f"ending: {batch.in_words()}")
        workflow.upsert_search_attributes([STEP.value_set("ended")])
        return batch.in_words()

    async def _do(self, result: type[T] | None, activity: str, request: EditRequest, summary: str) -> T:
        done: T = await workflow.execute_activity(
            activity,
            request,
            result_type=result,
            start_to_close_timeout=BATCH,
            heartbeat_timeout=HEARTBEAT,
            retry_policy=RETRY,
            summary=brief(summary),
        )
        return done
