"""Reading facts from real rows, as of an instant."""

from pathlib import Path

import psycopg
import pytest

import engine
from engine.attributes.fold import compile_fold
from engine.attributes.relations import RELATIONS
from engine.conditions.operands import microseconds
from engine.facts.read import read_customer, read_scope
from engine.language.rules import load_rules
from tests.facts.shop import Shop, put, utc

RULES = Path(engine.__file__).parents[1] / "rules"


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
    put(connection, "suppressions", customer_id=shop.customer, channel="sms", reason="opted_out",
        since=utc("2026-01-14T10:00"))  # fmt: skip
    put(connection, "coupons", customer_id=shop.customer, pool="spring", code="C1", issued_at=utc("2026-01-15T10:00"),
        value_minor=500, currency="EUR", expires_at=utc("2026-02-15T10:00"))  # fmt: skip
    put(connection, "campaign_periods", key="winter", title="Winter", starts_at=utc("2026-01-01T00:00"),
        ends_at=utc("2026-01-05T00:00"))  # fmt: skip

    facts = read_customer(connection, shop.customer)

    of_journeys = {"messages", "message_events"}
    assert {name: len(rows) for name, rows in facts.rows.items() if name not in of_journeys} == dict.fromkeys(
        set(RELATIONS) - of_journeys, 1
    )
    assert value(facts, "orders", "pieces") == 2
    assert value(facts, "lines", "discounted") is True
    assert value(facts, "coupons", "expired_at") == microseconds(utc("2026-02-15T10:00"))
    assert value(facts, "suppressions", "since") == microseconds(utc("2026-01-14T10:00"))
    placed, paid = microseconds(utc("2026-01-01T10:00")), microseconds(utc("2026-01-01T11:00"))
    assert value(facts, "campaign_periods", "purchases") == [[placed, paid, None]]
    assert value(facts, "orders", "category") == frozenset({"shoes"})
    assert value(facts, "lines", "amount") == 1900
    assert value(facts, "payments", "@at") == microseconds(utc("2026-01-01T11:00"))
    assert value(facts, "reviews", "score") == 4
    assert value(facts, "points", "points") == 25


def shipped(connection, shop, at, *names):
    rules = load_rules(RULES)
    fold = compile_fold(rules.catalogue, currency="EUR", only=names, words={"size": ("too small",)})
    return fold(read_customer(connection, shop.customer, relations=fold.reads), utc(at))


def test_a_campaign_period_counts_once_it_is_over_for_who_paid_an_order_placed_in_it(connection, shop):
    for month in ("01", "02", "03"):
        put(connection, "campaign_periods", key=month, title=month, starts_at=utc(f"2026-{month}-01T00:00"),
            ends_at=utc(f"2026-{month}-08T00:00"))  # fmt: skip
    shop.order("1", "2026-01-01T00:00", paid_at="2026-02-20T10:00")  # its first instant; paid late
    shop.order("2", "2026-02-08T00:00", paid_at="2026-02-08T10:00")  # its end is out
    shop.order("3", "2026-03-02T10:00", paid_at="2026-03-02T11:00", cancelled_at="2026-04-01T10:00")

    def bought(at):
        return tuple(shipped(connection, shop, at, "campaigns_bought", "campaign_streak").values())

    assert bought("2026-01-09T10:00") == (0, 0)
    assert bought("2026-02-20T10:00") == (0, 1)  # the streak ends with February's period
    assert bought("2026-03-09T10:00") == (1, 2)
    assert bought("2026-04-02T10:00") == (0, 1)


def test_reviews_have_the_keywords_of_their_title_and_text(connection, shop):
    order = shop.order("1", "2026-01-01T10:00", paid_at="2026-01-01T11:00")
    for key, title, body in (("R1", "Too", "small"), ("R2", None, "TOO SMALL for me"), ("R3", None, None)):
        put(connection, "reviews", order_id=order, key=key, score=2, title=title, body=body,
            created_at=utc("2026-01-09T10:00"))  # fmt: skip
    assert shipped(connection, shop, "2026-02-01T10:00", "size_mentions", "review_keywords") == {
        "size_mentions": 2,
        "review_keywords": {"size"},
    }


def test_every_shipped_attribute_can_be_read_from_the_database(connection, shop):
    shop.order("1", "2026-01-01T10:00", paid_at="2026-01-01T11:00")
    rules = load_rules(RULES)
    values = shipped(connection, shop, "2026-02-01T10:00", *rules.catalogue)
    assert values.keys() == rules.catalogue.keys()
    assert (values["paid_orders"], values["days_since_last_order"], values["order_hour"]) == (1, 31, 7)


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
