"""Customers who bought between never and three times, and what an evaluation of them leaves in the database."""

from datetime import datetime, timedelta
from typing import Any

import psycopg

from engine.facts.pool import connect
from tests.facts.shop import Shop, put

PEOPLE = 90


def fill(url: str, at: datetime) -> None:
    """Customers who bought between never and three times, some long ago."""
    with connect(url) as connection:
        shop = Shop(connection)
        connection.execute(
            "insert into customer_identities (customer_id, shop_id, key) values (%s, %s, 'ana')",
            (shop.customer, shop.id),
        )
        for person in range(1, PEOPLE):
            shop.customer = put(connection, "customers", key=f"p{person:02}", email=f"p{person:02}@example.net")
            for number in range(person % 4):
                days = timedelta(days=(person * 7 + number * 90) % 400)
                order = put(
                    connection, "orders", shop_id=shop.id, number=f"{person}-{number}", customer_id=shop.customer,
                    placed_at=at - days, paid_at=at - days, currency="EUR", total_minor=100 * person,
                    recorded_at=at - days,
                )  # fmt: skip
                shop.payment(order, 100 * person)


def found(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """What an evaluation leaves in the database, without numbers that differ from run to run."""
    queries = {
        "standings": """select customer_id, tags, segments, stage, tier, rfm_group, rfm_recency, rfm_frequency,
                               rfm_monetary, version, fact_version, evaluated_at, next_flip
                          from standings order by 1""",
        "changes": """select customer_id, kind, "from", "to", at, cause, version, evidence::text
                        from standing_changes order by 1, 2, 3, 4""",
        "journeys": "select workflow_id, state, started_at from journeys order by 1",
        "outbox": """select j.workflow_id, o.kind, o.at
                       from outbox o join journeys j on j.id = o.journey_id order by 1, 2""",
        "cut-offs": 'select as_of, "values", judged_at is not null from cut_offs order by id',
    }
    with psycopg.connect(url) as connection:
        return {name: connection.execute(query).fetchall() for name, query in queries.items()}


def differing(one: dict[str, list[Any]], other: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The rows that only one of both has."""
    apart = {
        name: [row for row in [*one[name], *other[name]] if (row in one[name]) != (row in other[name])] for name in one
    }
    return {name: rows for name, rows in apart.items() if rows}
