"""The ledger of points in the database; `ledger.py` says what follows from its entries."""

from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from engine.facts.ledger import Entry, New, expiries, ledger, reversals

__all__ = ["Entry", "New", "customers_with_expired", "expire", "ledger", "read_entries", "reverse", "spend", "write"]

Connection = psycopg.Connection[Any]


def read_entries(connection: Connection, customer: int) -> list[Entry]:
    """All entries of a customer."""
    with connection.cursor(row_factory=class_row(Entry)) as cursor:
        return cursor.execute(
            """select id, kind, points, at, available_at, expires_at, order_id, lot_id as lot from points_entries
                where customer_id = %s order by at, id""",
            (customer,),
        ).fetchall()


def write(connection: Connection, customer: int, new: New) -> None:
    """Writes an entry, unless it has been written."""
    connection.execute(
        """insert into points_entries (customer_id, key, kind, points, order_id, at, available_at, expires_at, lot_id)
           values (%s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict (key) do nothing""",
        (
            customer, new.key, new.kind, new.points, new.order_id, new.at, new.available_at or new.at, new.expires_at,
            new.lot,
        ),
    )  # fmt: skip


def spend(connection: Connection, customer: int, key: str, points: int, at: datetime) -> bool:
    """Takes points, the oldest first; False if there are not as many."""
    if ledger(read_entries(connection, customer)).balance(at) < points:
        return False
    write(connection, customer, New(key, "spend", -points, at))
    return True


def reverse(
    connection: Connection, customer: int, key: str, order: int, at: datetime, share: tuple[int, int] = (1, 1)
) -> None:
    """Takes back a share (part, whole) of what an order earned, less what was taken back before."""
    for new in reversals(read_entries(connection, customer), key, order, at, share):
        write(connection, customer, new)


_OVER = """
select distinct customer_id from points_entries e
 where kind = 'earn' and expires_at <= %(now)s
   and not exists (select from points_entries x where x.lot_id = e.id and x.kind = 'expire')
 order by customer_id limit %(limit)s
"""


def customers_with_expired(connection: Connection, now: datetime, limit: int) -> list[int]:
    """Customers of whom a lot's time is over and nobody has noted that."""
    return [row[0] for row in connection.execute(_OVER, {"now": now, "limit": limit})]


def expire(connection: Connection, customer: int, now: datetime) -> None:
    """Notes the end of a customer's lots whose time is over."""
    for new in expiries(read_entries(connection, customer), now):
        write(connection, customer, new)
