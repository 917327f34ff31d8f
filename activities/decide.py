"""Decides a condition of a journey as of a logical instant.

if: {spend_24mo: {gte: 500 EUR}}
"""

from dataclasses import dataclass

from pydantic import TypeAdapter
from temporalio import activity

from activities.context import Connection, Context
from engine.conditions.ast import Condition
from engine.facts.evaluate import Asked, evaluator
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
        row = connection.execute(
            "select version, customer_id, subject, subject_id from journeys where id = %s", (request.journey,)
        ).fetchone()
        if row is None:
            raise LookupError(f"journey {request.journey} is not in the database")
        version, customer, subject, subject_id = row
        rules = self.context.versions.get(connection, version)
        asked = Asked(customer, subject, subject_id, request.at, journey=request.journey)
        condition = _CONDITION.validate_python(request.condition)
        currency = self.context.reporting.matcher(connection).currency
        asking = evaluator(rules.catalogue, currency, rules.words)
        return asking.holds(connection, condition, asked, self.context.policy.zone)
