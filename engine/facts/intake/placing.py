"""Orders placed: rows, lines, payments and new products."""

from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

from engine.contracts import json_of
from engine.facts.intake.context import Incoming, order_fields
from engine.facts.intake.gathering import from_rows
from engine.facts.intake.known import Products
from engine.facts.intake.locks import NEW_PRODUCTS_LOCK, order_arrival
from engine.facts.intake.order_data import (
    currency_of,
    line_rows,
    order_columns,
    payment_rows,
    refuse_repeated_numbers,
)
from engine.facts.intake.people import fill_unknown
from engine.money import Money

_PRODUCTS = "select id, key, category from products where shop_id = %(shop)s and key = any(%(keys)s)"
# New products of a shop are written by one transaction at a time, so that no two wait for each other's.
_NEW_PRODUCTS = """
insert into products (shop_id, key, title, category, recorded_at)
select %(shop)s, p.key, p.title, p.category, %(recorded)s
  from jsonb_to_recordset(%(products)s) as p(key text, title text, category text) order by p.key
on conflict (shop_id, key) do update set key = excluded.key
returning id, key, category
"""
# An order that an import has told keeps what is known of it.
_ORDERS = from_rows(
    """
insert into orders as o (id, shop_id, number, customer_id, platform, channel, payment_method, placed_at, estimated_at,
                         status, total_minor, shipping_minor, discount_minor, currency, ship_to_differs, recorded_at)
select t."order", t.shop, t.number, t.customer, t.platform, t.channel, t.payment_method, t.at, t.estimated_at, t.status,
       t.total, t.shipping, t.discount, t.currency, t.ship_to_differs, t.recorded
  from told
on conflict (shop_id, number) do update set
    platform = coalesce(o.platform, excluded.platform), channel = coalesce(o.channel, excluded.channel),
    payment_method = coalesce(o.payment_method, excluded.payment_method),
    placed_at = case when (select t.corrects from told where t.shop = o.shop_id and t.number = o.number)
                     then excluded.placed_at else o.placed_at end,
    estimated_at = coalesce(o.estimated_at, excluded.estimated_at), status = coalesce(o.status, excluded.status),
    total_minor = coalesce(o.total_minor, excluded.total_minor),
    shipping_minor = coalesce(o.shipping_minor, excluded.shipping_minor),
    discount_minor = coalesce(o.discount_minor, excluded.discount_minor),
    ship_to_differs = coalesce(o.ship_to_differs, excluded.ship_to_differs)
""",
    """
platform text, channel text, payment_method text, estimated_at timestamptz, status text, total bigint, shipping bigint,
discount bigint, currency text, ship_to_differs boolean, corrects boolean""",
)
_LINES = from_rows(
    """
insert into order_lines (order_id, line, product_id, quantity, unit_price_minor, discount_minor, shipping_minor,
                         currency, seller, recorded_at)
select o.id, l.line, l.product_id, l.quantity, l.unit_price, l.discount, l.shipping, t.currency, l.seller, t.recorded
  from told
  join orders o on o.shop_id = t.shop and o.number = t.number
 cross join jsonb_to_recordset(t.lines) as l (line int, product_id bigint, quantity int, unit_price bigint,
                                              discount bigint, shipping bigint, seller text)
on conflict (order_id, line) do nothing
""",
    "currency text, lines jsonb",
)
_PAYMENTS = from_rows(
    """
insert into payments (order_id, sequence, method, amount_minor, currency, installments, paid_at, recorded_at)
select o.id, p.sequence, p.method, p.amount, t.currency, p.installments, p.paid_at, t.recorded
  from told
  join orders o on o.shop_id = t.shop and o.number = t.number
 cross join jsonb_to_recordset(t.payments) as p (sequence int, method text, amount bigint, installments int,
                                                 paid_at timestamptz)
on conflict (order_id, sequence) do nothing
""",
    "currency text, payments jsonb",
)


def order_placed(incoming: Incoming) -> None:
    """Writes the order with its lines and payments, unless it was told before.

    Raises:
        Refusal: `mixed_currencies`.
    """
    refuse_repeated_numbers(incoming.data)
    incoming.read_state()
    currency = currency_of(incoming)
    if incoming.told_id is not None:
        _tell_again(incoming)
        return
    told = order_columns(incoming.data)
    products = _products(incoming)
    lines, payments = list(line_rows(incoming.data, products)), list(payment_rows(incoming.data))
    _offer_fields(incoming, told, currency, products)
    facts = (_ORDERS, *((_LINES,) if lines else ()), *((_PAYMENTS,) if payments else ()))
    incoming.log(
        *facts, once=True, **told, currency=currency, corrects=incoming.corrects, lines=lines, payments=payments
    )
    incoming.arrived.append(order_arrival(incoming.event))
    fill_unknown(incoming, incoming.data.get("customer", {}))


def _tell_again(incoming: Incoming) -> None:
    incoming.log(once=True)  # raises unless it corrects
    incoming.execute(
        "update orders set placed_at = %(at)s where id = %(order)s", at=incoming.event.at, order=incoming.order_id
    )


def _products(incoming: Incoming) -> Products:
    told = {line["product"]: line for line in incoming.data.get("lines", ())}
    if not told:
        return {}
    if told.keys() <= incoming.products.keys():
        return {key: incoming.products[key] for key in told}
    wanted = {"shop": incoming.shop_id, "keys": list(told)}
    rows = incoming.connection.execute(_PRODUCTS, wanted).fetchall()
    if len(rows) < len(told):
        incoming.connection.execute(NEW_PRODUCTS_LOCK, [incoming.event.shop])
        rows = incoming.connection.execute(_PRODUCTS, wanted).fetchall()
    missing = sorted(set(told) - {row[1] for row in rows})
    if missing:
        new = [{"key": key, "title": told[key].get("title"), "category": told[key].get("category")} for key in missing]
        values = {"shop": incoming.shop_id, "recorded": incoming.recorded_at, "products": Jsonb(new)}
        rows += incoming.connection.execute(_NEW_PRODUCTS, values).fetchall()
    return {key: (product, category) for product, key, category in rows}


def _offer_fields(incoming: Incoming, told: Mapping[str, Any], currency: str, products: Products) -> None:
    row = {
        **{name: told[name] for name in ("platform", "channel", "payment_method")},
        "total_minor": told["total"],
        "currency": currency,
        "product_keys": list(products),
        "categories": list({category for _, category in products.values() if category}),
    }
    for name, value in order_fields(row).items():
        incoming.stored.setdefault(name, value)
    if told["total"] is not None:
        incoming.stored["total"] = json_of(Money(told["total"], currency))
