r"""What message templates may name, read from the facts in one round trip.

| name | what |
|---|---|
| `customer.given_name`, `.family_name`, `.city`, `.country` | texts, None if unknown or no name one could greet by |
| `customer.locale`, `.zone` | as stored; the zone falls back to the shop's |
| `order.number`, `.payment_method` | texts |
| `order.total`, `.shipping`, `.discount` | amounts: `{{ order.total \| money }}` |
| `order.placed_at`, `.estimated_at` | instants: `{{ order.placed_at \| date }}` |
| `shipment.shipment`, `.carrier`, `.tracking` | texts |
| `shipment.shipped_at`, `.estimated_at`, `.out_for_delivery_at`, `.delivered_at` | instants |
| `case.case`, `.kind`, `.subject` | texts |
| `case.opened_at`, `.answered_at`, `.closed_at` | instants |
| `coupon.code`, `.pool` | texts, of the coupon that the journey has given last |
| `coupon.last_day` | instant in the last day on which it is good; None: it stays good |
| `shop.name`, `.country`, `.zone` | texts |
| `attributes.…` | the customer's attributes, if the caller has them |
| `unsubscribe` | a link, from the sender; None where the message asks for no consent or is no e-mail |
| `locale` | the template's own |

`order` is there for messages about an order or one of its parcels only, `shipment` for those about a parcel, `case` for
those about a case, `coupon` only after a step that has given one. Instants after the send are unknown. Addresses are
not offered: a message has no use for its own.
"""

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.rows import dict_row

from engine.money import Money

SHIPMENT_INSTANTS = ("shipped_at", "out_for_delivery_at", "delivered_at")
CASE_INSTANTS = ("opened_at", "answered_at", "closed_at")
VARIABLES: Mapping[str, tuple[str, ...]] = {
    "customer": ("given_name", "family_name", "country", "city", "locale", "zone"),
    "order": (
        "number",
        "payment_method",
        "total",
        "shipping",
        "discount",
        "placed_at",
        "estimated_at",
    ),
    "shipment": ("shipment", "carrier", "tracking", *SHIPMENT_INSTANTS, "estimated_at"),
    "case": ("case", "kind", "subject", *CASE_INSTANTS),
    "coupon": ("code", "pool", "last_day"),
    "shop": ("name", "country", "zone"),
    "attributes": (),
    "unsubscribe": (),
    "locale": (),
}
"""Names of the values by group; a group without names is a value itself, or open."""

_LONGEST_NAME = 60
_NO_NAME = re.compile(r"://|www\.|[@<>{}]", re.IGNORECASE)
_SHIPMENT = """
select key as shipment, carrier, tracking, shipped_at, out_for_delivery_at, delivered_at, estimated_at
  from shipments where id = %s
"""
_CASE = "select key as case, kind, subject, opened_at, answered_at, closed_at from cases where id = %s"
_COUPON = """
select v.code, v.pool, v.expires_at - interval '1 second' as last_day
  from calls c join coupons v on v.key = c.key
 where c.journey_id = %s and v.issued_at <= %s order by c.at desc, c.id desc limit 1
"""
_QUERY = """
select c.given_name, c.family_name, c.country, c.city, c.locale, coalesce(c.zone, s.zone) as zone,
       s.name as shop_name, s.country as shop_country, s.zone as shop_zone,
       o.id as order_id, o.number, o.payment_method, o.total_minor, o.shipping_minor, o.discount_minor, o.currency,
       o.placed_at, o.estimated_at
  from customers c
  left join orders o on o.id = %(order_id)s and o.customer_id = c.id
  left join shops s on s.id = coalesce(
       o.shop_id,
       (select i.shop_id from customer_identities i where i.customer_id = c.id order by i.id limit 1),
       (select min(id) from shops))
 where c.id = %(customer_id)s
"""


def message_values(
    connection: Connection[Any],
    *,
    customer_id: int,
    order_id: int | None = None,
    shipment_id: int | None = None,
    case_id: int | None = None,
    at: datetime | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The values of one message.

    Args:
        connection: an open connection to the facts.
        customer_id: whom the message is for.
        order_id: the order it is about, if it is about one.
        shipment_id: the parcel it is about, if it is about one.
        case_id: the case it is about, if it is about one.
        at: as of when the parcel or case is told; without it as known now.
        attributes: the customer's attributes as of the send, by name.

    Raises:
        LookupError: no such customer, parcel or case, or no such order of this customer.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_QUERY, {"customer_id": customer_id, "order_id": order_id}).fetchone()
    if row is None:
        raise LookupError(f"no customer has the id {customer_id}")
    if order_id is not None and row["order_id"] is None:
        raise LookupError(f"customer {customer_id} has no order with the id {order_id}")
    values = {"customer": _customer(row), "shop": _shop(row), "attributes": dict(attributes or {})}
    if order_id is not None:
        values["order"] = _order(row)
    if shipment_id is not None:
        values["shipment"] = _as_of(connection, _SHIPMENT, shipment_id, SHIPMENT_INSTANTS, at)
    if case_id is not None:
        values["case"] = _as_of(connection, _CASE, case_id, CASE_INSTANTS, at)
    return values


def _as_of(
    connection: Connection[Any], query: LiteralString, number: int, instants: Collection[str], at: datetime | None
) -> dict[str, Any]:
    """The row's values, where what happens after the instant is unknown."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(query, (number,)).fetchone()
    if row is None:
        raise LookupError(f"there is no parcel or case with the id {number}")
    later = {name for name in instants if at is not None and row[name] is not None and row[name] > at}
    return {name: None if name in later else value for name, value in row.items()}


def coupon_values(connection: Connection[Any], journey: int, at: datetime) -> dict[str, Any]:
    """`coupon`, if the journey has given one by then: the last of them."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_COUPON, (journey, at)).fetchone()
    return {} if row is None else {"coupon": row}


def _customer(row: Mapping[str, Any]) -> dict[str, Any]:
    names = {name: _name(row[name]) for name in ("given_name", "family_name", "city")}
    return names | {name: _text(row[name]) for name in ("country", "locale", "zone")}


def _shop(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": row["shop_name"], "country": row["shop_country"], "zone": row["shop_zone"]}


def _order(row: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: row[name] for name in ("number", "payment_method", "placed_at", "estimated_at")}
    return plain | {name: _money(row[f"{name}_minor"], row["currency"]) for name in ("total", "shipping", "discount")}


def _name(value: str | None) -> str | None:
    """A name to greet somebody by: strangers who sign up with an advertisement for a name get none of it sent."""
    text = _text(value)
    return None if text is None or len(text) > _LONGEST_NAME or _NO_NAME.search(text) else text


def _text(value: str | None) -> str | None:
    """The text with its blanks in order; None if it says nothing."""
    return " ".join(value.split()) or None if value else None


def _money(minor: int | None, currency: str) -> Money | None:
    return None if minor is None else Money(minor, currency)
