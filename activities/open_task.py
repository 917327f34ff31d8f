"""Opens a task for a team, once for each key.

task: {id: call, team: sales, due: 4h}
"""

from dataclasses import dataclass

from temporalio import activity

from activities.context import Connection, Context
from engine.journeys.wire import Answer, TaskRequest
from engine.messages.record import end_journey

_OPEN = """
insert into tasks (key, journey_id, customer_id, order_id, task, team, title, opened_at, due_at)
select format('%%s/%%s/%%s', j.workflow_id, %(step)s::text, %(iteration)s::int), j.id, j.customer_id, j.order_id,
       %(task)s, %(team)s, %(title)s, %(at)s, %(due)s
  from journeys j where j.id = %(journey)s
on conflict (key) do nothing
"""


@dataclass(frozen=True)
class OpenTask:
    """The activity `open_task`."""

    context: Context

    @activity.defn(name="open_task")
    async def open_task(self, request: TaskRequest) -> Answer:
        """Opens the task and, if it is the last step, ends the journey with it."""
        await self.context.transaction(lambda connection: _open(connection, request))
        return Answer(request.at, "done")


def _open(connection: Connection, request: TaskRequest) -> None:
    connection.execute(
        _OPEN,
        {
            "step": request.step,
            "iteration": request.iteration,
            "task": request.task,
            "team": request.team,
            "title": request.title,
            "at": request.at,
            "due": request.due,
            "journey": request.journey,
        },
    )
    if request.ends is not None:
        end_journey(connection, request.journey, "ended", request.ends, request.at)
