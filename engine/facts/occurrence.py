"""Whether something has happened to a subject, from the facts themselves.

A journey's stop is asked here, not of its signals: a payment counts from the moment its transaction commits, also while
the signal is on its way and when the fact came by an import that sends none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import psycopg
from psycopg.rows import dict_row

from engine.facts.matching import EventMatcher, Fields
from engine.journeys.plan import ChangeTrigger, EventTrigger, Trigger

# An order's own happenings are columns of its row; imported orders have no rows in events. Each happens once, so of one
# order they count whenever they were: what was paid before it was heard of is paid.
_SQL = """
select v.kind, v.at, jsonb_strip_nulls(jsonb_build_object(
         'payment_method', o.payment_method, 'channel', o.channel, 'platform', o.platform,
         'total', case when o.total_minor is not null and o.currency = %(currency)s then o.total_minor end)) as data
  from orders o
 cross join lateral (values ('order.placed', o.placed_at), ('order.paid', o.paid_at), ('order.packed', o.packed_at),
                            ('order.shipped', o.shipped_at), ('order.delivered', o.delivered_at),
                            ('order.cancelled', o.cancelled_at)) v (kind, at)
 where o.customer_id = %(customer)s and (%(order)s::bigint is null or o.id = %(order)s)
   and v.kind = any(%(kinds)s) and v.at <= %(until)s
   and (%(order)s::bigint is not null or v.at > %(since)s
        or (v.at = %(since)s and v.kind is distinct from %(started_by)s))
union all
select e.kind, e.at, e.data
  from events e
 where e.customer_id = %(customer)s and (%(order)s::bigint is null or e.order_id = %(order)s)
   and e.kind = any(%(kinds)s) and e.kind not like 'order.%%'
   and e.at <= %(until)s and (e.at > %(since)s or (e.at = %(since)s and e.kind is distinct from %(started_by)s))
 order by 2, 1
"""

_CHANGES = """
select kind, "from", "to", coalesce((evidence ->> 'rises')::boolean, false), at from standing_changes
 where customer_id = %(customer)s and kind = any(%(kinds)s) and at > %(since)s and at <= %(until)s order by at, id
"""


@dataclass(frozen=True)
class Occurrence:
    """An event of the subject and its instant."""

    event: str
    at: datetime


@dataclass(frozen=True)
class Since:
    """When a journey began and the kind of event that started it, which does not count as a later one of its kind."""

    at: datetime
    started_by: str | None = None


@dataclass(frozen=True)
class Whose:
    """Whose events count: the customer's, or only those of one order."""

    customer_id: int
    order_id: int | None = None


def first_occurrence(
    connection: psycopg.Connection[Any],
    triggers: Sequence[Trigger],
    whose: Whose,
    *,
    since: Since,
    until: datetime,
    matcher: EventMatcher,
) -> Occurrence | None:
    """The earliest event or change in [since, until] that one of the triggers names, or none.

    The instants of a single order count from before `since` too.

    Args:
        connection: reads in the caller's transaction.
        triggers: events with optional conditions over their fields.
        whose: the subject.
        since: inclusive, but for events of the kind that started the journey.
        until: inclusive.
        matcher: decides a trigger's condition over an event's fields.
    """
    found = (
        _first_event(connection, triggers, whose, since, until, matcher),
        _first_change(connection, triggers, whose, since, until),
    )
    return min((each for each in found if each is not None), key=lambda each: each.at, default=None)


def change_name(kind: str, before: str | None, after: str | None) -> str:
    """A change of standing as journeys name what stopped them: `stage active -> sleeping`, `segment -> dormant`."""
    return " ".join(part for part in (kind, before, "->", after) if part)


def _first_event(
    connection: psycopg.Connection[Any],
    triggers: Sequence[Trigger],
    whose: Whose,
    since: Since,
    until: datetime,
    matcher: EventMatcher,
) -> Occurrence | None:
    kinds = sorted({trigger.event for trigger in triggers if isinstance(trigger, EventTrigger)})
    if not kinds:
        return None
    parameters = {
        "customer": whose.customer_id,
        "order": whose.order_id,
        "kinds": kinds,
        "since": since.at,
        "started_by": since.started_by,
        "until": until,
        "currency": matcher.currency,
    }
    with connection.cursor(row_factory=dict_row) as cursor:
        for row in cursor.execute(_SQL, parameters):
            if matcher.triggered(triggers, row["kind"], partial(_fields, matcher, row)):
                return Occurrence(row["kind"], row["at"])
    return None


def _first_change(
    connection: psycopg.Connection[Any], triggers: Sequence[Trigger], whose: Whose, since: Since, until: datetime
) -> Occurrence | None:
    """Changes of the instant at which the journey began do not count: one of them may have started it."""
    changes = [trigger for trigger in triggers if isinstance(trigger, ChangeTrigger)]
    if not changes:
        return None
    kinds = sorted({trigger.kind for trigger in changes})
    parameters = {"customer": whose.customer_id, "kinds": kinds, "since": since.at, "until": until}
    for kind, before, after, rises, at in connection.execute(_CHANGES, parameters):
        if any(trigger.means(kind, before, after, rises=rises) for trigger in changes):
            return Occurrence(change_name(kind, before, after), at)
    return None


def _fields(matcher: EventMatcher, row: dict[str, Any]) -> Fields:
    """An order's own fields are comparable as they are; an event's data is read by its contract."""
    data: dict[str, Any] = row["data"]
    return data if row["kind"].startswith("order.") else matcher.fields(row["kind"], data)
