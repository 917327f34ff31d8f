"""What is known of that which events name: by one statement, for one event as for all of a round.

It is asked once the customers are locked, so that what it tells stays true until the transaction ends.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import psycopg

from engine.facts.events import Contract, Event
from engine.facts.intake.envelope import named_key
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
_LOOK = """
select t.ordinality::int, s.id, s.currency, s.country, i.customer_id, {number}, {case_key}, {message},
       (select id from events where shop_id = s.id and key = t.key),
       exists (select from refused_events r where r.shop = t.shop and r.key = t.key and r.replayed_at is null),
       case when c.id is not null then nextval(pg_get_serial_sequence('events', 'id')) end, {new_order}, c.id,
       {kind}, c.fact_version, {order}, {products} {also}
  from rows from (
           jsonb_to_recordset(%(rows)s::jsonb) as (shop text, key text, customer text, number text, case_key text,
                                            message text, kind text, part text, part_key text, products text[])
       ) with ordinality as t
  join shops s on s.key = t.shop
  left join customer_identities i on i.shop_id = s.id and i.platform = 'shop' and i.key = t.customer
  {joins}
  left join customers c
    on c.id = case when t.customer is null then coalesce({customers}) else i.customer_id end
  {orders} {more}
"""
# What happens once has been told if the log has an event of its kind about the same; `part_key` tells apart the
# parcels, returns, reviews or cases of one order or customer.
_TOLD = """
       (select id from events
         where t.kind is not null and customer_id = c.id and kind = t.kind
           and (case when {number} is null then order_id is null else order_id = {number} end)
           and (t.part is null or data ->> t.part = t.part_key)
         order by id limit 1)"""
_NEW_ORDER = """
       case when t.kind = 'order.placed' and o.id is null and c.id is not null
            then nextval(pg_get_serial_sequence('orders', 'id')) end"""
_PRODUCTS = """
       (select jsonb_agg(jsonb_build_array(p.key, p.id, p.category))
          from products p where p.shop_id = s.id and p.key = any(t.products))"""
_NAMED = {
    "number": ("o.id, o.customer_id", "left join orders o on o.shop_id = s.id and o.number = t.number"),
    "case_key": ("k.id, k.customer_id, k.order_id", "left join cases k on k.key = t.case_key"),
    "message": ("m.customer_id", "left join messages m on m.key = t.message"),
}
"""What an event may be about: its columns, of which one is the customer's, and its join."""
_OF_ORDER = "a.currency, a.total_minor, a.payment_method, a.channel, a.platform, l.products, l.categories"
_ORDERS = """
  left join orders a on a.id = {number}
  left join lateral (
           select array_agg(distinct p.key) as products,
                  array_agg(distinct p.category) filter (where p.category is not null) as categories
             from order_lines n join products p on p.id = n.product_id
            where n.order_id = a.id
       ) l on true"""
_RAISE_NAMED = """
update customers set fact_version = fact_version + 1
 where id = (select i.customer_id from shops s join customer_identities i on i.shop_id = s.id
              where s.key = %(shop)s and i.platform = 'shop' and i.key = %(customer)s)
returning id
"""
_RAISE = """
update customers set fact_version = fact_version + 1
 where id = coalesce((select o.customer_id from shops s join orders o on o.shop_id = s.id
                       where s.key = %(shop)s and o.number = %(number)s),
                     (select customer_id from cases where key = %(case_key)s),
                     (select customer_id from messages where key = %(message)s))
returning id
"""
_LOCK_ONE = "select 1 from customers where id = %s for update"


@dataclass(frozen=True, slots=True)
class Also:
    """What else is read of an event's customer `c` by the same statement: columns, joins, and their parameters."""

    columns: str
    joins: str
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Locked:
    """The customers who are locked, known once something was looked up.

    `raised`: by raising the versions of their facts, as the events that are told will. `made`: those whom this
    transaction has made known, and whom no other one sees.
    """

    customers: Callable[[], Collection[int]]
    raised: bool = False
    made: set[int] = field(default_factory=set)


class Found(NamedTuple):
    """What is known of that which an event names; `place` counts the events that were looked up together from 1.

    `same_event` is the event in the log, and `was_refused` whether it is kept as a refused one. If it is written now,
    its number is `event_id`, and that of an order which comes with it `new_order_id`: of a customer who is known.
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
    was_refused: bool
    event_id: int | None
    new_order_id: int | None
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
    def known_products(self) -> Products:
        """Our number and the category of each product that is known, by its key."""
        return {key: (number, category) for key, number, category in self.products or ()}


_COLUMNS = len(Found._fields) - 1


def looking_up(
    connection: psycopg.Connection[Any], asked: Sequence[tuple[Event, Contract]], also: Also | None = None
) -> Steps[list[Found | None]]:
    """What is known of that which each event names; None: not even its shop. Its contract has been kept."""
    keys = [_keys(event, contract) for event, contract in asked]
    named = frozenset(name for each in keys for name in each)
    statement = _statement(named, "" if also is None else f", {also.columns}", "" if also is None else also.joins)
    by = {"rows": rows_of(keys), **(also.parameters if also is not None else {})}
    (rows,) = yield from answers(lambda: [connection.cursor(binary=True).execute(statement, by)])
    found = {row[0]: Found._make((*row[:_COLUMNS], row[_COLUMNS:])) for row in rows}
    return [found.get(place) for place in range(1, len(asked) + 1)]


@lru_cache(maxsize=128)
def _statement(named: frozenset[str], also: str, joins: str) -> str:
    """What looks up events that name these, and nothing else, with null in the places of the others."""
    there = [name for name in _NAMED if name in named]
    parts = {name: columns if name in named else _null(columns) for name, (columns, _) in _NAMED.items()}
    orders = [column for name, column in (("number", "o.id"), ("case_key", "k.order_id")) if name in named]
    number = f"coalesce({', '.join(orders)})" if orders else "null::bigint"
    whose = [each for name in there for each in _NAMED[name][0].split(", ") if each.endswith(".customer_id")]
    return _LOOK.format(
        **parts,
        kind=_TOLD.format(number=number) if "kind" in named else "null",
        new_order=_NEW_ORDER if {"number", "products"} <= named else "null",
        order=_OF_ORDER if orders else _null(_OF_ORDER),
        products=_PRODUCTS if "products" in named else "null",
        customers=", ".join(["null::bigint", *whose]),
        joins=" ".join(_NAMED[name][1] for name in there),
        orders=_ORDERS.format(number=number) if orders else "",
        also=also,
        more=joins,
    )


def _null(columns: str) -> str:
    return ", ".join("null" for _ in columns.split(", "))


def raise_version_of(connection: psycopg.Connection[Any], event: Event) -> psycopg.Cursor[tuple[int]]:
    """Locks whom an event is about, where that is known, by raising the version of the facts as the event will.

    Gives the number of the customer: in a pipeline without waiting for it.
    """
    if event.customer is not None:
        return connection.execute(_RAISE_NAMED, {"shop": event.shop, "customer": event.customer})
    by = {"shop": event.shop, "number": event.order}
    by |= {"case_key": named_key(event, "case"), "message": named_key(event, "message")}
    return connection.execute(_RAISE, by)


def lock_customer(connection: psycopg.Connection[Any], customer_id: int) -> None:
    """Locks a customer."""
    connection.execute(_LOCK_ONE, [customer_id])


def _keys(event: Event, contract: Contract) -> dict[str, object]:
    """What the event names, without what it does not."""
    kind, data, part = event.kind, event.data, PARTS.get(event.kind)
    keys: dict[str, object] = {"shop": event.shop, "key": event.key}
    if event.customer is not None:
        keys["customer"] = event.customer
    if event.order is not None:
        keys["number"] = event.order
    if contract.subject == "case":
        keys["case_key"] = data.get("case")
    if kind.startswith("message."):
        keys["message"] = data.get("message")
    elif not kind.startswith("site."):  # what people do again and again has not been told before
        keys["kind"] = kind
    if part is not None:
        keys |= {"part": part, "part_key": data.get(part)}
    if kind == "order.placed":
        keys["products"] = [line["product"] for line in data.get("lines", ())]
    return keys
