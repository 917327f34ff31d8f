"""Opens a task for a team, once for each key, unless its journey has been stopped.

task: {id: call, team: sales, due: 4h}
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.context import Connection, Context
from engine.journeys.wire import Answer, TaskRequest
from engine.messages.record import end_journey
from engine.messages.stop import find_stop, write_stop

# The customer's lock, as intake takes it: a payment and a task are one after the other.
_JOURNEY = """
select j.workflow_id, j.version, j.playbook, j.customer_id, j.order_id, j.state, j.outcome, j.stopped_at, j.started_at,
       e.kind as started_by
  from journeys j join customers c on c.id = j.customer_id left join events e on e.id = j.event_id
 where j.id = %s
   for update of c, j
"""
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
        with connection.cursor(row_factory=dict_row) as cursor:
            journey = cursor.execute(_JOURNEY, (request.journey,)).fetchone()
        if journey is None:
            raise ApplicationError(
                f"journey {request.journey} is not in the database", type="no_journey", non_retryable=True
            )
        key = f"{journey['workflow_id']}/{request.step}/{request.iteration}"
        if connection.execute("select from tasks where key = %s", (key,)).fetchone() is not None:
            return Answer(request.at, "done")
        stopped = self._over(connection, request, journey, moment)
        if stopped is not None:
            return Answer(moment, "skipped", "stopped", stopped=stopped)
        _insert(connection, request, journey, key)
        return Answer(request.at, "done")

    def _over(
        self, connection: Connection, request: TaskRequest, journey: dict[str, Any], moment: datetime
    ) -> str | None:
        """Why nothing of this journey may happen any more."""
        plan = self.context.versions.plan(connection, journey["version"], journey["playbook"])
        stop = find_stop(connection, journey, plan, moment, self.context.reporting.matcher(connection))
        if stop is not None:
            write_stop(connection, request.journey, stop)
            return stop.event
        return None if journey["state"] == "running" else str(journey["outcome"])


def _insert(connection: Connection, request: TaskRequest, journey: dict[str, Any], key: str) -> None:
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
            "due": request.due,
        },
    )
    if request.ends is not None:
        end_journey(connection, request.journey, "ended", request.ends, request.at)
