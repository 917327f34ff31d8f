"""Writes the ledger of points: gives, takes, or takes back what an order earned; once for each key.

points: {add: {of: order.total, per: 1 EUR}, pending: 14d, expires: 365d}
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import activity

from activities.context import Connection, Context
from activities.in_force import InForce
from activities.outside import Begun, Outcome, begin, finish
from engine.dispatch.hand_tags import judged_after
from engine.facts import points
from engine.facts.ledger import counted
from engine.journeys.wire import Answer, CallRequest

_ORDER = (
    "select o.id, o.currency, o.total_minor from journeys j left join orders o on o.id = j.order_id where j.id = %s"
)
_REFUNDED = """
select coalesce(sum(refund_minor), 0) from returns
 where order_id = %s and refunded_at <= %s and currency is not distinct from %s
"""


@dataclass
class Points:
    """The activity `points`."""

    context: Context

    def __post_init__(self) -> None:
        self._in_force = InForce(self.context)

    @activity.defn(name="points")
    async def points(self, request: CallRequest) -> Answer:
        """Writes the entries and, if it is the last step, ends the journey with it, in one transaction.

        Taking fails for good with `not_enough_points`; giving fails with `currency_unknown` where no amount of the
        order's currency is told, and with `amount_unknown` where there is nothing to count by.
        """
        moment = self.context.moment(request.at, request.clock)
        return await self.context.transaction(lambda connection: self._points(connection, request, moment))

    def _points(self, connection: Connection, request: CallRequest, moment: datetime) -> Answer:
        begun = begin(self.context, connection, request, moment, "given")
        if isinstance(begun, Answer):
            return begun
        outcome: list[Outcome] = []
        judged_after(
            connection,
            self._in_force.matcher(connection),
            begun.customer,
            moment,
            lambda: outcome.append(_written(connection, request, begun)),
        )
        return finish(connection, request, begun.key, outcome[0], moment)


def _written(connection: Connection, request: CallRequest, begun: Begun) -> Outcome:
    given, at = begun.given, request.at
    row = connection.execute(_ORDER, (request.journey,)).fetchone()
    order, currency, total = row if row is not None else (None, None, None)
    if "take" in given:
        taken = points.spend(connection, begun.customer, begun.key, given["take"], at)
        return Outcome("done") if taken else Outcome("failed", "not_enough_points")
    if "reverse" in given:
        share = (1, 1)
        if given["reverse"] == "refunded":
            refunded = connection.execute(_REFUNDED, (order, at, currency)).fetchone()
            share = (int(refunded[0]) if refunded else 0, total or 0)
        if order is not None:
            points.reverse(connection, begun.customer, begun.key, order, at, share)
        return Outcome("done")
    many = given["add"] if "add" in given else counted(given, currency)
    if isinstance(many, str):
        return Outcome("failed", many)
    if many > 0:
        lot = points.New(
            begun.key,
            "earn",
            many,
            at,
            available_at=at + timedelta(seconds=given.get("pending", 0)),
            expires_at=at + timedelta(seconds=given["expires"]) if "expires" in given else None,
            order_id=order,
        )
        points.write(connection, begun.customer, lot)
    return Outcome("done")
