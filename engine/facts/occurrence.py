"""Whether something has happened to a subject, from the facts themselves.

A journey's stop is asked here, not of its signals: a payment counts from the moment its transaction commits, also while
the signal is on its way and when the fact came by an import that sends none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

import psycopg
from psycopg.rows import dict_row

from engine.facts.matching import EventMatcher, Fields
from engine.journeys.plan import ChangeTrigger, EventTrigger, Trigger
from engine.standing.order import UNNAMED

ONCE = (
    "order.placed", "order.paid", "order.packed", "order.shipped", "order.delivered", "order.cancelled",
    "shipment.shipped", "shipment.out_for_delivery", "shipment.delivered", "shipment.lost", "case.opened",
)  # fmt: skip
"""What happens to one order, parcel or case once: of that one it counts also from before a journey began."""

# The happenings of orders, parcels and cases are columns of their rows; imported ones have no rows in events. What
# happens to a subject once counts of this one subject whenever it was: what was paid before it was heard of is paid.
_OF_SUBJECT = """
 where v.kind = any(%(kinds)s) and v.at <= %(until)s and ({whose})
   and ((%(subject)s = '{subject}' and v.kind = any(%(once)s)) or v.at > %(since)s
        or (v.at = %(since)s and v.kind is distinct from %(started_by)s))
"""
_ORDERS = """
select v.kind, v.at, jsonb_strip_nulls(jsonb_build_object(
         'payment_method', o.payment_method, 'channel', o.channel, 'platform', o.platform,
         'total', case when o.total_minor is not null and o.currency = %(currency)s then o.total_minor end)) as data
  from orders o
 cross join lateral (values ('order.placed', o.placed_at), ('order.paid', o.paid_at), ('order.packed', o.packed_at),
                            ('order.shipped', o.shipped_at), ('order.delivered', o.delivered_at),
                            ('order.cancelled', o.cancelled_at)) v (kind, at)
"""
_SHIPMENTS = """
select v.kind, v.at, jsonb_strip_nulls(jsonb_build_object(
         'shipment', h.key, 'carrier', h.carrier, 'estimated_at', h.estimated_at)) as data
  from shipments h join orders o on o.id = h.order_id
 cross join lateral (values ('shipment.shipped', h.shipped_at),
                            ('shipment.out_for_delivery', h.out_for_delivery_at),
                            ('shipment.delivered', h.delivered_at), ('shipment.lost', h.lost_at)) v (kind, at)
"""
_CASES = """
select v.kind, v.at, jsonb_strip_nulls(jsonb_build_object(
         'case', k.key, 'type', k.kind, 'topic', k.subject, 'satisfaction', k.satisfaction)) as data
  from cases k
 cross join lateral (values ('case.opened', k.opened_at), ('case.answered', k.answered_at),
                            ('case.closed', k.closed_at)) v (kind, at)
"""
_EVENTS = """
select v.kind, v.at, v.data from events v
"""
_WHOSE: Mapping[str, Mapping[str, str]] = {
    "orders": {"customer": "o.customer_id = %(customer)s", "order": "o.id = %(id)s"},
    "shipments": {
        "customer": "o.customer_id = %(customer)s",
        "order": "o.id = %(id)s",
        "shipment": "h.id = %(id)s",
    },
    "cases": {"customer": "k.customer_id = %(customer)s", "order": "k.order_id = %(id)s", "case": "k.id = %(id)s"},
    "events": {
        "customer": "true",
        "order": "v.order_id = %(id)s",
        "shipment": "(v.order_id, v.data ->> 'shipment') = (select order_id, key from shipments where id = %(id)s)",
        "case": "v.data ->> 'case' = (select key from cases where id = %(id)s)",
    },
}
"""Which rows of a source are the subject's."""
_SOURCES = (
    ("order.", "order", "orders", _ORDERS),
    ("shipment.", "shipment", "shipments", _SHIPMENTS),
    ("case.", "case", "cases", _CASES),
)
_NOT_ORDERS = " and v.customer_id = %(customer)s and v.kind not like 'order.%%'"

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
    """Whose events count: all of a customer, or only those of one order, parcel or case of hers."""

    customer_id: int
    subject: str
    subject_id: int

    @classmethod
    def of(cls, journey: Mapping[str, Any]) -> "Whose":
        """Those of a journey's subject, from its customer_id, subject and subject_id."""
        return cls(journey["customer_id"], journey["subject"], journey["subject_id"])


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

    What happens to a single order, parcel or case once counts from before `since` too.

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


def counts(kind: str, at: object, since: object, *, subject: str, started_by: str | None) -> bool:
    """Whether an event that has happened counts for a journey that began at `since`; see `first_occurrence`.

    Args:
        kind: the event's.
        at: its instant.
        since: when the journey began.
        subject: of what the journey is.
        started_by: the kind of event that started the journey.
    """
    once = kind in ONCE and kind.partition(".")[0] == subject
    return once or at > since or (at == since and kind != started_by)  # type: ignore[operator]  # two instants


def change_name(kind: str, before: str | None, after: str | None) -> str:
    """A change of standing as journeys name what stopped them: `stage active -> sleeping`, `segment -> dormant`.

    A condition of the playbook's own that begins to hold is `when`.
    """
    if (after or "").startswith(UNNAMED):
        return "when"
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
        "subject": whose.subject,
        "id": whose.subject_id,
        "once": list(ONCE),
        "kinds": kinds,
        "since": since.at,
        "started_by": since.started_by,
        "until": until,
        "currency": matcher.currency,
    }
    with connection.cursor(row_factory=dict_row) as cursor:
        for row in cursor.execute(_query(whose.subject, _sources(kinds)), parameters):
            if matcher.triggered(triggers, row["kind"], partial(_fields, matcher, row)):
                return Occurrence(row["kind"], row["at"])
    return None


def _sources(kinds: Sequence[str]) -> tuple[str, ...]:
    """The beginnings of the kinds by which the sources are known that tell them."""
    return tuple(sorted({f"{kind.partition('.')[0]}." for kind in kinds}))


@lru_cache(maxsize=64)
def _query(subject: str, beginnings: tuple[str, ...]) -> bytes:
    """One query over the sources that can tell the kinds asked for, of what is the subject's."""
    parts = [
        query + _OF_SUBJECT.format(whose=_WHOSE[source][subject], subject=about)
        for beginning, about, source, query in _SOURCES
        if beginning in beginnings and subject in _WHOSE[source]
    ]
    if beginnings != ("order.",):
        own = subject if subject in ("shipment", "case") else ""
        parts.append(_EVENTS + _OF_SUBJECT.format(whose=_WHOSE["events"][subject], subject=own) + _NOT_ORDERS)
    return (" union all ".join(parts) + " order by 2, 1").encode()


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
