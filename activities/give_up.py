"""Settles what a send or call has left open when its retries are used up and its journey goes on with other steps."""

from dataclasses import dataclass

from temporalio import activity

from activities.context import Connection, Context
from engine.journeys.plan import Call
from engine.journeys.wire import GiveUpRequest
from engine.messages import record


@dataclass(frozen=True)
class GiveUp:
    """The activity `give_up`."""

    context: Context

    @activity.defn(name="give_up")
    async def give_up(self, request: GiveUpRequest) -> None:
        """What was reserved has failed, and what was under way is in doubt: no late attempt sends it any more."""
        await self.context.transaction(lambda connection: _give_up(self.context, connection, request))


def _give_up(context: Context, connection: Connection, request: GiveUpRequest) -> None:
    record.fail_open_messages(connection, request.journey, request.step, request.reason)
    once = _once(context, connection, request)
    record.fail_open_calls(connection, request.journey, request.step, request.reason, once=once)


def _once(context: Context, connection: Connection, request: GiveUpRequest) -> bool:
    """Whether the step must be done once; rules that this engine cannot compile any more do not say so."""
    row = connection.execute("select version, playbook from journeys where id = %s", (request.journey,)).fetchone()
    plan = context.versions.find(connection, *row) if row is not None else None
    steps = plan.code if plan is not None else ()
    return any(
        isinstance(step, Call) and step.id == request.step and step.idempotency == "once, in doubt is held"
        for step in steps
    )
