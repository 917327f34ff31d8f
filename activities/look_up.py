"""Looks up when a moment is that a journey waits for: a date of its subject's, by the customer's calendar.

wait: {until: {date: order.estimated_at, offset: -1d, at: "10:00"}}
"""

from dataclasses import dataclass
from datetime import datetime

from temporalio import activity

from activities.asking import asking
from activities.context import Connection, Context
from engine.calendar.business import working_time
from engine.facts.products import longest_days
from engine.facts.read import read_zone
from engine.journeys.due import looked_up
from engine.journeys.plan import When
from engine.journeys.wire import Answer, LookUpRequest


@dataclass(frozen=True)
class LookUp:
    """The activity `look_up`."""

    context: Context

    @activity.defn(name="look_up")
    async def look_up(self, request: LookUpRequest) -> Answer:
        """Answers `due` with the instant, or `unknown`."""
        found = await self.context.transaction(lambda connection: self._look_up(connection, request))
        return Answer(request.at, "unknown" if found is None else "due", until=found)

    def _look_up(self, connection: Connection, request: LookUpRequest) -> datetime | None:
        of = asking(self.context, connection, request.journey, request.at)
        return looked_up(
            When.model_validate(request.when),
            request.since,
            lambda name: of.value(connection, name),
            lambda length: None if of.order is None else longest_days(connection, of.order, length),
            read_zone(connection, of.asked.customer, otherwise=of.zone),
            working_time(self.context.policy),
        )
