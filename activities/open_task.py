"""Opens a task for a team, once for each key, unless its journey has been stopped.

task: {id: call, team: sales, due: 4h}
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from temporalio import activity

from activities.context import Connection, Context
from activities.journey_row import locked_journey, over
from engine.calendar.business import working_time
from engine.journeys.wire import Answer, TaskRequest
from engine.messages.record import end_journey

_OPEN = """
insert into tasks (key, journey_id, customer_id, order_id, task, team, title, opened_at, due_at)
values (%(key)s, %(journey)s, %(customer)s, %(order)s, %(task)s, %(team)s, %(title)s, %(at)s, %(due)s)
"""


@dataclass(frozen=True)
class OpenTask:
    """The activity `open_task`."""

    context: Context

    @activity.defn(name="open_task")
    async def open_task(self, request: TaskRequest) -> Answer:
        """Opens the task and, if it is the last step, ends the journey with it."""
        moment = self.context.moment(request.at, request.clock)
        return await self.context.transaction(lambda connection: self._open(connection, request, moment))

    def _open(self, connection: Connection, request: TaskRequest, moment: datetime) -> Answer:
        journey = locked_journey(connection, request.journey)
        key = f"{journey['workflow_id']}/{request.step}/{request.iteration}"
        if connection.execute("select from tasks where key = %s", (key,)).fetchone() is not None:
            return Answer(request.at, "done")
        stopped = over(self.context, connection, journey, moment)
        if stopped is not None:
            return Answer(moment, "skipped", "stopped", stopped=stopped)
        _insert(connection, request, journey, key, self._due(request))
        return Answer(request.at, "done")

    def _due(self, request: TaskRequest) -> datetime | None:
        if request.due is None or not request.business:
            return request.due
        return working_time(self.context.policy).after(request.at, request.due - request.at)


def _insert(
    connection: Connection, request: TaskRequest, journey: dict[str, Any], key: str, due: datetime | None
) -> None:
    connection.execute(
        _OPEN,
        {
            "key": key,
            "journey": request.journey,
            "customer": journey["customer_id"],
            "order": journey["order_id"],
            "task": request.task,
            "team": request.team,
            "title": request.title,
            "at": request.at,
            "due": due,
        },
    )
    if request.ends is not None:
        end_journey(connection, request.journey, "ended", request.ends, request.at)
