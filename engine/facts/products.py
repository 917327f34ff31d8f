"""What is known of the products of an order."""

from typing import Any, Literal, cast

import psycopg

Connection = psycopg.Connection[Any]
Length = Literal["settling_time", "repurchase_time"]
LENGTHS: dict[str, str] = {"settling_time": "settling_days", "repurchase_time": "repurchase_days"}
"""Lengths of time that products have, by their names in rules, with the column that holds them."""


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
