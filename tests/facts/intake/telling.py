"""Events that the tests of intake tell."""

from datetime import UTC, datetime, timedelta
from typing import Any

from engine.facts.events import Event

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
LATER = datetime(2025, 3, 20, tzinfo=UTC)


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def placed(number: str = "1001", who: str = "c1", *, at: datetime = NOON, **data: Any) -> Event:
    """An order of two lines by a customer who becomes known with it."""
    told = {
        "payment_method": "bank_slip",
        "channel": "ad",
        "shipping": eur("4.90"),
        "lines": [
            {"product": "p1", "category": "shoes", "unit_price": eur("50.00"), "quantity": 2},
            {"product": "p2", "category": "bags", "unit_price": eur("20.05"), "discount": eur("0.05")},
        ],
        "customer": {"given_name": "Ada", "email": "Ada@Example.INVALID", "country": "DE", "phone": "030 123456"},
    }
    told = {name: value for name, value in (told | data).items() if value is not None}
    return Event("order.placed", f"placed-{number}", at, "main", who, number, told)


def progressed(kind: str, number: str = "1001", *, key: str | None = None, at: datetime | None = None, **data) -> Event:
    return Event(
        f"order.{kind}", key or f"{kind}-{number}", at or NOON + timedelta(hours=1), "main", None, number, data
    )
