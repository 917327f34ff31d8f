"""Slices of an evaluation of everybody: `regulars evaluate --slices 12` splits it over all workers.

A worker takes one slice at a time, on a thread of its own. It is left after a chunk of customers when the worker is to
end, and taken up where it was left, here or by another worker.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.beating import heartbeats
from activities.context import Context
from engine.dispatch.in_force import MovedOnError
from engine.evaluation.sliced import Slices, StoppedError
from engine.evaluation.wire import MOVED_ON, SliceRequest


@dataclass(frozen=True)
class Evaluate:
    """The activities of an evaluation."""

    context: Context

    @activity.defn(name="gather_slice")
    async def gather(self, request: SliceRequest) -> None:
        """Keeps the values of a slice's customers that cut-offs are computed from."""
        await self._work(request, lambda slices: slices.gather(request.slice))

    @activity.defn(name="publish_cut_offs")
    async def publish(self, request: SliceRequest) -> None:
        """Publishes the cut-offs of all slices together."""
        await self._work(request, Slices.publish)

    @activity.defn(name="judge_slice")
    async def judge(self, request: SliceRequest) -> None:
        """Judges a slice's customers."""
        await self._work(request, lambda slices: slices.judge(request.slice))

    @activity.defn(name="finish_evaluation")
    async def finish(self, request: SliceRequest) -> None:
        """Starts the journeys that follow, or holds them where they are too many at once."""
        await self._work(request, Slices.finish)

    async def _work(self, request: SliceRequest, work: Callable[[Slices], None]) -> None:
        stopped = threading.Event()
        async with heartbeats():
            working = asyncio.create_task(asyncio.to_thread(self._on_a_thread, request, work, stopped))
            try:
                while not working.done() and not activity.is_worker_shutdown():
                    await asyncio.wait([working], timeout=1)
            finally:
                stopped.set()
            try:
                await working
            except StoppedError:
                raise ApplicationError("the worker ends; another goes on", type="worker_ends") from None
            except MovedOnError as error:
                raise ApplicationError(str(error), type=MOVED_ON, non_retryable=True) from None

    def _on_a_thread(self, request: SliceRequest, work: Callable[[Slices], None], stopped: threading.Event) -> None:
        with self.context.pool.connection() as connection:
            work(Slices(connection, self.context.versions, request.run, lambda: not stopped.is_set()))
