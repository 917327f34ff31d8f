"""The shipped templates and the values of an order, for tests of what messages say."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.money import Money

TEMPLATES = Path(__file__).parents[2] / "rules" / "templates"


def shipped() -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in TEMPLATES.iterdir()}


def values(**changes: Any) -> dict[str, Any]:
    """The values of one order, its parcel and a case; `order__total=None` changes one."""
    groups: dict[str, dict[str, Any]] = {
        "customer": {
            "given_name": "Anna",
            "family_name": None,
            "country": "DE",
            "city": None,
            "locale": "de",
            "zone": "Europe/Berlin",
        },
        "shop": {"name": "Linden & Co", "country": "DE", "zone": "Europe/Berlin"},
        "order": {
            "number": "1001",
            "payment_method": "bank_slip",
            "total": Money(123450, "EUR"),
            "shipping": Money(0, "EUR"),
            "discount": None,
            "placed_at": datetime(2024, 3, 7, 23, 30, tzinfo=UTC),
            "estimated_at": None,
        },
        "shipment": {
            "shipment": "1001-1",
            "carrier": "Swift",
            "tracking": "SW000123",
            "shipped_at": datetime(2024, 3, 9, 8, tzinfo=UTC),
            "out_for_delivery_at": None,
            "delivered_at": None,
            "estimated_at": datetime(2024, 3, 12, 16, tzinfo=UTC),
        },
        "case": {
            "case": "K-1",
            "kind": "complaint",
            "subject": "delivery",
            "opened_at": datetime(2024, 3, 12, 8, tzinfo=UTC),
            "answered_at": datetime(2024, 3, 12, 9, tzinfo=UTC),
            "closed_at": datetime(2024, 3, 13, 9, tzinfo=UTC),
        },
        "coupon": {"code": "LINDEN-7F3K", "pool": "comeback-15", "last_day": datetime(2024, 3, 22, 22, 59, tzinfo=UTC)},
        "attributes": {},
    }
    unsubscribe = changes.pop("unsubscribe", "mailto:shop@linden.example?subject=unsubscribe")
    for path, value in changes.items():
        group, name = path.split("__")
        groups[group][name] = value
    return {**groups, "unsubscribe": unsubscribe}
