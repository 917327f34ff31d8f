"""Sets fields of the customer's record: told to the intake under the step's key, so it is a fact like any other, once.

update: {set: {locale: de-DE}}
"""

from dataclasses import dataclass
from datetime import datetime

from temporalio import activity

from activities.context import Connection, Context
from activities.in_force import InForce
from activities.outside import Begun, Outcome, begin, finish
from engine.dispatch.accept import accept
from engine.facts.events import Event, Refused
from engine.journeys.wire import Answer, CallRequest

# The customer as a shop calls her: the shop of the journey's order, else the one that has known her longest.
_CALLED = """
select s.key, i.key from journeys j
  join customer_identities i on i.customer_id = j.customer_id and i.platform = 'shop'
  join shops s on s.id = i.shop_id
  left join orders o on o.id = j.order_id
 where j.id = %s order by i.shop_id is distinct from o.shop_id, i.id limit 1
"""


@dataclass
class Update:
    """The activity `update`."""

    context: Context

    def __post_init__(self) -> None:
        self._in_force = InForce(self.context)

    @activity.defn(name="update")
    async def update(self, request: CallRequest) -> Answer:
        """Tells the change and, if it is the last step, ends the journey with it, in one transaction."""
        moment = self.context.moment(request.at, request.clock)
        return await self.context.transaction(lambda connection: self._update(connection, request, moment))

    def _update(self, connection: Connection, request: CallRequest, moment: datetime) -> Answer:
        begun = begin(self.context, connection, request, moment, "inside")
        if isinstance(begun, Answer):
            return begun
        return finish(connection, request, begun.key, self._told(connection, request, begun, moment), moment)

    def _told(self, connection: Connection, request: CallRequest, begun: Begun, moment: datetime) -> Outcome:
        known = {key: value for key, value in begun.given.items() if key not in request.looked_up or value is not None}
        called = connection.execute(_CALLED, (request.journey,)).fetchone()
        if called is None:
            return Outcome("failed", "customer_unknown")
        event = Event("customer.updated", f"step/{begun.key}", request.at, called[0], called[1], None, known)
        told = accept(connection, self._in_force.matcher(connection), event, moment)
        return Outcome("failed", "update_refused") if isinstance(told, Refused) else Outcome("done")
