"""Decides a condition of a journey as of a logical instant.

if: {spend_24mo: {gte: 500 EUR}}
"""

from dataclasses import dataclass

from pydantic import TypeAdapter
from temporalio import activity

from activities.asking import asking
from activities.context import Connection, Context
from engine.conditions.ast import Condition
from engine.journeys.wire import Answer, DecideRequest

_CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)


@dataclass(frozen=True)
class Decide:
    """The activity `decide`."""

    context: Context

    @activity.defn(name="decide")
    async def decide(self, request: DecideRequest) -> Answer:
        """Answers `true` or `false`."""
        truth = await self.context.transaction(lambda connection: self._decide(connection, request))
        return Answer(request.at, "true" if truth else "false")

    def _decide(self, connection: Connection, request: DecideRequest) -> bool:
        of = asking(self.context, connection, request.journey, request.at)
        condition = _CONDITION.validate_python(request.condition)
        return of.evaluator.holds(connection, condition, of.asked, of.zone)
