"""Starts another playbook for the subject of a journey, or for its customer, once, if that playbook's terms allow it.

start: {playbook: bad-review-recovery}
"""

from dataclasses import dataclass
from datetime import datetime

from temporalio import activity

from activities.context import Connection, Context
from activities.in_force import InForce
from activities.outside import Begun, Outcome, begin, finish
from engine.dispatch.match import Happening
from engine.dispatch.versions import publish
from engine.journeys.wire import Answer, CallRequest

_SUBJECT = "select subject, subject_id, customer_id, order_id from journeys where id = %s"


@dataclass
class Start:
    """The activity `start`."""

    context: Context

    def __post_init__(self) -> None:
        self._in_force = InForce(self.context)

    @activity.defn(name="start")
    async def start(self, request: CallRequest) -> Answer:
        """Starts the playbook of the rules in force and, if it is the last step, ends the journey with it.

        It is skipped, with `not_live`, where the playbook is none that starts journeys, and with `not_allowed` where
        its `only_if`, `once_per` or another journey of this subject stands against it.
        """
        moment = self.context.moment(request.at, request.clock)
        return await self.context.transaction(lambda connection: self._start(connection, request, moment))

    def _start(self, connection: Connection, request: CallRequest, moment: datetime) -> Answer:
        begun = begin(self.context, connection, request, moment, "inside")
        if isinstance(begun, Answer):
            return begun
        why = self._why_not(connection, request, begun, moment)
        return finish(connection, request, begun.key, Outcome("done", why), moment, skipped=why is not None)

    def _why_not(self, connection: Connection, request: CallRequest, begun: Begun, moment: datetime) -> str | None:
        """Starts it; or why it was not started."""
        matcher = self._in_force.matcher(connection)
        plan = matcher.rules.plans.get(begun.given["playbook"])
        if plan is None or not plan.starts:
            return "not_live"
        row = connection.execute(_SUBJECT, (request.journey,)).fetchone()
        assert row is not None  # it is locked
        subject, subject_id, customer, order = row
        happening = Happening(
            None,
            "",
            request.at,
            moment,
            customer,
            order,
            dict,
            shipment_id=subject_id if subject == "shipment" else None,
            case_id=subject_id if subject == "case" else None,
        )
        publish(connection, matcher.rules)
        return None if matcher.start(connection, plan, happening) is not None else "not_allowed"
