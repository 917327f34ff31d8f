"""A campaign: one workflow sends its waves in batches, and remembers only at which wave it is.

What is open of a wave is in the database. A pass asks for each open message once; then it waits until the next one may
leave, or somebody pauses, resumes or kills the campaign. A wave ends when the next one begins.
"""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey

with workflow.unsafe.imports_passed_through():
    from engine.campaigns.wire import Batch, CampaignStart, Counts, EndRequest, WaveRequest, WaveTimes
    from engine.journeys.describe import brief

STEP = SearchAttributeKey.for_keyword("Step")
HEARTBEAT = timedelta(seconds=8)
BATCH = timedelta(minutes=15)
WHOLE = timedelta(hours=12)
"""What a wave's audience may take: customers are judged one after the other."""
RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(minutes=5))
REST = timedelta(seconds=5)
"""Between two passes, so that a busy channel's next few messages make one pass."""
AGAIN = timedelta(seconds=10)
AGAIN_MOST = timedelta(minutes=10)

T = TypeVar("T")
End = Literal["ended", "killed", "cancelled"]


@workflow.defn(name="campaign")
class Campaign:
    """One run of a campaign."""

    def __init__(self) -> None:
        self._stirred = False
        self._end: End | None = None
        self._told: dict[str, str] = {}

    @workflow.run
    async def run(self, start: CampaignStart) -> str:
        """Sends wave after wave and gives how it ended."""
        for number in range(start.wave, len(start.waves)):
            wave = start.waves[number]
            await self._until(start, wave)
            if self._end is None and workflow.now() >= wave.ends:
                self._tell(start, wave, "was over before it could begin, and is left out")
            elif self._end is None:
                await self._wave(start, wave)
            if self._end is not None:
                break
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(replace(start, wave=number + 1))
        end = self._end or "ended"
        request = EndRequest(start.run, start.name, end)
        await self._do(None, "end_campaign", request, f"ending the campaign: {end}", WHOLE)
        workflow.upsert_search_attributes([STEP.value_set(end)])
        return end

    @workflow.signal
    async def look(self) -> None:
        """Somebody has paused, resumed or killed the campaign, or the rules in force are others."""
        self._stirred = True

    @workflow.query
    def progress(self) -> str:
        """How far it has come, in words, a line for each wave so far."""
        return "\n".join(self._told.values())

    async def _until(self, start: CampaignStart, wave: WaveTimes) -> None:
        """Waits for the wave to begin, unless the campaign ends before."""
        while self._end is None and workflow.now() < wave.at:
            self._tell(start, wave, f"begins {wave.at:%Y-%m-%d %H:%M} UTC")
            await self._look(wave.at, f"waiting for {wave.label}")
            if self._end is None and workflow.now() < wave.at:
                request = WaveRequest(start.run, start.name, start.version, wave.id)
                found = await self._do(Batch, "look_at_campaign", request, "has somebody killed it?")
                self._heed(found)

    async def _wave(self, start: CampaignStart, wave: WaveTimes) -> None:
        """Plans one wave, sends it, and settles what has not left by its end."""
        workflow.upsert_search_attributes([STEP.value_set(wave.id)])
        request = WaveRequest(start.run, start.name, start.version, wave.id)
        self._tell(start, wave, "taking the audience")
        planned = await self._do(int, "plan_wave", request, f"{wave.label}: taking the audience", WHOLE)
        if await self._passes(start, wave, request, planned) == "over":
            await self._do(None, "end_wave", request, f"{wave.label}: settling what has not left")

    async def _passes(
        self, start: CampaignStart, wave: WaveTimes, request: WaveRequest, planned: int
    ) -> Literal["done", "over", "ended"]:
        """Asks for all open messages again and again, until none is open, or the wave or the campaign is over."""
        lap, left, pause = Counts(), 0, AGAIN
        self._tell(start, wave, f"{planned:,} customers")
        while self._end is None:
            batch = await self._do(Batch, "send_wave", request, f"{wave.label}: sending")
            lap, left = lap.plus(batch.done), left + batch.left
            self._heed(batch)
            so_far = batch.so_far or Counts()
            if batch.held:
                self._tell(start, wave, batch.held)
                await self._look(min(batch.until or wave.ends, wave.ends), "paused")
            elif batch.after is not None:
                request = replace(request, after=batch.after)
                self._tell(start, wave, lap.in_words(planned))
            elif batch.until is None:
                self._tell(start, wave, f"{so_far.in_words(planned)}; done")
                return "done"
            else:
                self._tell(start, wave, so_far.in_words(planned))
                # Messages that nobody would take are tried ever more slowly while nothing else gets through.
                pause = min(pause * 2, AGAIN_MOST) if left and lap == Counts() else AGAIN
                wake = workflow.now() + pause if left else max(batch.until, workflow.now() + REST)
                await self._look(min(wake, wave.ends), f"{wave.label}: until the next may leave")
                request, lap, left = replace(request, after=0), Counts(), 0
            if workflow.now() >= wave.ends:
                return "over"
        return "ended"

    def _heed(self, batch: Batch) -> None:
        if batch.held == "killed":
            self._end = self._end or "killed"

    async def _look(self, until: datetime, summary: str) -> None:
        """Waits until then, or until somebody has done something."""
        remaining = until - workflow.now()
        try:
            if self._end is None and remaining > timedelta(0):
                await workflow.wait_condition(lambda: self._stirred, timeout=remaining, timeout_summary=brief(summary))
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            self._end = self._end or "cancelled"
        self._stirred = False

    async def _do(
        self, result: type[T] | None, activity: str, request: object, summary: str, within: timedelta = BATCH
    ) -> T:
        """Lets an activity do its work, for as long as that takes; a cancellation waits for it."""
        work = asyncio.ensure_future(
            workflow.execute_activity(
                activity,
                request,
                result_type=result,
                start_to_close_timeout=within,
                heartbeat_timeout=HEARTBEAT,
                retry_policy=RETRY,
                summary=brief(summary),
            )
        )
        while not work.done():
            try:
                await asyncio.shield(work)
            except asyncio.CancelledError:
                self._end = self._end or "cancelled"
        done: T = work.result()
        return done

    def _tell(self, start: CampaignStart, wave: WaveTimes, what: str) -> None:
        number = [each.id for each in start.waves].index(wave.id) + 1
        self._told[wave.id] = f"Wave {number} of {len(start.waves)}, {wave.label}: {what}"
        workflow.set_current_details("\n\n".join(self._told.values()))
