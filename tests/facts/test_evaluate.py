"""Conditions asked of real rows, as of an instant."""

import psycopg
import pytest

from engine.attributes.definition import AttributeDefinition
from engine.conditions.ast import All, Any, Compare, Did, Not, StepIs
from engine.facts.currency import CurrencyUnclearError
from engine.facts.evaluate import Asked, Evaluator, environment, evaluator, holds, reporting_currency
from tests.facts.shop import Shop, put, utc

PAID = Compare(name="paid", operator="eq", operand=True)
CATALOGUE = {
    definition.name: definition
    for definition in (
        AttributeDefinition(
            name="paid_orders", title="Paid orders", type="integer", aggregate="count", of="orders", where=PAID
        ),
        AttributeDefinition(
            name="first_time_buyer", title="First-time buyer", type="boolean", aggregate="none", of="orders", where=PAID
        ),
        AttributeDefinition(
            name="spend", title="Spend", type="money", aggregate="sum", of="payments.amount", where=PAID
        ),
    )
}
FIRST_TIME = Compare(name="first_time_buyer", operator="eq", operand=True)


@pytest.fixture
def shop(connection: psycopg.Connection) -> Shop:
    return Shop(connection)


def asked(shop: Shop, at: str, order: int | None = None, journey: int | None = None) -> Asked:
    subject = ("customer", shop.customer) if order is None else ("order", order)
    return Asked(shop.customer, *subject, utc(at), journey=journey)


def test_a_first_time_buyer_is_one_until_the_first_order_is_paid(connection, shop):
    order = shop.order("1", "2026-01-01T10:00", paid_at="2026-01-03T10:00")

    def first(at):
        return holds(connection, CATALOGUE, FIRST_TIME, asked(shop, at, order), currency="EUR")

    assert first("2026-01-02T10:00")
    assert first("2026-01-03T09:59")
    assert not first("2026-01-03T10:00")


def test_conditions_see_attributes_and_the_order_together(connection, shop):
    earlier = shop.order("1", "2026-01-01T10:00", paid_at="2026-01-01T10:00")
    shop.payment(earlier, 60000)
    order = shop.order("2", "2026-02-01T10:00", total_minor=2500, payment_method="bank_slip")
    condition = All(
        parts=(
            Compare(name="spend", operator="gte", amounts=(("EUR", 50000), ("USD", 1))),
            Compare(name="order.payment_method", operator="eq", operand="bank_slip"),
            Compare(name="order.total", operator="lt", amounts=(("EUR", 2501),)),
            Compare(name="order.placed_at", operator="gte", operand="2026-02-01T10:00:00Z"),
        )
    )
    assert holds(connection, CATALOGUE, condition, asked(shop, "2026-02-02T10:00", order), currency="EUR")
    assert not holds(connection, CATALOGUE, condition, asked(shop, "2026-02-02T10:00", order), currency="BRL")


def test_an_environment_has_the_values_that_were_asked_for(connection, shop):
    known = environment(
        connection, CATALOGUE, asked(shop, "2026-01-02T10:00"), names={"first_time_buyer"}, currency="EUR"
    )
    assert dict(known.attributes) == {"first_time_buyer": True}


def test_an_attribute_that_is_not_declared_is_an_error(connection, shop):
    with pytest.raises(ValueError, match="no attribute 'spent'"):
        environment(connection, CATALOGUE, asked(shop, "2026-01-02T10:00"), names={"spent"}, currency="EUR")


def did(event, **more):
    return Did(event=event, **more)


def test_imported_orders_count_as_events(connection, shop):
    shop.order("1", "2026-01-01T10:00", paid_at="2026-01-03T10:00")
    paid = did("order.paid")
    assert not holds(connection, CATALOGUE, paid, asked(shop, "2026-01-03T09:59"), currency="EUR")
    assert holds(connection, CATALOGUE, paid, asked(shop, "2026-01-03T10:00"), currency="EUR")


def test_an_order_told_by_events_happens_once(connection, shop):
    order = shop.order("1", "2026-01-01T10:00", paid_at="2026-01-03T10:00")
    shop.event("order.placed", "2026-01-01T10:00", "e1", order)
    shop.event("order.paid", "2026-01-03T10:00", "e2", order, method="card")
    put(connection, "reviews", order_id=order, key="R1", score=2, created_at=utc("2026-01-09T10:00"))
    shop.event("review.created", "2026-01-09T10:00", "e3", order, review="R1", score=2)
    put(connection, "site_events", customer_id=shop.customer, key="e4", kind="visit", at=utc("2026-01-12T10:00"))
    shop.event("site.visit", "2026-01-12T10:00", "e4", page="/")
    put(connection, "site_events", customer_id=shop.customer, key="main/e5", kind="cart", at=utc("2026-01-12T10:00"))
    shop.event("site.cart", "2026-01-12T10:00", "e5")
    put(connection, "cases", customer_id=shop.customer, key="K1", kind="complaint", opened_at=utc("2026-01-11T10:00"))
    shop.event("case.opened", "2026-01-11T10:00", "e6", case="K1", type="complaint")
    for kind in ("order.placed", "order.paid", "review.created", "site.visit", "site.cart", "case.opened"):
        now = asked(shop, "2026-02-01T10:00")
        assert holds(connection, CATALOGUE, did(kind), now, currency="EUR"), kind
        assert not holds(connection, CATALOGUE, did(kind, times=2), now, currency="EUR"), kind


def test_two_orders_are_two_happenings(connection, shop):
    shop.order("1", "2026-01-01T10:00")
    second = shop.order("2", "2026-01-02T10:00")
    shop.event("order.placed", "2026-01-02T10:00", "e1", second)
    now = asked(shop, "2026-02-01T10:00")
    assert holds(connection, CATALOGUE, did("order.placed", times=2), now, currency="EUR")
    assert not holds(connection, CATALOGUE, did("order.placed", times=3), now, currency="EUR")


def test_events_of_a_projects_own_kind_are_read_from_the_log(connection, shop):
    shop.event("loyalty.card_issued", "2026-01-02T10:00", "e1", level="gold", fee={"amount": "5.00", "currency": "EUR"})
    own = Evaluator(CATALOGUE, "EUR", {"loyalty.card_issued": {"level": "string", "fee": "money"}})
    gold = did("loyalty.card_issued", where=Compare(name="level", operator="eq", operand="gold"))
    dear = did("loyalty.card_issued", where=Compare(name="fee", operator="gt", amounts=(("EUR", 500),)))
    assert own.holds(connection, gold, asked(shop, "2026-01-02T10:00"))
    assert not own.holds(connection, dear, asked(shop, "2026-01-02T10:00"))


def test_a_did_looks_at_what_was_ordered_whether_imported_or_told(connection, shop):
    order = shop.order("1", "2026-01-01T10:00", paid_at="2026-01-03T10:00")
    product = put(connection, "products", shop_id=shop.id, key="P1", category="shoes")
    put(connection, "order_lines", order_id=order, line=1, product_id=product, unit_price_minor=1000, currency="EUR")

    def bought(category, at="2026-01-04T10:00"):
        where = Compare(name="category", operator="has_any", operands=(category,))
        return holds(connection, CATALOGUE, did("order.paid", where=where), asked(shop, at), currency="EUR")

    assert bought("shoes")
    assert not bought("hats")
    shop.event("order.paid", "2026-01-03T10:00", "e1", order, category=["hats"])
    assert bought("hats")


def test_a_did_within_a_window_leaves_out_its_far_edge(connection, shop):
    shop.order("1", "2026-01-01T10:00")
    lately = did("order.placed", within_seconds=86400)
    assert holds(connection, CATALOGUE, lately, asked(shop, "2026-01-02T09:59:59.999999"), currency="EUR")
    assert not holds(connection, CATALOGUE, lately, asked(shop, "2026-01-02T10:00"), currency="EUR")


def test_a_review_is_asked_about_by_the_words_of_the_rules(connection, shop):
    order = shop.order("1", "2026-01-01T10:00")
    put(connection, "reviews", order_id=order, key="R1", score=2, body="Too small!", created_at=utc("2026-01-09T10:00"))
    about_size = did("review.created", where=Compare(name="keywords", operator="has_any", operands=("size",)))
    now = asked(shop, "2026-02-01T10:00")
    assert evaluator(CATALOGUE, "EUR", {"size": ("too small",)}).holds(connection, about_size, now)
    assert not evaluator(CATALOGUE, "EUR", {"size": ("too large",)}).holds(connection, about_size, now)
    assert not evaluator(CATALOGUE, "EUR").holds(connection, about_size, now)


def test_an_event_said_to_precede_its_order_still_counts(connection, shop):
    shop.order("1", "2026-01-02T10:00", shipped_at="2026-01-01T10:00", channel="ad")
    where = Compare(name="channel", operator="eq", operand="ad")
    now = asked(shop, "2026-02-01T10:00")
    assert holds(connection, CATALOGUE, did("order.shipped", where=where), now, currency="EUR")


def journey(connection: psycopg.Connection, shop: Shop) -> int:
    connection.execute("insert into rule_versions (version, files) values ('v1', '{}')")
    return put(
        connection, "journeys", workflow_id="p/customer-1/1", playbook="p", version="v1", subject="customer",
        subject_id=shop.customer, occasion=1, customer_id=shop.customer, started_at=utc("2026-01-01T10:00"),
    )  # fmt: skip


def test_a_step_is_what_has_become_of_its_message_by_then(connection, shop):
    running = journey(connection, shop)
    message = put(
        connection, "messages", key="p/customer-1/1/first/1/email", journey_id=running, customer_id=shop.customer,
        playbook="p", step="first", channel="email", purpose="service", state="sent", due_at=utc("2026-01-02T10:00"),
        at=utc("2026-01-02T10:00"),
    )  # fmt: skip
    put(connection, "message_events", message_id=message, kind="clicked", key="c1", at=utc("2026-01-03T10:00"))

    def states(at):
        now = asked(shop, at, journey=running)
        return [
            holds(connection, CATALOGUE, StepIs(step="first", state=state), now, currency="EUR")
            for state in ("sent", "clicked")
        ]

    assert states("2026-01-02T09:59") == [False, False]
    assert states("2026-01-02T10:00") == [True, False]
    assert states("2026-01-03T10:00") == [True, True]


def test_a_proof_shows_each_clause_with_what_was_found(connection, shop):
    shop.order("1", "2026-01-01T10:00")
    condition = Any(parts=(Not(part=FIRST_TIME), did("order.placed", times=2)))
    proof = evaluator(CATALOGUE, "EUR").explain(connection, condition, asked(shop, "2026-01-02T10:00"))
    assert not proof.verdict
    assert proof.parts[0].parts[0].value is True
    assert proof.parts[1].found == 1


def test_the_reporting_currency_is_the_policys_else_the_one_of_the_shops(connection):
    assert reporting_currency(connection, None) is None
    Shop(connection)
    assert reporting_currency(connection, None) == "EUR"
    Shop(connection, "USD", "second")
    assert reporting_currency(connection, "USD") == "USD"
    with pytest.raises(CurrencyUnclearError, match=r"currency_unclear: .* shops in EUR, USD"):
        reporting_currency(connection, None)


def test_a_shipments_condition_sees_the_shipment_and_its_order(connection, shop):
    order = shop.order("1", "2026-01-01T10:00", paid_at="2026-01-01T10:00", channel="ad")
    shipment = put(
        connection, "shipments", order_id=order, key="S1", carrier="post", shipped_at=utc("2026-01-02T10:00"),
        delivered_at=utc("2026-01-05T10:00"),
    )  # fmt: skip
    condition = All(
        parts=(
            Compare(name="shipment.carrier", operator="eq", operand="post"),
            Compare(name="shipment.delivered", operator="eq", operand=False),
            Compare(name="order.channel", operator="eq", operand="ad"),
        )
    )

    def held(at):
        about = Asked(shop.customer, "shipment", shipment, utc(at))
        return holds(connection, CATALOGUE, condition, about, currency="EUR")

    assert held("2026-01-04T10:00")
    assert not held("2026-01-05T10:00")  # delivered
    assert not held("2026-01-02T09:59")  # not there yet


@pytest.mark.parametrize("subject", ["order", "shipment", "case"])
def test_a_subject_that_does_not_exist_is_an_error(connection, shop, subject):
    condition = Compare(name=f"{subject}.number", operator="known")
    about = Asked(shop.customer, subject, 4711, utc("2026-01-04T10:00"))
    with pytest.raises(LookupError, match=f"no {subject} 4711"):
        holds(connection, CATALOGUE, condition, about, currency="EUR")


def test_a_customer_without_a_zone_has_the_shops_else_the_given_one(connection, shop):
    connection.execute("update customers set zone = null")
    order = shop.order("1", "2026-01-01T10:00", estimated_at="2026-01-09T03:00", delivered_at="2026-01-09T16:00")
    late = Compare(name="order.late", operator="eq", operand=True)
    about = asked(shop, "2026-02-01T10:00", order)
    assert not holds(connection, CATALOGUE, late, about, currency="EUR")
    assert holds(connection, CATALOGUE, late, about, currency="EUR", zone="Asia/Tokyo")
