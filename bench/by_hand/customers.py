"""Made-up customers of five orders with two lines each, the same ones in every run."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from engine.attributes.facts import CustomerFacts
from engine.attributes.relations import RELATIONS
from engine.conditions.operands import microseconds

NOW = microseconds(datetime(2026, 3, 1, 12, tzinfo=UTC))
CURRENCY = "EUR"
ORDERS, LINES_EACH = 5, 2
_DAY = 86_400_000_000


def customers(number: int) -> list[CustomerFacts]:
    """So many customers, ten lines each."""
    chance = random.Random(20260301)
    return [_customer(chance, key) for key in range(number)]


def values(number: int) -> list[dict[str, Any]]:
    """Attributes as conditions meet them, unknown ones among them."""
    chance = random.Random(7)
    return [
        {
            "spend_24mo": chance.choice([None, chance.randrange(200_000)]),
            "days_since_last_order": chance.choice([None, chance.randrange(500)]),
            "country": chance.choice([None, "DE", "FR", "BR", "US"]),
            "paid_orders": chance.randrange(8),
            "open_complaints": chance.choice([0, 0, 0, 1]),
            "categories": frozenset(chance.sample(["shoes", "boots", "hats", "coats"], chance.randrange(4))),
            "marketing_email_consent": chance.choice([None, True, False]),
            "night_order_share": chance.choice([None, Decimal(chance.randrange(101)) / 100]),
        }
        for _ in range(number)
    ]


def _customer(chance: random.Random, key: int) -> CustomerFacts:
    rows: dict[str, list[tuple[object, ...]]] = {name: [] for name in ("orders", "payments", "lines")}
    for number in range(ORDERS):
        _order(chance, f"{key}-{number}", rows)
    reviews = [
        RELATIONS["reviews"].row(_ago(chance, 700), f"{key}-{place}", score=chance.choice([5, 5, 4, 3, 2, 1]))
        for place in range(chance.randrange(4))
    ]
    cases = [_case(chance, f"{key}-{place}") for place in range(chance.randrange(3))]
    zone = chance.choice(["Europe/Berlin", "America/Sao_Paulo", "Asia/Tokyo"])
    return CustomerFacts(key, zone, {**rows, "reviews": reviews, "cases": cases})


def _order(chance: random.Random, number: str, rows: Mapping[str, list[tuple[object, ...]]]) -> None:
    placed = _ago(chance, 900)
    paid = placed + chance.randrange(2 * _DAY) if chance.random() < 0.9 else None
    delivered = placed + chance.randrange(2 * _DAY, 20 * _DAY) if paid and chance.random() < 0.9 else None
    order: dict[str, Any] = {
        "paid_at": paid,
        "cancelled_at": placed + 3 * _DAY if chance.random() < 0.08 else None,
        "delivered_at": delivered,
        "counts": chance.random() < 0.97,
        "channel": chance.choice(["direct", "ad", "mail", "deal site", None]),
        "payment_method": chance.choice(["card", "invoice", None]),
    }
    currency = "USD" if chance.random() < 0.05 else CURRENCY
    closed = None if order["counts"] else "cancelled"
    total = chance.randrange(1_000, 90_000)
    more = {"estimated_at": placed + 9 * _DAY, "told_at": placed, "closed": closed, "total": total}
    rows["orders"].append(
        RELATIONS["orders"].row(
            placed, number, **order, **more, currency=currency, ship_to_differs=chance.random() < 0.2
        )
    )
    rows["payments"].append(
        RELATIONS["payments"].row(paid, number, **order, placed_at=placed, currency=currency, amount=total)
    )
    for place in range(LINES_EACH):
        rows["lines"].append(_line(chance, placed, f"{number}-{place}", order, currency))


def _line(chance: random.Random, placed: int, key: str, order: Mapping[str, Any], currency: str) -> tuple[object, ...]:
    return RELATIONS["lines"].row(
        placed,
        key,
        **order,
        product=f"P{chance.randrange(50)}",
        category=chance.choice(["shoes", "hats", "coats", "bags", None]),
        launched_at=placed - chance.randrange(60 * _DAY) if chance.random() < 0.5 else None,
        quantity=chance.randrange(1, 4),
        unit_price=chance.randrange(500, 30_000),
        currency=currency,
        discounted=chance.random() < 0.3,
    )


def _case(chance: random.Random, key: str) -> tuple[object, ...]:
    opened = _ago(chance, 300)
    closed = opened + 5 * _DAY if chance.random() < 0.7 else None
    return RELATIONS["cases"].row(opened, key, kind=chance.choice(["complaint", "inquiry"]), closed_at=closed)


def _ago(chance: random.Random, days: int) -> int:
    return NOW - chance.randrange(days * _DAY)
