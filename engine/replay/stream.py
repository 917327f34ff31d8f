"""The recorded happenings of a window as a stream in canonical order: instant, kind, key."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

Connection = psycopg.Connection[Any]

_ORDER_KINDS = {
    "order.placed": "placed_at",
    "order.paid": "paid_at",
    "order.packed": "packed_at",
    "order.shipped": "shipped_at",
    "order.delivered": "delivered_at",
    "order.cancelled": "cancelled_at",
}
_SHIPMENT_KINDS = {
    "shipment.shipped": "shipped_at",
    "shipment.out_for_delivery": "out_for_delivery_at",
    "shipment.delivered": "delivered_at",
    "shipment.lost": "lost_at",
}
_RETURN_KINDS = {
    "return.requested": "requested_at",
    "return.received": "received_at",
    "return.refunded": "refunded_at",
}
_CASE_KINDS = {"case.opened": "opened_at", "case.answered": "answered_at", "case.closed": "closed_at"}
_ORDERS = """
select '{kind}' as kind, {column} as at, o.number as key, o.shop_id, o.customer_id, o.id as order_id,
       '{{}}'::jsonb as data, null::bigint as event_id, null::bigint as shipment_id, null::bigint as case_id
  from orders o where {column} >= %(from)s and {column} < %(to)s
"""
_SHIPMENTS = """
select '{kind}', h.{column}, o.number || ':' || h.key, o.shop_id, o.customer_id, o.id,
       jsonb_strip_nulls(jsonb_build_object('shipment', h.key, 'carrier', h.carrier, 'estimated_at', h.estimated_at)),
       null::bigint, h.id, null::bigint
  from shipments h join orders o on o.id = h.order_id where h.{column} >= %(from)s and h.{column} < %(to)s
"""
_RETURNS = """
select '{kind}', t.{column}, o.number || ':' || t.key, o.shop_id, o.customer_id, o.id,
       jsonb_strip_nulls(jsonb_build_object('return', t.key, 'type', t.kind, 'reason', t.reason)),
       null::bigint, null::bigint, null::bigint
  from returns t join orders o on o.id = t.order_id where t.{column} >= %(from)s and t.{column} < %(to)s
"""
_CASES = """
select '{kind}', k.{column}, k.key, coalesce(o.shop_id, (select min(id) from shops)), k.customer_id, k.order_id,
       jsonb_strip_nulls(jsonb_build_object('case', k.key, 'type', k.kind, 'topic', k.subject,
                                            'satisfaction', k.satisfaction)),
       null::bigint, null::bigint, k.id
  from cases k left join orders o on o.id = k.order_id where k.{column} >= %(from)s and k.{column} < %(to)s
"""
_OTHERS = {
    "review.created": """
select 'review.created', r.created_at, o.number || ':' || r.key, o.shop_id, o.customer_id, o.id,
       jsonb_build_object('review', r.key, 'score', r.score), null::bigint, null::bigint, null::bigint
  from reviews r join orders o on o.id = r.order_id where r.created_at >= %(from)s and r.created_at < %(to)s
""",
    "site.": """
select 'site.' || s.kind, s.at, s.key, (select min(id) from shops), s.customer_id, null::bigint, s.data, null::bigint,
       null::bigint, null::bigint
  from site_events s where s.at >= %(from)s and s.at < %(to)s
   and (%(kinds)s::text[] is null or 'site.' || s.kind = any(%(kinds)s))
""",
    "case.closed": """
select e.kind, e.at, e.key, e.shop_id, e.customer_id, e.order_id, e.data, null::bigint, null::bigint, k.id
  from events e join cases k on k.key = e.data ->> 'case' and e.at < k.closed_at
 where e.kind = 'case.closed' and e.at >= %(from)s and e.at < %(to)s
   and exists (select from events r where r.customer_id = e.customer_id and r.kind = 'case.reopened'
                  and r.data ->> 'case' = k.key and r.at between e.at and k.closed_at)
""",
    "": """
select e.kind, e.at, e.key, e.shop_id, e.customer_id, e.order_id, e.data, e.id,
       (select h.id from shipments h where h.order_id = e.order_id and h.key = e.data ->> 'shipment'),
       (select k.id from cases k where k.key = e.data ->> 'case')
  from events e where e.at >= %(from)s and e.at < %(to)s and (%(kinds)s::text[] is null or e.kind = any(%(kinds)s))
   and not e.kind = any(%(from_facts)s) and e.kind not like 'site.%%'
""",
}


@dataclass(frozen=True)
class Recorded:
    """One happening of the window. `event_id`: that of its row in `events`, if it was told as an event of its own."""

    kind: str
    at: datetime
    key: str
    shop_id: int
    customer_id: int
    order_id: int | None
    data: dict[str, Any]
    event_id: int | None = None
    shipment_id: int | None = None
    case_id: int | None = None


@dataclass(frozen=True)
class Lane:
    """The customers of one of several lanes: those whose number leaves this rest."""

    number: int = 0
    of: int = 1


WHOLE = Lane()
"""All customers."""


def stream(
    connection: Connection, kinds: Sequence[str] | None, start: datetime, to: datetime, lane: Lane = WHOLE
) -> Iterator[Recorded]:
    """The happenings of these kinds in [start, to) to the customers of a lane, read through a server-side cursor.

    Only kinds that some rule names need to enter; all other facts are read as of an instant from their tables. Where
    standing is decided every happening judges its customer anew: then `kinds` is None, which means all.
    """
    parts = [_ORDERS.format(kind=kind, column=column) for kind, column in _ORDER_KINDS.items() if _in(kind, kinds)]
    for template, of in ((_SHIPMENTS, _SHIPMENT_KINDS), (_RETURNS, _RETURN_KINDS), (_CASES, _CASE_KINDS)):
        parts += [template.format(kind=kind, column=column) for kind, column in of.items() if _in(kind, kinds)]
    parts += [_OTHERS[kind] for kind in ("review.created", "case.closed") if _in(kind, kinds)]
    if kinds is None or any(kind.startswith("site.") for kind in kinds):
        parts.append(_OTHERS["site."])
    parts.append(_OTHERS[""])
    # Names are given here: which part comes first depends on the rules.
    told = f"({' union all '.join(parts)}) told ({', '.join(Recorded.__dataclass_fields__)})"
    query = (
        f'select * from {told} where customer_id %% %(lanes)s = %(lane)s order by at, kind collate "C", key collate "C"'  # noqa: S608 - our own parts, values as parameters
    )
    parameters = {
        "from": start,
        "to": to,
        "lane": lane.number,
        "lanes": lane.of,
        "kinds": None if kinds is None else list(kinds),
        "from_facts": [*_ORDER_KINDS, *_SHIPMENT_KINDS, *_RETURN_KINDS, *_CASE_KINDS, "review.created"],
    }
    with connection.cursor("replay_stream", row_factory=dict_row) as cursor:
        cursor.itersize = 500
        cursor.execute(query, parameters)
        for row in cursor:
            yield Recorded(**row)


def _in(kind: str, kinds: Sequence[str] | None) -> bool:
    return kinds is None or kind in kinds
