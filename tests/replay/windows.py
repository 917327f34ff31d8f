"""What tests of replays have in common: people who order, and the journeys that a replay has started."""

from datetime import datetime
from typing import Any

import psycopg

from tests.facts.shop import Shop, put

Started = tuple[str, str, datetime, str]


def customer(shop: Shop, key: str, *orders: str, **columns: Any) -> None:
    """A customer, of whom the shop speaks from now on, with orders that are paid when they are placed."""
    shop.customer = put(shop.connection, "customers", key=key, given_name="Kim", email=f"{key}@example.com", **columns)
    put(shop.connection, "customer_identities", customer_id=shop.customer, shop_id=shop.id, key=key)
    for number, placed in enumerate(orders, 1):
        shop.order(f"{key}-{number}", placed, paid_at=placed)


def started(connection: psycopg.Connection[Any]) -> list[Started]:
    """Each journey's customer and playbook, when it began and what became of it."""
    return connection.execute(
        """select c.key, j.playbook, j.started_at, coalesce(j.outcome, j.state) from journeys j
             join customers c on c.id = j.customer_id order by j.started_at, j.id"""
    ).fetchall()
