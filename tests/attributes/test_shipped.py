"""The shipped attributes, by one worked customer and by real orders."""

import csv
import gzip
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

import engine
from engine.attributes.definition import AttributeDefinition
from engine.attributes.facts import CustomerFacts
from engine.attributes.fold import compile_fold
from engine.attributes.relations import RELATIONS
from engine.calendar.local import zone
from engine.conditions.ast import Compare
from engine.conditions.operands import microseconds
from engine.language.rules import load_rules

RULES = Path(engine.__file__).parents[1] / "rules"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(text):
    return microseconds(datetime.fromisoformat(f"{text}+00:00"))


@pytest.fixture(scope="module")
def catalogue():
    rules = load_rules(RULES)
    assert not [issue for issue in rules.issues if issue.severity == "error" and issue.file.startswith("attributes")]
    return rules.catalogue


def worked_customer():
    """Two paid orders, one late, one cancelled and one that waits for its payment."""
    orders, payments = RELATIONS["orders"], RELATIONS["payments"]
    first = {"paid_at": at("2023-12-01T10:00"), "counts": True}
    late = {"paid_at": at("2025-12-01T12:00"), "counts": True}
    cancelled = {"paid_at": at("2026-01-01T10:00"), "cancelled_at": at("2026-01-02T10:00"), "counts": True}
    return CustomerFacts(
        1,
        "Europe/Berlin",
        {
            "customer": [RELATIONS["customer"].row(None, "ana", country="DE", locale="de-DE")],
            "orders": [
                orders.row(at("2023-12-01T10:00"), "1", **first, channel="ad", payment_method="card"),
                orders.row(
                    at("2025-12-01T10:00"), "2", **late, channel="mail", payment_method="invoice",
                    estimated_at=at("2025-12-04T23:00"), delivered_at=at("2025-12-05T23:00"),
                ),
                orders.row(at("2026-01-01T10:00"), "3", **cancelled, channel="mail", payment_method="card"),
                orders.row(at("2026-02-28T10:00"), "4", counts=True, channel="site", payment_method="bank_slip"),
            ],
            "payments": [
                payments.row(at("2023-12-01T10:00"), "1", **first, amount=10000, currency="EUR"),
                payments.row(at("2025-12-01T12:00"), "2", **late, amount=5001, currency="EUR"),
                payments.row(at("2026-01-01T10:00"), "3", **cancelled, amount=7000, currency="EUR"),
                payments.row(None, "4", counts=True, amount=2000, currency="EUR"),
            ],
            "reviews": [
                RELATIONS["reviews"].row(at("2023-12-20T10:00"), "1", score=5),
                RELATIONS["reviews"].row(at("2025-12-20T10:00"), "2", score=2),
            ],
            "cases": [
                RELATIONS["cases"].row(at("2025-12-06T10:00"), "K1", kind="complaint"),
                RELATIONS["cases"].row(at("2025-12-07T10:00"), "K2", kind="inquiry"),
                RELATIONS["cases"].row(
                    at("2024-01-02T10:00"), "K0", kind="complaint", closed_at=at("2024-01-03T10:00")
                ),
            ],
            "site_events": [
                RELATIONS["site_events"].row(at(day), day, kind=kind)
                for day, kind in (
                    ("2026-01-30T12:00", "visit"), ("2026-01-30T12:01", "visit"), ("2026-02-27T10:00", "cart"),
                )
            ],
            "consents": [
                RELATIONS["consents"].row(at("2023-12-01T10:00"), "marketing *", purpose="marketing", channel="*",
                                          granted=True),
                RELATIONS["consents"].row(at("2026-01-01T10:00"), "marketing sms", purpose="marketing", channel="sms",
                                          granted=False),
            ],
        },
    )  # fmt: skip


def test_a_worked_customer_is_seen_as_a_whole(catalogue):
    facts = worked_customer()
    nothing = {name: [] for name in RELATIONS if name not in facts.rows}
    whole = CustomerFacts(1, facts.zone, {**facts.rows, **nothing})
    values = compile_fold(catalogue, currency="EUR")(whole, NOW)
    expected = {
        "paid_orders": 2,
        "orders_365d": 1,
        "first_time_buyer": False,
        "days_since_last_order": 90,
        "last_payment_method": "bank_slip",
        "last_channel": "site",
        "spend_24mo": 5001,
        "spend_ever": 15001,
        "average_order_value": 7500,  # 7500.5 cents, rounded to the even one
        "late_deliveries": 1,
        "last_review_score": 2,
        "open_complaints": 1,
        "site_visits_30d": 1,
        "country": "DE",
        "locale": "de-DE",
        "marketing_email_consent": True,
        "marketing_sms_consent": False,
        "last_order_interval": 731,
        "order_pause_ratio": Decimal("0.12"),
        "late_delivery_share": Decimal("1.00"),
        "unpaid_orders": 1,
        "cancelled_order_share": Decimal("0.25"),
        "average_review_score": Decimal("3.50"),
        "complaints_90d": 1,
        "review_keywords": frozenset(),
    }
    assert {name: values[name] for name in expected} == expected


def test_a_customer_without_any_facts_has_every_shipped_attribute(catalogue):
    nobody = CustomerFacts(1, "UTC", {name: [] for name in RELATIONS} | {"customer": [RELATIONS["customer"].row(None)]})
    values = compile_fold(catalogue, currency="EUR")(nobody, NOW)
    assert values.keys() == catalogue.keys()
    known = {name: value for name, value in values.items() if value is not None}
    for name, value in known.items():
        assert catalogue[name].aggregate in ("count", "exists", "none", "sum", "distinct", "streak"), name
        assert value in (0, frozenset(), name == "first_time_buyer"), name
    assert known["first_time_buyer"] is True
    assert (known["spend_ever"], known["paid_orders"], known["categories"]) == (0, 0, frozenset())


def test_every_shipped_attribute_says_what_it_is(catalogue):
    assert len(catalogue) >= 60
    for definition in catalogue.values():
        assert definition.description.endswith("."), definition.name
        assert definition.unit or definition.type in ("boolean", "string", "set", "date", "instant"), definition.name


def test_late_deliveries_of_real_orders_are_those_of_a_later_day(olist):
    def local(text):
        return microseconds(datetime.fromisoformat(text).replace(tzinfo=zone("America/Sao_Paulo"))) if text else None

    with gzip.open(olist / "olist_orders_dataset.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = [
            RELATIONS["orders"].row(
                local(order["order_purchase_timestamp"]),
                order["order_id"],
                delivered_at=local(order["order_delivered_customer_date"]),
                estimated_at=local(order["order_estimated_delivery_date"]),
            )
            for order in csv.DictReader(file)
            if order["order_status"] == "delivered"
        ]
    late = AttributeDefinition(
        name="late", title="Late", type="integer", aggregate="count", of="orders",
        where=Compare(name="late", operator="eq", operand=True),
    )  # fmt: skip
    fold = compile_fold({"late": late}, currency="BRL")
    assert fold(CustomerFacts(1, "America/Sao_Paulo", {"orders": rows}), NOW) == {"late": 6534}
