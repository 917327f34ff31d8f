"""Hand tags: given and taken away by people, each with an author; the caller commits."""

from datetime import datetime
from typing import Any

import psycopg

Connection = psycopg.Connection[Any]
_HELD = """
customer_id = %(customer)s and tag = %(tag)s and at <= %(at)s
   and (expires_at is null or expires_at > %(at)s) and removed_at is null
"""


def add_hand_tag(
    connection: Connection, customer_id: int, tag: str, author: str, at: datetime, expires_at: datetime | None
) -> bool:
    """Gives a tag; what the customer already has by hand is replaced. Gives whether there was none before.

    The caller holds the customer's lock.
    """
    replaced = _end(connection, customer_id, tag, author, at)
    connection.execute(
        "insert into hand_tags (customer_id, tag, author, at, expires_at, recorded_at) values (%s, %s, %s, %s, %s, %s)",
        (customer_id, tag, author, at, expires_at, at),
    )
    return replaced == 0


def remove_hand_tag(connection: Connection, customer_id: int, tag: str, author: str, at: datetime) -> bool:
    """Takes a tag away that was given by hand; gives whether there was one. The caller holds the customer's lock."""
    return _end(connection, customer_id, tag, author, at) > 0


def was_given(connection: Connection, customer_id: int, tag: str, author: str, at: datetime) -> bool:
    """Whether this author gave the tag at this very instant, also if it was taken away since."""
    row = connection.execute(
        "select exists (select from hand_tags where customer_id = %s and tag = %s and author = %s and at = %s)",
        (customer_id, tag, author, at),
    ).fetchone()
    return bool(row and row[0])


def _end(connection: Connection, customer_id: int, tag: str, author: str, at: datetime) -> int:
    done = connection.execute(
        f"update hand_tags set removed_at = %(at)s, removed_by = %(author)s where {_HELD}",  # noqa: S608 -- our own words
        {"customer": customer_id, "tag": tag, "author": author, "at": at},
    )
    return done.rowcount
