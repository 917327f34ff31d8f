"""What an event starts, whom it is told to, and what it leaves alone: decided in the transaction that records it."""

from datetime import timedelta

import psycopg
import pytest

from engine.dispatch import outbox
from engine.dispatch.accept import accept
from engine.facts.events import Refused
from tests.workflows.rules import HEAD, make_rules
from tests.workflows.shop import now

VISITS = """
steps:
  - wait_for: {event: case.opened, where: {type: complaint}, within: 1d}
    got: [{task: {id: care, team: support}}]
"""
FOR_CUSTOMERS = """
playbook: payment-reminder
title: After a visit
for: customer
start: {event: site.visit, once_per: 7d}
stop: {event: order.placed}
controls: {purpose: service}
"""


@pytest.fixture
def shop(open_shop):
    return open_shop(make_rules())


def told(shop):
    """Kind, event, stop and steps of the outbox's rows, in order."""
    rows = shop.rows("select kind, payload from outbox order by id")
    return [
        (row["kind"], row["payload"].get("event"), row["payload"].get("stop"), row["payload"].get("steps"))
        for row in rows
    ]


def test_an_order_starts_one_journey_named_by_our_number_of_it(shop):
    order = shop.place()
    journey = shop.journey()
    assert journey["workflow_id"] == f"payment-reminder/order-{order}/1"
    assert (journey["playbook"], journey["version"], journey["occasion"]) == (
        "payment-reminder",
        shop.rules.version,
        1,
    )
    assert told(shop) == [("start", None, None, None)]


def test_the_same_event_twice_is_one_journey(shop):
    at = now()
    shop.place(at=at)
    shop.place(at=at)
    shop.place(at=at, key="told again under another name")
    assert len(shop.journeys()) == 1
    assert len(told(shop)) == 1


def test_the_same_payment_twice_stops_once(shop):
    shop.place()
    shop.pay()
    shop.pay()
    shop.tell(shop.event("order.paid", "N-1001"))
    assert told(shop) == [("start", None, None, None), ("event", "order.paid", True, [])]


def test_nothing_is_written_unless_all_is(shop):
    data = {"payment_method": "bank_slip", "customer": {"country": "DE"}}
    with psycopg.connect(shop.url) as connection:
        accept(connection, shop.matcher, shop.event("order.placed", "N-1", customer="c1", data=data), now())
        assert connection.execute("select count(*) from journeys").fetchone() == (1,)
        connection.rollback()
    assert (shop.journeys(), told(shop), shop.rows("select id from orders")) == ([], [], [])


def test_an_order_paid_otherwise_starts_nothing(shop):
    shop.place(payment_method="card")
    assert shop.journeys() == []


def test_an_order_that_is_heard_of_too_late_starts_nothing(shop):
    shop.place("late", at=now() - timedelta(hours=24, seconds=1))
    shop.place("in-time", at=now() - timedelta(hours=23, minutes=59))
    assert [row["number"] for row in shop.rows("select number from journeys join orders o on o.id = order_id")] == [
        "in-time"
    ]


@pytest.mark.parametrize("status", ["draft", "paused"])
def test_a_playbook_that_is_not_live_starts_nothing(open_shop, status):
    shop = open_shop(make_rules(head=HEAD + f"status: {status}\n"))
    shop.place()
    assert shop.journeys() == []


def test_a_condition_of_the_start_is_asked_of_the_facts(open_shop):
    head = HEAD.replace("max_age: 24h", "max_age: 24h, only_if: {order.total: {gte: 100 EUR}}")
    shop = open_shop(make_rules(head=head))
    shop.place("small")
    shop.place("large", total={"amount": "100.00", "currency": "EUR"})
    assert shop.journey("large")["state"] == "running"
    assert len(shop.journeys()) == 1


def test_a_payment_that_comes_before_its_order_sends_nothing(shop):
    early = now()
    outcome = shop.pay(at=early)
    assert isinstance(outcome, Refused)
    assert outcome.waits_for == "order:main/N-1001"
    shop.place(at=early - timedelta(seconds=5))
    assert shop.journey()["state"] == "stopped"
    assert told(shop) == [("start", None, None, None), ("event", "order.paid", True, [])]


def test_only_what_the_plan_names_is_told(shop):
    shop.place()
    for kind in ("order.packed", "order.shipped", "order.delivered"):
        shop.tell(shop.event(kind, "N-1001"))
    assert told(shop) == [("start", None, None, None)]


def test_only_what_a_condition_admits_is_told_and_with_the_steps_that_wait_for_it(open_shop):
    shop = open_shop(make_rules(VISITS))
    shop.place()
    shop.tell(shop.event("case.opened", "N-1001", data={"case": "k1", "type": "inquiry"}))
    shop.tell(shop.event("case.opened", "N-1001", data={"case": "k2", "type": "complaint"}))
    assert told(shop)[1:] == [("event", "case.opened", False, ["wait_for-1"])]


def test_another_orders_events_are_not_told(shop):
    shop.place("N-1")
    shop.place("N-2")
    shop.pay("N-2")
    assert shop.journey("N-1")["state"] == "running"
    assert shop.journey("N-2")["state"] == "stopped"
    assert len(told(shop)) == 3


def test_a_customers_journey_begins_again_only_after_a_while(open_shop):
    shop = open_shop(make_rules("steps:\n  - wait: 1d\n", head=FOR_CUSTOMERS))
    shop.place()
    week = timedelta(days=7)
    for at in (now() - week, now() - week / 2, now()):
        shop.tell(shop.event("site.visit", customer="c1", at=at))
    ids = [workflow_id for workflow_id, _, _ in shop.journeys()]
    customer = shop.row("select id from customers")["id"]
    assert ids == [f"payment-reminder/customer-{customer}/{occasion}" for occasion in (1, 2)]


def test_a_customers_order_stops_her_journey(open_shop):
    shop = open_shop(make_rules("steps:\n  - wait: 1d\n", head=FOR_CUSTOMERS))
    shop.place("N-1")
    shop.tell(shop.event("site.visit", customer="c1"))
    shop.place("N-2")
    assert [state for _, state, _ in shop.journeys()] == ["stopped"]


def test_rows_of_one_journey_are_taken_in_order_and_one_at_a_time(shop):
    for number in ("N-1", "N-2"):
        shop.place(number, customer=number)
        shop.pay(number)
    with psycopg.connect(shop.url) as one, psycopg.connect(shop.url) as other:
        assert [row.kind for row in outbox.claim(one)] == ["start", "start"]
        assert outbox.claim(other) == []
        one.rollback()
        first = outbox.claim(other, limit=1)
        rest = outbox.claim(one)
        assert [row.workflow_id for row in first + rest] == [workflow_id for workflow_id, _, _ in shop.journeys()]
        outbox.done(other, [first[0].id])
        other.commit()
        one.rollback()
        assert [row.kind for row in outbox.claim(one)] == ["event", "start"]


def test_a_row_that_failed_waits_and_holds_back_only_its_own_journey(shop):
    for number in ("N-1", "N-2"):
        shop.place(number, customer=number)
        shop.pay(number)
    with psycopg.connect(shop.url) as connection:
        first, _ = outbox.claim(connection)
        outbox.failed(connection, first.id, "UNAVAILABLE: gone", 60)
        connection.commit()
        (other,) = outbox.claim(connection)
        assert other.journey_id != first.journey_id
        outbox.failed(connection, first.id, "UNAVAILABLE: gone", 0)
        connection.commit()
        assert [row.id for row in outbox.claim(connection)] == [first.id, other.id]


def test_the_outboxs_lag_is_the_age_of_its_oldest_open_row(shop):
    with psycopg.connect(shop.url) as connection:
        assert outbox.lag_seconds(connection) == 0
        shop.place()
        shop.execute("update outbox set recorded_at = now() - interval '90 seconds'")
        assert 90 <= outbox.lag_seconds(connection) < 100


def test_an_order_that_was_paid_before_it_was_placed_is_stopped_when_that_is_told(shop):
    shop.place()
    shop.pay(at=now() - timedelta(hours=1))
    assert shop.journey()["state"] == "stopped"


def test_a_journey_whose_rules_this_engine_refuses_holds_no_event_back(shop):
    shop.place()
    shop.execute("insert into rule_versions (version, files) values ('empty', '{}')")
    shop.execute("update journeys set version = 'empty'")
    assert shop.pay().fresh
    assert shop.row("select paid_at is not null as paid from orders") == {"paid": True}
