"""Reading facts from real rows, as of an instant."""

import psycopg
import pytest

from engine.attributes.relations import RELATIONS
from engine.conditions.operands import microseconds
from engine.facts.read import read_customer, read_scope
from tests.facts.shop import Shop, put, utc


@pytest.fixture
def shop(connection: psycopg.Connection) -> Shop:
    return Shop(connection)


def value(facts, relation, field, place=0):
    return facts.rows[relation][place][RELATIONS[relation].slots[field]]


def test_every_relation_can_be_read_for_an_empty_customer(connection, shop):
    facts = read_customer(connection, shop.customer)
    assert set(facts.rows) == set(RELATIONS)
    assert [name for name, rows in facts.rows.items() if rows] == ["customer"]
    assert facts.zone == "America/Sao_Paulo"


def test_instants_are_read_as_exact_microseconds(connection, shop):
    shop.order("1", "2026-01-01T10:00:00.123457")
    facts = read_customer(connection, shop.customer, relations=["orders"])
    assert value(facts, "orders", "placed_at") == microseconds(utc("2026-01-01T10:00:00.123457"))


def test_a_row_in_each_relation_reads_in_its_own_places(connection, shop):
    order = shop.order("1", "2026-01-01T10:00", paid_at="2026-01-01T11:00", total_minor=2500)
    product = put(connection, "products", shop_id=shop.id, key="P1", category="shoes")
    put(connection, "order_lines", order_id=order, line=1, product_id=product, quantity=2, unit_price_minor=1000,
        discount_minor=100, currency="EUR")  # fmt: skip
    shop.payment(order, 2500)
    put(connection, "shipments", order_id=order, key="S1", carrier="post", shipped_at=utc("2026-01-02T10:00"))
    put(connection, "reviews", order_id=order, key="R1", score=4, created_at=utc("2026-01-09T10:00"))
    put(connection, "returns", order_id=order, key="T1", requested_at=utc("2026-01-10T10:00"))
    put(connection, "cases", customer_id=shop.customer, key="K1", kind="complaint", opened_at=utc("2026-01-11T10:00"))
    put(connection, "site_events", customer_id=shop.customer, key="E1", kind="visit", at=utc("2026-01-12T10:00"))
    put(connection, "consents", customer_id=shop.customer, purpose="marketing", granted=True)
    put(connection, "points_entries", customer_id=shop.customer, key="Q1", kind="earn", points=25,
        at=utc("2026-01-13T10:00"))  # fmt: skip

    facts = read_customer(connection, shop.customer)

    assert {name: len(rows) for name, rows in facts.rows.items() if name != "messages"} == dict.fromkeys(
        set(RELATIONS) - {"messages"}, 1
    )
    assert value(facts, "orders", "category") == frozenset({"shoes"})
    assert value(facts, "lines", "amount") == 1900
    assert value(facts, "payments", "@at") == microseconds(utc("2026-01-01T11:00"))
    assert value(facts, "reviews", "score") == 4
    assert value(facts, "points", "points") == 25


def test_fields_nobody_asked_for_are_left_out(connection, shop):
    shop.order("1", "2026-01-01T10:00", total_minor=2500, channel="mail")
    facts = read_customer(connection, shop.customer, relations={"orders": {"channel"}})
    assert value(facts, "orders", "channel") == "mail"
    assert value(facts, "orders", "total") is None


def test_a_zone_that_does_not_exist_falls_back_to_the_shops_then_to_the_given_one(connection, shop):
    connection.execute("update customers set zone = 'Mars/Olympus'")
    assert read_customer(connection, shop.customer, zone="Asia/Tokyo").zone == "Asia/Tokyo"
    put(connection, "customer_identities", customer_id=shop.customer, shop_id=shop.id, key="ana")
    assert read_customer(connection, shop.customer, zone="Asia/Tokyo").zone == "Europe/Berlin"


def test_an_unknown_customer_is_an_error(connection, shop):
    with pytest.raises(LookupError, match="no customer 4711"):
        read_customer(connection, 4711)


def test_an_orders_scope_shows_nothing_of_what_lies_ahead(connection, shop):
    order = shop.order(
        "1", "2026-01-01T10:00", paid_at="2026-01-03T10:00", estimated_at="2026-01-09T10:00", status="paid"
    )
    before = read_scope(connection, "order", order, utc("2026-01-02T10:00"))
    after = read_scope(connection, "order", order, utc("2026-01-03T10:00"))
    assert (before["order.paid"], before["order.paid_at"]) == (False, None)
    assert (after["order.paid"], after["order.paid_at"]) == (True, microseconds(utc("2026-01-03T10:00")))
    assert before["order.estimated_at"] == microseconds(utc("2026-01-09T10:00"))
    assert before["order.status"] is None  # said without an instant: known only from the import on
    assert read_scope(connection, "order", order, utc("2026-01-01T09:59")) == {}


def test_money_of_another_currency_is_unknown_in_a_scope(connection, shop):
    order = shop.order("1", "2026-01-01T10:00", total_minor=2500)
    at = utc("2026-01-02T10:00")
    assert read_scope(connection, "order", order, at, currency="EUR")["order.total"] == 2500
    assert read_scope(connection, "order", order, at, currency="USD")["order.total"] is None


@pytest.mark.parametrize(
    ("delivered", "late"),
    [
        ("2026-01-10T02:59", False),  # 23:59 in Sao Paulo on the promised day
        ("2026-01-10T03:00", True),  # midnight there
    ],
)
def test_late_is_a_later_day_of_the_customers_calendar(connection, shop, delivered, late):
    order = shop.order("1", "2026-01-01T10:00", estimated_at="2026-01-09T03:00", delivered_at=delivered)
    assert read_scope(connection, "order", order, utc("2026-02-01T00:00"))["order.late"] is late
