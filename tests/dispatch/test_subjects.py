"""Journeys for a parcel or a case: each hears of its own, and two of one order are told apart."""

from datetime import timedelta

import pytest

from engine.dispatch.catch_up import stop_overtaken
from engine.facts.evaluate import Asked, evaluator
from engine.facts.occurrence import Whose, first_occurrence
from engine.facts.since import Since
from engine.journeys.plan import EventTrigger
from tests.workflows.rules import make_rules
from tests.workflows.shop import now

PARCELS = """
playbook: parcel
title: Of a parcel
for: shipment
start: {event: shipment.shipped}
stop: {event: shipment.delivered}
controls: {purpose: service}
steps:
  - wait_for: {event: shipment.delayed, within: 7d}
    got: [{task: {id: late, team: support}}]
"""
CASES = """
playbook: complaint
title: Of a complaint
for: case
start: {event: case.opened, only_if: {case.kind: complaint}}
stop: {event: case.closed}
controls: {purpose: service}
steps:
  - wait_for: {event: case.answered, within: 4h}
    else: [{task: {id: answer, team: support}}]
"""


@pytest.fixture
def shop(open_shop):
    return open_shop(make_rules(PARCELS, head=""))


def parcel(shop, key, what, *, at=None, order="N-1001", **data):
    outcome = shop.tell(shop.event(f"shipment.{what}", order, at=at, data={"shipment": key, **data}))
    return outcome.shipment_id


def case(shop, key, what, *, at=None, customer="c1", **data):
    return shop.tell(shop.event(f"case.{what}", customer=customer, at=at, data={"case": key, **data})).case_id


def told(shop):
    """Workflow id, kind and event of the outbox's rows, in order."""
    query = """select j.workflow_id, o.kind, o.payload ->> 'event' as event
                 from outbox o join journeys j on j.id = o.journey_id order by o.id"""
    return [tuple(row.values()) for row in shop.rows(query)]


def test_two_parcels_of_an_order_are_two_journeys_and_each_hears_of_its_own(shop):
    shop.place()
    first, second = parcel(shop, "A", "shipped"), parcel(shop, "B", "shipped")
    parcel(shop, "B", "delayed", estimated_at="2030-01-01T10:00:00Z")
    parcel(shop, "A", "delivered")
    assert shop.journeys() == [
        (f"parcel/shipment-{first}/1", "stopped", "shipment.delivered"),
        (f"parcel/shipment-{second}/1", "running", None),
    ]
    assert told(shop) == [
        (f"parcel/shipment-{first}/1", "start", None),
        (f"parcel/shipment-{second}/1", "start", None),
        (f"parcel/shipment-{second}/1", "event", "shipment.delayed"),
        (f"parcel/shipment-{first}/1", "event", "shipment.delivered"),
    ]


def test_a_parcel_of_the_same_name_in_another_order_is_another(shop):
    shop.place()
    shop.place("N-1002")
    parcel(shop, "A", "shipped")
    parcel(shop, "A", "shipped", order="N-1002")
    parcel(shop, "A", "delivered", order="N-1002")
    assert [state for _, state, _ in shop.journeys()] == ["running", "stopped"]


def test_a_parcel_that_was_delivered_before_its_shipping_was_heard_of_is_stopped_by_the_facts(shop):
    shop.place(at=now() - timedelta(days=3))
    parcel(shop, "A", "delivered", at=now() - timedelta(hours=1))
    parcel(shop, "A", "shipped")
    found = happened(shop, "parcel", "shipment.delivered")
    assert found.event == "shipment.delivered"


def test_an_import_stops_the_journey_of_that_parcel_and_not_of_the_other(shop):
    order = shop.place()
    first, second = parcel(shop, "A", "shipped"), parcel(shop, "B", "shipped")
    shop.execute("update shipments set delivered_at = now() where id = %s", first)
    with shop.pool.connection() as connection:
        connection.execute("create temp table changed_orders as select %s::bigint as id", (order,))
        assert stop_overtaken(connection, shop.matcher.events, shop.versions, now() + timedelta(seconds=1)) == 1
    assert [state for _, state, _ in shop.journeys()] == ["stopped", "running"]
    assert second is not None


def test_a_delay_may_be_told_again_and_moves_the_promise(shop):
    shop.place()
    number = parcel(shop, "A", "shipped", estimated_at="2030-01-01T10:00:00Z")
    parcel(shop, "A", "delayed", estimated_at="2030-01-02T10:00:00Z")
    parcel(shop, "A", "delayed", estimated_at="2030-01-03T10:00:00Z")
    row = shop.row("select estimated_at from shipments where id = %s", number)
    assert row["estimated_at"].isoformat() == "2030-01-03T10:00:00+00:00"
    assert [event for _, _, event in told(shop)] == [None, "shipment.delayed", "shipment.delayed"]


def test_conditions_know_the_parcel_as_of_the_instant_and_its_order(shop):
    shop.place()
    at = now()
    number = parcel(shop, "A", "shipped", at=at, carrier="Swift")
    parcel(shop, "A", "out_for_delivery", at=at + timedelta(hours=1))
    names = {"shipment.carrier", "shipment.out_for_delivery", "order.number"}
    asking = evaluator({}, None)
    customer = shop.row("select id from customers")["id"]
    with shop.pool.connection() as connection:
        early, late = (
            asking.environment(connection, Asked(customer, "shipment", number, moment), names).attributes
            for moment in (at, at + timedelta(hours=2))
        )
    assert (early["shipment.carrier"], early["order.number"]) == ("Swift", "N-1001")
    assert (early["shipment.out_for_delivery"], late["shipment.out_for_delivery"]) == (False, True)


def test_two_cases_of_a_customer_are_told_apart(open_shop):
    shop = open_shop(make_rules(CASES, head=""))
    shop.place()
    first = case(shop, "K-1", "opened", type="complaint")
    second = case(shop, "K-2", "opened", type="complaint")
    case(shop, "K-3", "opened", type="inquiry")
    case(shop, "K-2", "answered")
    case(shop, "K-1", "closed")
    assert shop.journeys() == [
        (f"complaint/case-{first}/1", "stopped", "case.closed"),
        (f"complaint/case-{second}/1", "running", None),
    ]
    assert told(shop)[2:] == [
        (f"complaint/case-{second}/1", "event", "case.answered"),
        (f"complaint/case-{first}/1", "event", "case.closed"),
    ]
    assert happened(shop, "complaint", "case.closed", number=second) is None
    assert happened(shop, "complaint", "case.closed", number=first).event == "case.closed"


@pytest.mark.parametrize("source", ["events", "rows"])
@pytest.mark.parametrize(("where", "found"), [({"carrier": "Swift"}, True), ({"carrier": "Other"}, False)])
def test_a_where_is_asked_of_told_and_of_imported_parcels(open_shop, source, where, found):
    head = PARCELS.replace(
        "shipment.delivered}", f"shipment.out_for_delivery, where: {{carrier: {where['carrier']}}}}}"
    )
    shop = open_shop(make_rules(head, head=""))
    shop.place()
    parcel(shop, "A", "shipped")
    parcel(shop, "A", "out_for_delivery", carrier="Swift")
    if source == "rows":
        shop.execute("delete from events where kind = 'shipment.out_for_delivery'")
    trigger = next(iter(shop.rules.plans.values())).stop
    assert (happened(shop, "parcel", triggers=trigger) is not None) == found


def happened(shop, playbook, event="", *, number=None, triggers=()):
    """What of it the facts say has happened to the journey's subject since the journey began."""
    query = "select * from journeys where playbook = %s and (%s::bigint is null or subject_id = %s) order by id"
    journey = shop.rows(query, playbook, number, number)[0]
    with shop.pool.connection() as connection:
        return first_occurrence(
            connection,
            triggers or (EventTrigger(event=event),),
            Whose.of(journey),
            since=Since(journey["started_at"]),
            until=now() + timedelta(seconds=1),
            matcher=shop.matcher.events,
        )
