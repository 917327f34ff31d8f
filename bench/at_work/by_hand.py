"""What the playbook `two-sends` says, as somebody would write it by hand with Temporal's SDK."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from engine.journeys import wire

QUEUE = "by-hand"
WORKFLOW = "two-sends-by-hand"
_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(minutes=10)
)


@dataclass(frozen=True)
class Reminders:
    """Which journey's row the sends are reserved for."""

    journey: int


@workflow.defn(name=WORKFLOW)
class TwoSends:
    """Two waits and two sends, which go through the engine's own activity: the same reserve and record."""

    @workflow.run
    async def run(self, reminders: Reminders) -> str:
        """Reminds twice."""
        for step in ("first", "second"):
            await asyncio.sleep(2)
            await self._send(reminders.journey, step, workflow.now())
        return "ended"

    async def _send(self, journey: int, step: str, at: datetime) -> None:
        request = wire.DeliverRequest(
            journey=journey,
            step=step,
            iteration=1,
            at=at,
            due=at,
            channels=["email"],
            template="reminder",
            clock="timers",
            ends="ended" if step == "second" else None,
        )
        await workflow.execute_activity(
            "deliver",
            request,
            result_type=wire.Answer,
            start_to_close_timeout=timedelta(seconds=60),
            heartbeat_timeout=timedelta(seconds=8),
            schedule_to_close_timeout=timedelta(days=1),
            retry_policy=_RETRY,
        )
