"""Moves a task that is still open to another team.

task: {move: answer, to: support-lead, due: 4h}
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import activity

from activities.context import Connection, Context
from activities.outside import Begun, Outcome, begin, finish
from engine.calendar.business import working_time
from engine.journeys.wire import Answer, CallRequest

_TASK = """
select id, closed_at from tasks where journey_id = %s and task = %s order by opened_at desc, id desc limit 1 for update
"""
_MOVE = "update tasks set team = %s, due_at = coalesce(%s, due_at) where id = %s"


@dataclass(frozen=True)
class Move:
    """The activity `move`."""

    context: Context

    @activity.defn(name="move")
    async def move(self, request: CallRequest) -> Answer:
        """Moves the task that the step has opened last and, if it is the last step, ends the journey with it.

        It is skipped, with `task_closed`, where somebody has closed it, and with `task_not_opened` where the journey
        has not opened it.
        """
        moment = self.context.moment(request.at, request.clock)
        return await self.context.transaction(lambda connection: self._move(connection, request, moment))

    def _move(self, connection: Connection, request: CallRequest, moment: datetime) -> Answer:
        begun = begin(self.context, connection, request, moment, "inside")
        if isinstance(begun, Answer):
            return begun
        row = connection.execute(_TASK, (request.journey, begun.given["task"])).fetchone()
        if row is None or row[1] is not None:
            why = "task_not_opened" if row is None else "task_closed"
            return finish(connection, request, begun.key, Outcome("done", why), moment, skipped=True)
        connection.execute(_MOVE, (begun.given["to"], self._due(begun, request.at), row[0]))
        return finish(connection, request, begun.key, Outcome("done"), moment)

    def _due(self, begun: Begun, at: datetime) -> datetime | None:
        seconds = begun.given.get("due")
        if seconds is None:
            return None
        length = timedelta(seconds=seconds)
        return working_time(self.context.policy).after(at, length) if begun.given.get("business") else at + length
