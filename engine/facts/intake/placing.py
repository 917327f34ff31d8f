"""An order placed: its row, lines, payments and new products, in one statement with the event's own row."""

from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

from engine.contracts import json_of
from engine.facts.intake.context import AlreadyTold, Incoming, order_fields
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
# The log's row comes first: when it is there already, nothing else is written. An order that an import has told keeps
# what is known of it. Last comes the lock on the order's arrival, see `locks`.
_PLACE = """
with logged as (
    insert into events (shop_id, key, kind, customer_id, order_id, at, data, recorded_at)
    values (%(shop)s, %(key)s, %(kind)s, %(customer)s,
            coalesce(%(order)s, nextval(pg_get_serial_sequence('orders', 'id'))), %(at)s, %(data)s, %(recorded)s)
    on conflict (shop_id, key) do nothing returning id, order_id
), placed as (
    insert into orders as o (id, shop_id, number, customer_id, platform, channel, payment_method, placed_at,
                             estimated_at, status, total_minor, shipping_minor, discount_minor, currency,
                             ship_to_differs, recorded_at)
    select order_id, %(shop)s, %(number)s, %(customer)s, %(platform)s, %(channel)s, %(payment_method)s, %(at)s,
           %(estimated_at)s, %(status)s, %(total)s, %(shipping)s, %(discount)s, %(currency)s,
           %(ship_to_differs)s, %(recorded)s
      from logged
    on conflict (shop_id, number) do update set
        platform = coalesce(o.platform, excluded.platform), channel = coalesce(o.channel, excluded.channel),
        payment_method = coalesce(o.payment_method, excluded.payment_method),
        placed_at = case when %(corrects)s then excluded.placed_at else o.placed_at end,
        estimated_at = coalesce(o.estimated_at, excluded.estimated_at), status = coalesce(o.status, excluded.status),
        total_minor = coalesce(o.total_minor, excluded.total_minor),
        shipping_minor = coalesce(o.shipping_minor, excluded.shipping_minor),
        discount_minor = coalesce(o.discount_minor, excluded.discount_minor),
        ship_to_differs = coalesce(o.ship_to_differs, excluded.ship_to_differs)
    returning id
), lined as (
    insert into order_lines (order_id, line, product_id, quantity, unit_price_minor, discount_minor, shipping_minor,
                             currency, seller, recorded_at)
    select placed.id, l.line, l.product_id, l.quantity, l.unit_price, l.discount, l.shipping, %(currency)s, l.seller,
           %(recorded)s
      from placed, jsonb_to_recordset(%(lines)s) as l(line int, product_id bigint, quantity int, unit_price bigint,
                                                      discount bigint, shipping bigint, seller text)
    on conflict (order_id, line) do nothing
), owed as (
    insert into payments (order_id, sequence, method, amount_minor, currency, installments, paid_at, recorded_at)
    select placed.id, p.sequence, p.method, p.amount, %(currency)s, p.installments, p.paid_at, %(recorded)s
      from placed, jsonb_to_recordset(%(payments)s) as p(sequence int, method text, amount bigint, installments int,
                                                         paid_at timestamptz)
    on conflict (order_id, sequence) do nothing
), bumped as (
    update customers set fact_version = fact_version + 1 where id = %(customer)s and exists (select from logged)
), settled as (
    update refused_events set replayed_at = %(recorded)s
     where shop = %(shop_key)s and key = %(key)s and replayed_at is null and exists (select from logged)
)
select id, order_id, pg_advisory_xact_lock(hashtextextended(%(arrival)s, 0)) from logged
"""


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
    arrival = order_arrival(incoming.event)
    values = (
        incoming.row()
        | told
        | {
            "number": incoming.event.order,
            "arrival": arrival,
            "currency": currency,
            "corrects": incoming.corrects,
            "lines": Jsonb(lines),
            "payments": Jsonb(payments),
        }
    )
    if incoming.together:
        incoming.send_log(_PLACE, **values)
    else:
        row = incoming.fetch(_PLACE, **values)
        if row is None:
            incoming.read_state()  # raises: another transaction has written it since
            raise AlreadyTold(0)
        incoming.event_id, incoming.order_id = row["id"], row["order_id"]
    incoming.arrived.append(arrival)
    fill_unknown(incoming, incoming.data.get("customer", {}))


def _tell_again(incoming: Incoming) -> None:
    incoming.log(once=True)  # raises unless it corrects
    incoming.execute(
        "update orders set placed_at = %(at)s where id = %(order)s", at=incoming.event.at, order=incoming.order_id
    )


def _products(incoming: Incoming) -> dict[str, tuple[int, str | None]]:
    told = {line["product"]: line for line in incoming.data.get("lines", ())}
    if not told:
        return {}
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


def _offer_fields(
    incoming: Incoming, told: Mapping[str, Any], currency: str, products: Mapping[str, tuple[int, str | None]]
) -> None:
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
