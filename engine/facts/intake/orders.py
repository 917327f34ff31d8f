"""Orders: placed with lines and payments, then paid, packed, shipped, delivered or cancelled."""

from collections.abc import Iterator, Mapping
from typing import Any

from psycopg.types.json import Jsonb

from engine.contracts import json_of, money_of
from engine.facts.event_formats import parse_instant
from engine.facts.intake.context import AlreadyTold, Incoming, Refusal, order_fields
from engine.facts.intake.locks import NEW_PRODUCTS_LOCK, order_arrival
from engine.facts.intake.people import fill_unknown
from engine.money import Money

INSTANTS = {
    "order.paid": "paid_at",
    "order.packed": "packed_at",
    "order.shipped": "shipped_at",
    "order.delivered": "delivered_at",
    "order.cancelled": "cancelled_at",
}
_PRODUCTS = "select id, key, category from products where shop_id = %(shop)s and key = any(%(keys)s)"
_MOST = 2**63
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
_SET_INSTANT = """
update orders set {column} = case when %(corrects)s then %(at)s else coalesce({column}, %(at)s) end,
       estimated_at = coalesce(%(estimated_at)s, estimated_at)
 where id = %(order)s
"""
_PAYMENTS = """
insert into payments (order_id, sequence, method, amount_minor, currency, installments, paid_at, recorded_at)
select %(order)s, p.sequence, p.method, p.amount, %(currency)s, p.installments, p.paid_at, %(recorded)s
  from jsonb_to_recordset(%(payments)s) as p(sequence int, method text, amount bigint, installments int,
                                             paid_at timestamptz)
on conflict (order_id, sequence) do update set
    paid_at = coalesce(payments.paid_at, excluded.paid_at),
    installments = coalesce(payments.installments, excluded.installments)
"""
# Spend is taken from payments, so a paid order without any gets one, of what was said or else of its total.
_ONE_PAYMENT = """
insert into payments (order_id, sequence, method, amount_minor, currency, recorded_at)
select %(order)s, 1, %(method)s, %(amount)s, %(currency)s, %(recorded)s
 where not exists (select from payments where order_id = %(order)s)
on conflict (order_id, sequence) do nothing
"""


def order_placed(incoming: Incoming) -> None:
    """Writes the order with its lines and payments, unless it was told before.

    Raises:
        Refusal: `mixed_currencies`.
    """
    _refuse_repeated_numbers(incoming.data)
    incoming.read_state()
    currency = _currency(incoming)
    if incoming.told_id is not None:
        _tell_again(incoming)
        return
    told = _order_columns(incoming.data)
    products = _products(incoming)
    lines, payments = list(_lines(incoming.data, products)), list(_payments(incoming.data))
    _offer_fields(incoming, told, currency, products)
    arrival = order_arrival(incoming.event)
    row = incoming.fetch(
        _PLACE,
        **incoming.row(),
        **told,
        number=incoming.event.order,
        arrival=arrival,
        currency=currency,
        corrects=incoming.corrects,
        lines=Jsonb(lines),
        payments=Jsonb(payments),
    )
    if row is None:
        incoming.read_state()  # raises: another transaction has written it since
        raise AlreadyTold(0)
    incoming.event_id, incoming.order_id = row["id"], row["order_id"]
    incoming.arrived.append(arrival)
    fill_unknown(incoming, incoming.data.get("customer", {}))


def order_progressed(incoming: Incoming) -> None:
    """Sets the order's instant of this kind; a known one stays, unless the event corrects it."""
    incoming.read_state()
    if incoming.event.kind == "order.paid":
        _currency(incoming)
        _refuse_repeated_numbers(incoming.data)
    incoming.log(once=True)
    estimated = incoming.data.get("estimated_at")
    incoming.execute(
        _SET_INSTANT.format(column=INSTANTS[incoming.event.kind]),
        corrects=incoming.corrects,
        at=incoming.event.at,
        estimated_at=parse_instant(estimated) if estimated else None,
        order=incoming.order_id,
    )
    if incoming.event.kind == "order.paid":
        _note_payments(incoming)


def _tell_again(incoming: Incoming) -> None:
    incoming.log(once=True)  # raises unless it corrects
    incoming.execute(
        "update orders set placed_at = %(at)s where id = %(order)s", at=incoming.event.at, order=incoming.order_id
    )


def _note_payments(incoming: Incoming) -> None:
    currency = incoming.order["currency"]
    payments = list(_payments(incoming.data))
    if payments:
        incoming.execute(
            _PAYMENTS,
            order=incoming.order_id,
            currency=currency,
            recorded=incoming.recorded_at,
            payments=Jsonb(payments),
        )
        return
    amount = incoming.data.get("amount")
    minor = money_of(amount).minor if amount else incoming.order["total_minor"]
    if minor is not None:
        method = incoming.data.get("method") or incoming.order["payment_method"] or "unknown"
        incoming.execute(
            _ONE_PAYMENT,
            order=incoming.order_id,
            method=method,
            amount=minor,
            currency=currency,
            recorded=incoming.recorded_at,
        )


def _currency(incoming: Incoming) -> str:
    """The one currency of all amounts; the order's or the shop's where the event names none."""
    found = {money.currency for money in _amounts(incoming.data)}
    if incoming.order.get("currency"):
        found.add(incoming.order["currency"])
    if len(found) > 1:
        raise Refusal("mixed_currencies", f"one order has one currency, found {', '.join(sorted(found))}")
    return found.pop() if found else incoming.currency


def _amounts(value: object) -> Iterator[Money]:
    if isinstance(value, Mapping):
        if set(value) == {"amount", "currency"}:
            yield money_of(value)
        else:
            for part in value.values():
                yield from _amounts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _amounts(part)


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


def _lines(data: Mapping[str, Any], products: Mapping[str, tuple[int, str | None]]) -> Iterator[dict[str, object]]:
    for place, line in enumerate(data.get("lines", ()), start=1):
        yield {
            "line": line.get("line", place),
            "product_id": products[line["product"]][0],
            "quantity": line.get("quantity", 1),
            "unit_price": money_of(line["unit_price"]).minor,
            "discount": _minor(line, "discount"),
            "shipping": _minor(line, "shipping"),
            "seller": line.get("seller"),
        }


def _payments(data: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    for place, payment in enumerate(data.get("payments", ()), start=1):
        yield {
            "sequence": payment.get("sequence", place),
            "method": payment["method"],
            "amount": money_of(payment["amount"]).minor,
            "installments": payment.get("installments"),
            "paid_at": payment.get("paid_at"),
        }


def _refuse_repeated_numbers(data: Mapping[str, Any]) -> None:
    for name, number in (("lines", "line"), ("payments", "sequence")):
        numbers = [part.get(number, place) for place, part in enumerate(data.get(name, ()), start=1)]
        if len(set(numbers)) < len(numbers):
            raise Refusal("contract_violation", f"{name}: the same `{number}` twice, expected each once")


def _order_columns(data: Mapping[str, Any]) -> dict[str, object]:
    total, shipping, discount = (_minor(data, name) for name in ("total", "shipping", "discount"))
    lines = data.get("lines", ())
    if total is None and lines:
        goods = sum(
            money_of(line["unit_price"]).minor * line.get("quantity", 1) - (_minor(line, "discount") or 0)
            for line in lines
        )
        carried = shipping if shipping is not None else sum(_minor(line, "shipping") or 0 for line in lines)
        total = goods + carried - (discount or 0)
        if abs(total) >= _MOST:
            raise Refusal("contract_violation", f"lines: together {total} minor units, more than can be kept")
    estimated = data.get("estimated_at")
    return {
        "platform": data.get("platform"),
        "channel": data.get("channel"),
        "payment_method": data.get("payment_method"),
        "estimated_at": parse_instant(estimated) if estimated else None,
        "status": data.get("status"),
        "total": total,
        "shipping": shipping,
        "discount": discount,
        "ship_to_differs": data.get("ship_to_differs"),
    }


def _minor(part: Mapping[str, Any], name: str) -> int | None:
    raw = part.get(name)
    return money_of(raw).minor if raw is not None else None


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
