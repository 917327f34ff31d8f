"""Writes a journey's end where no other transaction has; a journey that failed leaves a task behind."""

from dataclasses import dataclass

from temporalio import activity

from activities.context import Connection, Context
from engine.journeys.wire import CloseRequest
from engine.messages import record

_TASK = """
insert into tasks (key, journey_id, customer_id, order_id, task, team, title, opened_at)
select j.workflow_id || '/failed', j.id, j.customer_id, j.order_id, 'journey-failed', 'operations',
       format('Journey %%s failed: %%s', j.workflow_id, %(outcome)s::text), %(at)s
  from journeys j where j.id = %(journey)s
on conflict (key) do nothing
"""


@dataclass(frozen=True)
class CloseJourney:
    """The activity `close_journey`."""

    context: Context

    @activity.defn(name="close_journey")
    async def close_journey(self, request: CloseRequest) -> None:
        """Ends the journey and what it held back."""
        await self.context.transaction(lambda connection: _close(connection, request))


def _close(connection: Connection, request: CloseRequest) -> None:
    record.end_journey(connection, request.journey, request.state, request.outcome, request.at)
    record.skip_waiting_messages(connection, request.journey, request.state, request.at)
    record.skip_waiting_calls(connection, request.journey, request.state, request.at)
    if request.state == "failed":
        if request.step is not None:
            record.fail_open_messages(connection, request.journey, request.step, request.outcome)
        connection.execute(_TASK, {"outcome": request.outcome, "at": request.at, "journey": request.journey})
