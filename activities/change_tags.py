"""Gives the customer tags, or takes them, in the playbook's name, and judges the customer anew.

tag: {add: win-back-warm, expires: 30d}
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import activity

from activities.context import Connection, Context
from activities.in_force import InForce
from activities.journey_row import locked_journey, over
from engine.dispatch.hand_tags import TagChange, change
from engine.journeys.wire import Answer, TagsRequest
from engine.messages.record import end_journey


@dataclass
class ChangeTags:
    """The activity `change_tags`."""

    context: Context

    def __post_init__(self) -> None:
        self._in_force = InForce(self.context)

    @activity.defn(name="change_tags")
    async def change_tags(self, request: TagsRequest) -> Answer:
        """Changes the tags and, if it is the last step, ends the journey with it. Done twice it changes nothing."""
        moment = self.context.moment(request.at, request.clock)
        return await self.context.transaction(lambda connection: self._change(connection, request, moment))

    def _change(self, connection: Connection, request: TagsRequest, moment: datetime) -> Answer:
        row = locked_journey(connection, request.journey)
        stopped = over(self.context, connection, row, moment)
        if stopped is not None and stopped != request.ends:  # its own end is what an attempt before this one wrote
            return Answer(moment, "skipped", "stopped", stopped=stopped)
        expires = None if request.expires is None else timedelta(seconds=request.expires)
        asked = TagChange(tuple(request.add), tuple(request.remove), f"playbook {row['playbook']}", request.at, expires)
        change(connection, self._in_force.matcher(connection), row["customer_id"], asked, moment)
        if request.ends is not None:
            end_journey(connection, request.journey, "ended", request.ends, moment)
        return Answer(moment, "done")  # as of then the customer has been judged anew: what follows sees the tags
