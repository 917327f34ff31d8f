"""Lets points expire: each lot's end is an entry of the ledger, and its customer is judged anew."""

from datetime import datetime
from functools import partial
from typing import Any

import psycopg

from engine.dispatch.hand_tags import judged_after
from engine.dispatch.match import Matcher
from engine.facts.points import customers_with_expired, expire

BATCH = 200


def expire_points(connection: psycopg.Connection[Any], matcher: Matcher, now: datetime) -> int:
    """Takes one batch of customers, each in a transaction of its own; gives how many, 0 when there are none.

    Args:
        connection: outside a transaction.
        matcher: the rules in force.
        now: the wall clock's instant.
    """
    customers = customers_with_expired(connection, now, BATCH)
    for customer in customers:
        with connection.transaction():
            judged_after(connection, matcher, customer, now, partial(expire, connection, customer, now))
    return len(customers)
