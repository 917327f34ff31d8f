"""What a reservation must know, read under lock in one round trip.

The lock leaves the keys alone: the database's own checks of references take those of a customer after her message's,
and with them this order would be a ring. Each statement sees what was committed when it began, so those after the lock
see all that was done under it before. What is paused is locked too: whoever lets it go on waits for a message that is
just being held back by it, and so finds the instant that it waits for.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import dict_row

from engine.journeys.wire import DeliverRequest
from engine.messages.caps import Other, waits

Row = Mapping[str, Any]

_SUBJECT = """
select j.workflow_id, j.playbook, j.subject, j.subject_id, j.customer_id, j.order_id, j.state, j.outcome, j.stopped_at,
       j.started_at, j.paused_at, e.kind as started_by, c.key as customer_key, c.email, c.phone,
       coalesce(c.zone, s.zone) as zone, coalesce(c.country, s.country) as country,
       coalesce(o.number, c.key) as subject_key
  from journeys j
  join customers c on c.id = j.customer_id
  left join events e on e.id = j.event_id
  left join orders o on o.id = j.order_id
  left join shops s on s.id = coalesce(o.shop_id, (select i.shop_id from customer_identities i
                                                    where i.customer_id = c.id order by i.id limit 1))
 where j.id = %(journey)s
   for no key update of c, j
"""
_EXISTING = """
select id, state, reason, channel, at, places from messages
 where journey_id = %(journey)s and step = %(step)s and iteration = %(iteration)s order by id for update
"""
_CONTROLS = """
select c.playbook, c.state, c.at from playbook_controls c
 where c.playbook in ('*', (select playbook from journeys where id = %(journey)s)) order by c.playbook <> '*'
   for share of c
"""
_CUSTOMER = "(select customer_id from journeys where id = %(journey)s)"
_SUPPRESSED = f"""
select channel from suppressions
 where customer_id = {_CUSTOMER} and since <= %(moment)s and (until is null or until > %(moment)s)
"""  # noqa: S608 - a constant
_CONSENTS = f"""
select channel, granted from consents
 where customer_id = {_CUSTOMER} and purpose = %(purpose)s and (at is null or at <= %(moment)s)
 order by at desc nulls last, (channel = '*'), id desc
"""  # noqa: S608 - a constant
_OTHERS = f"""
select purpose, channel, at, until, reason from messages
 where customer_id = {_CUSTOMER}
   and (state = 'deferred' or (at > %(since)s and state in ('reserved', 'in_flight', 'sent', 'in_doubt')))
   and not (journey_id = %(journey)s and step = %(step)s and iteration = %(iteration)s)
"""  # noqa: S608 - a constant


class Known(NamedTuple):
    """One customer's state under her lock.

    Attributes:
        subject: the journey, its customer and what it is about.
        existing: what has become of this send already.
        controls: what operators have paused or killed of its playbook, and of all.
        suppressed: channels on which she must not be reached, or `*`.
        consents: channel (or `*`) and answer, the one that counts first.
        others: her other messages, as caps count them.
    """

    subject: dict[str, Any]
    existing: list[dict[str, Any]]
    controls: list[dict[str, Any]]
    suppressed: frozenset[str]
    consents: list[tuple[str, bool]]
    others: tuple[Other, ...]


def read_known(
    connection: psycopg.Connection[Any],
    request: DeliverRequest,
    purpose: str,
    moment: datetime,
    back: timedelta | None,
) -> Known | None:
    """Locks the customer, the journey and the message, in this order, and reads; none if there is no such journey.

    Args:
        connection: in the caller's transaction.
        request: the send that is asked for.
        purpose: whose consent is asked.
        moment: as of when.
        back: how far back other messages matter; none or nothing: not at all.
    """
    values = {
        "journey": request.journey,
        "step": request.step,
        "iteration": request.iteration,
        "purpose": purpose,
        "moment": moment,
        "since": moment - (back or timedelta()),
    }
    with connection.pipeline():
        subject = connection.cursor(row_factory=dict_row).execute(_SUBJECT, values)
        existing = connection.cursor(row_factory=dict_row).execute(_EXISTING, values)
        controls = connection.cursor(row_factory=dict_row).execute(_CONTROLS, values)
        suppressed = connection.execute(_SUPPRESSED, values)
        consents = connection.execute(_CONSENTS, values)
        others = connection.execute(_OTHERS, values) if back else None
    found = subject.fetchone()
    if found is None:
        return None
    return Known(
        found,
        existing.fetchall(),
        controls.fetchall(),
        frozenset(row[0] for row in suppressed),
        consents.fetchall(),
        tuple(Other(*row) for row in others or () if row[3] is None or waits(row[4])),
    )
