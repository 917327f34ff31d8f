"""Gives the customer a code out of a pool, one for each key; the codes themselves stay in the database.

coupon: {id: gift, pool: comeback-15, expires: 14d}
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import activity

from activities.context import Connection, Context
from activities.in_force import InForce
from activities.outside import Begun, Outcome, begin, finish
from engine.calendar.local import end_of_day
from engine.dispatch.hand_tags import judged_after
from engine.facts.read import read_zone
from engine.journeys.wire import Answer, CallRequest

_FREE = """
select id from coupons
 where pool = %(pool)s and customer_id is null and redeemed_at is null and (expires_at is null or expires_at > %(at)s)
 order by expires_at nulls last, id limit 1 for update
"""
# Codes that another transaction is giving away right now are passed over, so that nobody waits for the first one.
_FREE_NOW = f"{_FREE.rstrip()} skip locked"
_GIVE = """
update coupons set customer_id = %(customer)s, key = %(key)s, issued_at = %(at)s,
       expires_at = least(expires_at, %(expires)s::timestamptz)
 where id = %(id)s
"""
_GIVEN = "select count(*) from coupons where pool = %(pool)s and customer_id = %(customer)s"


@dataclass
class Coupon:
    """The activity `coupon`."""

    context: Context

    def __post_init__(self) -> None:
        self._in_force = InForce(self.context)

    @activity.defn(name="coupon")
    async def coupon(self, request: CallRequest) -> Answer:
        """Gives a coupon and, if it is the last step, ends the journey with it, in one transaction.

        It fails for good, with a reason that playbooks can act on by `on_failure`, where the pool is empty or the
        customer has had as many of it as the pool allows.
        """
        moment = self.context.moment(request.at, request.clock)
        return await self.context.transaction(lambda connection: self._coupon(connection, request, moment))

    def _coupon(self, connection: Connection, request: CallRequest, moment: datetime) -> Answer:
        begun = begin(self.context, connection, request, moment, "given")
        if isinstance(begun, Answer):
            return begun
        return finish(connection, request, begun.key, self._given(connection, begun, request.at, moment), moment)

    def _given(self, connection: Connection, begun: Begun, at: datetime, moment: datetime) -> Outcome:
        pool, limit = begun.given["pool"], begun.given.get("per_customer")
        values = {"pool": pool, "customer": begun.customer, "key": begun.key, "at": at}
        if limit is not None:
            row = connection.execute(_GIVEN, values).fetchone()
            if row is not None and row[0] >= limit:
                return Outcome("failed", "limit_reached")
        free = connection.execute(_FREE_NOW, values).fetchone() or connection.execute(_FREE, values).fetchone()
        if free is None:
            return Outcome("failed", "pool_empty")
        values |= {"id": free[0], "expires": self._expires(connection, begun, at)}
        judged_after(
            connection,
            self._in_force.matcher(connection),
            begun.customer,
            moment,
            lambda: connection.execute(_GIVE, values),
        )
        return Outcome("done")

    def _expires(self, connection: Connection, begun: Begun, at: datetime) -> datetime | None:
        """The end of the customer's day on which its time is over; none if it has no end."""
        seconds = begun.given.get("expires")
        if seconds is None:
            return None
        name = read_zone(connection, begun.customer, otherwise=self.context.policy.zone)
        return end_of_day(at + timedelta(seconds=seconds), name)
