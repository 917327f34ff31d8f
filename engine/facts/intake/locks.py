"""Locks of a batch, taken before its first row and in one order over all transactions, so that none wait in a ring.

The order: keys of new customers, rows of known customers, new products of a shop, arrivals of orders and cases. One
event alone takes them in the same order.

An arrival is locked by who makes an order or case known, until the commit, and by who finds it unknown before saying
so: otherwise a payment could be kept as waiting just after its order looked for waiting ones, and wait for ever.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg

from engine.facts.events import Event
from engine.facts.intake.envelope import named_key

NEW_CUSTOMER_LOCK = "select pg_advisory_xact_lock(hashtextextended('customer/' || %s, 0))"
NEW_PRODUCTS_LOCK = "select pg_advisory_xact_lock(hashtextextended('products/' || %s, 0))"
ARRIVAL_LOCK = "select pg_advisory_xact_lock(hashtextextended(%s, 0))"
_ARRIVAL_LOCKS = """
select pg_advisory_xact_lock(hashtextextended(arrival, 0))
  from (select arrival from unnest(%s::text[]) as t (arrival) order by arrival) as t
"""
_KNOWN = """
select i.customer_id, s.key, i.key from unnest(%(shops)s::text[], %(customers)s::text[]) as t(shop, key)
  join shops s on s.key = t.shop
  join customer_identities i on i.shop_id = s.id and i.platform = 'shop' and i.key = t.key
 union
select o.customer_id, null, null from unnest(%(shops)s::text[], %(orders)s::text[]) as t(shop, number)
  join shops s on s.key = t.shop
  join orders o on o.shop_id = s.id and o.number = t.number
 union
select customer_id, null, null from cases where key = any(%(cases)s)
 union
select customer_id, null, null from messages where key = any(%(messages)s)
"""
_NEW_PRODUCTS = """
select distinct t.shop from unnest(%(shops)s::text[], %(keys)s::text[]) as t(shop, key)
  left join shops s on s.key = t.shop
  left join products p on p.shop_id = s.id and p.key = t.key
 where p.id is null order by t.shop
"""


def order_arrival(event: Event) -> str:
    """The name under which events wait for the event's order."""
    return f"order:{event.shop}/{event.order}"


def case_arrival(event: Event) -> str:
    """The name under which events wait for the event's case."""
    return f"case:{event.shop}/{event.data.get('case')}"


def lock_arrivals(connection: psycopg.Connection[Any], arrived: Sequence[str]) -> None:
    """Locks what has become known, before it is asked who waits for it."""
    connection.execute(_ARRIVAL_LOCKS, (list(arrived),))


def lock_batch(connection: psycopg.Connection[Any], events: Sequence[Event]) -> frozenset[int]:
    """Locks all customers of a batch, also those it will make known, and the making of new products.

    Gives the numbers of the customers that are known.
    """
    told = {
        "shops": [event.shop for event in events],
        "customers": [event.customer for event in events],
        "orders": [event.order for event in events],
        "cases": _named(events, "case"),
        "messages": _named(events, "message"),
    }
    rows = connection.execute(_KNOWN, told).fetchall()
    known = {(shop, key) for _, shop, key in rows}
    new = sorted({event.customer for event in events if event.customer and (event.shop, event.customer) not in known})
    for key in new:
        connection.execute(NEW_CUSTOMER_LOCK, [key])
    if new:  # another transaction may have made them known meanwhile
        rows = connection.execute(_KNOWN, told).fetchall()
    ids = sorted({row[0] for row in rows})
    connection.execute("select 1 from customers where id = any(%s) order by id for update", [ids])
    products = list(_products(events))
    if products:
        named = {"shops": [shop for shop, _ in products], "keys": [key for _, key in products]}
        for (shop,) in connection.execute(_NEW_PRODUCTS, named).fetchall():
            connection.execute(NEW_PRODUCTS_LOCK, [shop])
    return frozenset(ids)


def _named(events: Sequence[Event], what: str) -> list[str]:
    return sorted({key for event in events if (key := named_key(event, what)) is not None})


def _products(events: Sequence[Event]) -> Iterator[tuple[str, str]]:
    """Shop and key of each ordered product; what breaks the contract is refused later and needs no lock."""
    for event in events:
        lines = event.data.get("lines") if event.kind == "order.placed" else None
        for line in lines if isinstance(lines, list) else ():
            key = line.get("product") if isinstance(line, dict) else None
            if isinstance(key, str) and "\x00" not in key:
                yield event.shop, key
