"""Settles what a send or call has left open when its retries are used up and its journey goes on with other steps."""

from dataclasses import dataclass

from temporalio import activity

from activities.context import Connection, Context
from engine.journeys.wire import GiveUpRequest
from engine.messages import record


@dataclass(frozen=True)
class GiveUp:
    """The activity `give_up`."""

    context: Context

    @activity.defn(name="give_up")
    async def give_up(self, request: GiveUpRequest) -> None:
        """What was reserved has failed, and what was under way is in doubt: no late attempt sends it any more."""
        await self.context.transaction(lambda connection: _give_up(connection, request))


def _give_up(connection: Connection, request: GiveUpRequest) -> None:
    record.fail_open_messages(connection, request.journey, request.step, request.reason)
    record.fail_open_calls(connection, request.journey, request.step, request.reason)
