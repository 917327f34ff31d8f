"""What is known of the products of an order."""

from typing import Any, Literal, cast

import psycopg

from engine.attributes.relations import PRODUCT_LENGTHS
from engine.conditions.types import Value

Connection = psycopg.Connection[Any]
Length = Literal["settling_time", "repurchase_time"]
LENGTHS = PRODUCT_LENGTHS


_ALL = """
select array(select distinct p.key from order_lines l join products p on p.id = l.product_id
              where l.order_id = %(order)s),
       array(select distinct p.category from order_lines l join products p on p.id = l.product_id
              where l.order_id = %(order)s and p.category is not null),
       (select max(p.settling_days) from order_lines l join products p on p.id = l.product_id
         where l.order_id = %(order)s),
       (select max(p.repurchase_days) from order_lines l join products p on p.id = l.product_id
         where l.order_id = %(order)s)
"""


def read_products(connection: Connection, order: int) -> dict[str, Value]:
    """What conditions may ask of an order's products, by the names of the scope `product.`."""
    row = connection.execute(_ALL, {"order": order}).fetchone()
    assert row is not None  # it has no conditions
    keys, categories, settling, repurchase = row
    return {
        "product.product": frozenset(keys) or None,
        "product.category": frozenset(categories) or None,
        "product.settling_days": settling,
        "product.repurchase_days": repurchase,
    }


def longest_days(connection: Connection, order: int, length: str) -> int | None:
    """The longest such time, in days, of the order's products; None where it is known of none of them.

    Raises:
        KeyError: products have no such length of time.
    """
    row = connection.execute(
        f"select max(p.{LENGTHS[length]}) from order_lines l join products p on p.id = l.product_id"  # noqa: S608 -- our own words
        " where l.order_id = %s",
        (order,),
    ).fetchone()
    return None if row is None else cast("int | None", row[0])
