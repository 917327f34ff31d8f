r"""What message templates may name, read from the facts in one round trip.

| name | what |
|---|---|
| `customer.given_name`, `.family_name`, `.city`, `.country` | texts, None if unknown or no name one could greet by |
| `customer.locale`, `.zone` | as stored; the zone falls back to the shop's |
| `order.number`, `.payment_method` | texts |
| `order.total`, `.shipping`, `.discount` | amounts: `{{ order.total \| money }}` |
| `order.placed_at`, `.estimated_at` | instants: `{{ order.placed_at \| date }}` |
| `shop.name`, `.country`, `.zone` | texts |
| `attributes.…` | the customer's attributes, if the caller has them |
| `locale` | the template's own |

`order` is there for messages about an order only. Addresses are not offered: a message has no use for its own.
"""

import re
from collections.abc import Mapping
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from engine.money import Money

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
    "shop": ("name", "country", "zone"),
    "attributes": (),
    "locale": (),
}
"""Names of the values by group; a group without names is a value itself, or open."""

_LONGEST_NAME = 60
_NO_NAME = re.compile(r"://|www\.|[@<>{}]", re.IGNORECASE)
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
    attributes: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The values of one message.

    Args:
        connection: an open connection to the facts.
        customer_id: whom the message is for.
        order_id: the order it is about, if it is about one.
        attributes: the customer's attributes as of the send, by name.

    Raises:
        LookupError: no such customer, or no such order of this customer.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_QUERY, {"customer_id": customer_id, "order_id": order_id}).fetchone()
    if row is None:
        raise LookupError(f"no customer has the id {customer_id}")
    if order_id is not None and row["order_id"] is None:
        raise LookupError(f"customer {customer_id} has no order with the id {order_id}")
    values = {"customer": _customer(row), "shop": _shop(row), "attributes": dict(attributes or {})}
    return values if order_id is None else values | {"order": _order(row)}


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
