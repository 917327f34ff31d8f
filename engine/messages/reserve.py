"""Reserve: may this message leave now? Asked under lock, as of one moment, and answered once and for all.

The lock is the customer's row, the same that the intake of an event takes: a payment and a reminder are one after the
other. Locks are taken in one order: the customer, the journey, the message, then what all customers share (capacities,
then the channel's limit), which are held only until the commit. What is asked, and in which order, says `deciding.py`.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg

from engine.facts.evaluate import Asked, evaluator
from engine.facts.since import Occurrence
from engine.journeys.plan import Trigger
from engine.journeys.wire import DeliverRequest
from engine.messages.capacities import ask_for_places, count
from engine.messages.caps import look_back
from engine.messages.channel_limit import take
from engine.messages.deciding import Deciding
from engine.messages.decision import Known, NotBefore, Proceed, Reservation, Settled, Terms, condition_of
from engine.messages.known import read_known
from engine.messages.places import Given, Wish
from engine.messages.stop import find_stop, occurred, write_stop
from engine.messages.tokens import Claim, Queued, Token
from engine.policy import Hold, Limit

__all__ = ["NotBefore", "Proceed", "Reservation", "Reserving", "Settled", "Terms", "reserve"]

_PUT = """
insert into messages (key, journey_id, customer_id, playbook, step, iteration, channel, purpose, state, reason,
                      due_at, at, until, provider, attempts, places)
values (%(key)s, %(journey)s, %(customer)s, %(playbook)s, %(step)s, %(iteration)s, %(channel)s, %(purpose)s,
        %(state)s, %(reason)s, %(due)s, %(at)s, %(until)s, %(provider)s, %(attempts)s,
        coalesce(%(places)s::text[], '{}'))
on conflict (journey_id, step, iteration, channel) do update
   set state = excluded.state, reason = excluded.reason, at = excluded.at, until = excluded.until,
       provider = excluded.provider, attempts = messages.attempts + excluded.attempts,
       places = coalesce(%(places)s::text[], messages.places), updated_at = now()
returning id, attempts
"""
_MOVE = """
update messages set channel = %(channel)s, key = %(key)s
 where journey_id = %(journey)s and step = %(step)s and iteration = %(iteration)s and channel = %(chosen)s
   and state in ('planned', 'reserved', 'deferred')
"""


def reserve(
    connection: psycopg.Connection[Any], request: DeliverRequest, terms: Terms, moment: datetime
) -> Reservation:
    """Decides one send as of `moment` and records the decision. The caller commits.

    Raises:
        LookupError: there is no such journey.
    """
    purpose = terms.plan.controls.purpose
    back = None if terms.policy.transactional(purpose) else look_back(terms.policy)
    known = read_known(connection, request, purpose, moment, back)
    if known is None:
        raise LookupError(f"journey {request.journey} is not in the database")
    return Reserving(connection, request, terms, moment, known).decide()


class Reserving(Deciding):
    """A decision over the database, in the caller's transaction."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        request: DeliverRequest,
        terms: Terms,
        moment: datetime,
        known: Known,
    ) -> None:
        super().__init__(request, terms, moment, known)
        self.connection = connection

    def _stop(self) -> Occurrence | None:
        return find_stop(self.connection, self.subject, self.terms.plan, self.moment, self.terms.matcher)

    def _write_stop(self, stop: Occurrence) -> None:
        write_stop(self.connection, self.request.journey, stop)

    def _occurred(self, triggers: Sequence[Trigger]) -> bool:
        return occurred(self.connection, self.subject, triggers, self.moment, self.terms.matcher)

    def _holds(self, hold: Hold) -> bool:
        rules, customer = self.terms.rules, self.subject["customer_id"]
        asking = evaluator(rules.catalogue, self.terms.matcher.currency, rules.words)
        asked = Asked(customer, "customer", customer, self.moment)
        return asking.holds(self.connection, condition_of(hold), asked, self.policy.zone)

    def _find_places(self, wish: Wish, own: Collection[str], *, promised: bool) -> Given:
        return ask_for_places(self.connection, self.policy, wish, self.moment, own, promised=promised)

    def _take(self, channel: str, limit: Limit, claim: Claim) -> Token | Queued:
        return take(self.connection, channel, limit, self.moment, claim)

    def _write(self, values: Mapping[str, Any]) -> tuple[int, int]:
        places, channel = values["places"], values["channel"]
        with self.connection.pipeline():
            if places is not None:
                held, deferred = self._held_places(), values["state"] == "deferred"
                count(self.connection, held, places, were_promised=self._promised(), are_promised=deferred)
            if self.chosen is not None and self.chosen != channel:
                # One send is one row, also when it takes another channel than the one it was held back or tried on.
                self.connection.execute(_MOVE, {**values, "chosen": self.chosen})
            written = self.connection.execute(_PUT, values)
        row = written.fetchone()
        if row is None:
            raise LookupError("an upsert always returns its row")
        return int(row[0]), int(row[1])
