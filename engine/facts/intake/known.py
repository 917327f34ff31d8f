"""What is known of that which events name: by one statement, for one event as for all of a round.

It is asked once the customers are locked, so that what it tells stays true until the transaction ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import psycopg

from engine.facts.events import Contract, Event
from engine.facts.pipelines import Steps, answers
from engine.facts.rows import rows_of

Products = Mapping[str, tuple[int, str | None]]
"""Our number and the category of each product, by its key."""

PARTS = {
    **dict.fromkeys(
        ("shipment.shipped", "shipment.out_for_delivery", "shipment.delivered", "shipment.lost"), "shipment"
    ),
    "shipment.delayed": "shipment",
    **dict.fromkeys(("return.requested", "return.received", "return.refunded"), "return"),
    "review.created": "review",
    **dict.fromkeys(("case.opened", "case.answered", "case.closed", "case.reopened"), "case"),
}
"""Of events about a parcel, return, review or case: the name of its key in the data."""

# The customer is the one named, else whose order, case or message it is; the order is the one named, else the case's.
# What happens once has been `told` if the log has an event of its kind about the same; `part_key` tells apart the
# parcels, returns, reviews or cases of one order or customer.
_LOOK = """
select t.ordinality::int, s.id, s.currency, s.country, i.customer_id, o.id, o.customer_id, k.id, k.customer_id,
       k.order_id, m.customer_id, (select id from events where shop_id = s.id and key = t.key), c.id,
       (select id from events
         where t.kind is not null and customer_id = c.id and kind = t.kind
           and (case when w.order_id is null then order_id is null else order_id = w.order_id end)
           and (t.part is null or data ->> t.part = t.part_key)
         order by id limit 1),
       c.fact_version, a.currency, a.total_minor, a.payment_method, a.channel, a.platform, l.products, l.categories,
       (select jsonb_agg(jsonb_build_array(p.key, p.id, p.category))
          from products p where p.shop_id = s.id and p.key = any(t.products)){also}
  from rows from (
           jsonb_to_recordset(%(rows)s::jsonb) as (shop text, key text, customer text, number text, case_key text,
                                            message text, kind text, part text, part_key text, products text[])
       ) with ordinality as t
  join shops s on s.key = t.shop
  left join customer_identities i on i.shop_id = s.id and i.platform = 'shop' and i.key = t.customer
  left join orders o on o.shop_id = s.id and o.number = t.number
  left join cases k on k.key = t.case_key
  left join messages m on m.key = t.message
 cross join lateral (
           select coalesce(o.id, k.order_id) as order_id,
                  case when t.customer is null then coalesce(o.customer_id, k.customer_id, m.customer_id)
                       else i.customer_id end as customer_id
       ) w
  left join customers c on c.id = w.customer_id
  left join orders a on a.id = w.order_id
  left join lateral (
           select array_agg(distinct p.key) as products,
                  array_agg(distinct p.category) filter (where p.category is not null) as categories
             from order_lines n join products p on p.id = n.product_id
            where n.order_id = w.order_id
       ) l on true {joins}
"""
_LOCK = """
select c.id from customers c
 where c.id = (select coalesce(
           (select i.customer_id from shops s join customer_identities i on i.shop_id = s.id
             where s.key = %(shop)s and i.platform = 'shop' and i.key = %(customer)s),
           case when %(customer)s::text is null then coalesce(
               (select o.customer_id from shops s join orders o on o.shop_id = s.id
                 where s.key = %(shop)s and o.number = %(number)s),
               (select customer_id from cases where key = %(case_key)s),
               (select customer_id from messages where key = %(message)s)) end))
   for update
"""
_LOCK_ONE = "select 1 from customers where id = %s for update"


@dataclass(frozen=True, slots=True)
class Also:
    """What else is read of an event's customer `c` by the same statement: columns, joins, and their parameters."""

    columns: str
    joins: str
    parameters: Mapping[str, object] = field(default_factory=dict)


class Found(NamedTuple):
    """What is known of that which an event names; `place` counts the events that were looked up together from 1.

    `customer_id` is whom the event is about, as far as it is known without writing anything. `told_id` is the event in
    the log that tells the same, `before` the version of the customer's facts. What follows is of the order, and the
    known ones of the products named. `also` are the columns that were asked for with it.
    """

    place: int
    shop_id: int
    currency: str
    country: str | None
    named: int | None
    order_id: int | None
    order_customer: int | None
    case_id: int | None
    case_customer: int | None
    case_order: int | None
    message_customer: int | None
    same_event: int | None
    customer_id: int | None
    told_id: int | None
    before: int | None
    order_currency: str | None
    total_minor: int | None
    payment_method: str | None
    channel: str | None
    platform: str | None
    product_keys: Sequence[str] | None
    categories: Sequence[str] | None
    products: Sequence[tuple[str, int, str | None]] | None
    also: tuple[Any, ...] = ()

    @property
    def customers(self) -> set[int]:
        """Whose order, case and message it is."""
        return {each for each in (self.order_customer, self.case_customer, self.message_customer) if each is not None}

    @property
    def order(self) -> dict[str, Any]:
        """The columns of the order, by their names; of none all are None."""
        return {
            "currency": self.order_currency,
            "total_minor": self.total_minor,
            "payment_method": self.payment_method,
            "channel": self.channel,
            "platform": self.platform,
            "product_keys": self.product_keys,
            "categories": self.categories,
        }

    @property
    def known_products(self) -> dict[str, tuple[int, str | None]]:
        """Our number and the category of each product that is known, by its key."""
        return {key: (number, category) for key, number, category in self.products or ()}


_COLUMNS = len(Found._fields) - 1


def looking_up(
    connection: psycopg.Connection[Any], asked: Sequence[tuple[Event, Contract]], also: Also | None = None
) -> Steps[list[Found | None]]:
    """What is known of that which each event names; None: not even its shop. Its contract has been kept."""
    by: dict[str, object] = {"rows": rows_of(_keys(event, contract) for event, contract in asked)}
    statement = _LOOK.format(also="", joins="") if also is None else _with_also(also.columns, also.joins)
    if also is not None:
        by |= also.parameters
    (rows,) = yield from answers(lambda: [connection.cursor(binary=True).execute(statement, by)])
    found = {row[0]: Found._make((*row[:_COLUMNS], row[_COLUMNS:])) for row in rows}
    return [found.get(place) for place in range(1, len(asked) + 1)]


@lru_cache(maxsize=32)
def _with_also(columns: str, joins: str) -> str:
    return _LOOK.format(also=f", {columns}", joins=joins)


def lock_customer_of(connection: psycopg.Connection[Any], event: Event) -> psycopg.Cursor[tuple[int]]:
    """Locks whom an event is about, where that is known; gives the number, in a pipeline without waiting for it."""
    by = {"shop": event.shop, "customer": event.customer, "number": event.order} | _named(event)
    return connection.execute(_LOCK, by)


def lock_customer(connection: psycopg.Connection[Any], customer_id: int) -> None:
    """Locks a customer."""
    connection.execute(_LOCK_ONE, [customer_id])


def _keys(event: Event, contract: Contract) -> dict[str, object]:
    part = PARTS.get(event.kind)
    keys: dict[str, object] = {
        "shop": event.shop,
        "key": event.key,
        "customer": event.customer,
        "number": event.order,
        "kind": None if event.kind.startswith(("site.", "message.")) else event.kind,
        "part": part,
        "part_key": event.data.get(part) if part else None,
    }
    if contract.subject == "case":
        keys["case_key"] = event.data.get("case")
    if event.kind.startswith("message."):
        keys["message"] = event.data.get("message")
    if event.kind == "order.placed":
        keys["products"] = [line["product"] for line in event.data.get("lines", ())]
    return keys


def _named(event: Event) -> dict[str, object]:
    """Keys that data name; what cannot be one breaks the contract and is refused later."""
    values = {"case_key": event.data.get("case"), "message": event.data.get("message")}
    return {name: value if isinstance(value, str) and "\x00" not in value else None for name, value in values.items()}
