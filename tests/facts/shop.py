"""A small shop written straight into the tables, for tests that read facts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb


def utc(text: str) -> datetime:
    """An instant from `2026-01-31T10:00`."""
    return datetime.fromisoformat(f"{text}+00:00")


def put(connection: psycopg.Connection[Any], table: str, **columns: Any) -> int:
    """Writes one row and gives its id."""
    values = [Jsonb(value) if isinstance(value, Mapping) else value for value in columns.values()]
    statement = sql.SQL("insert into {} ({}) values ({}) returning id").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
    )
    row = connection.execute(statement, values).fetchone()
    assert row is not None
    return int(row[0])


class Shop:
    """A shop in euros with one customer."""

    def __init__(self, connection: psycopg.Connection[Any], currency: str = "EUR", key: str = "main") -> None:
        self.connection = connection
        self.id = put(connection, "shops", key=key, name="Main", zone="Europe/Berlin", currency=currency)
        self.customer = put(
            connection, "customers", key=f"{key}-ana", country="BR", locale="pt-BR", zone="America/Sao_Paulo"
        )

    def order(self, number: str, placed: str, **columns: Any) -> int:
        """An order of the customer; instants as text."""
        instants = {name: utc(value) for name, value in columns.items() if name.endswith("_at") and value is not None}
        values = {"currency": "EUR", "customer_id": self.customer, **columns, **instants}
        return put(self.connection, "orders", shop_id=self.id, number=number, placed_at=utc(placed), **values)

    def payment(self, order: int, cents: int, paid: str | None = None, sequence: int = 1, currency: str = "EUR") -> int:
        """A payment of an order."""
        return put(
            self.connection,
            "payments",
            order_id=order,
            sequence=sequence,
            method="card",
            amount_minor=cents,
            currency=currency,
            paid_at=utc(paid) if paid else None,
        )

    def event(self, kind: str, at: str, key: str, order: int | None = None, **data: Any) -> int:
        """An event as told."""
        return put(
            self.connection,
            "events",
            shop_id=self.id,
            key=key,
            kind=kind,
            customer_id=self.customer,
            order_id=order,
            at=utc(at),
            data=data,
        )
