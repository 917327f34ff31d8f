import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from telling import LATER, NOON, eur, placed, progressed

from engine.facts.events import Event, Recorded, Refused
from engine.facts.intake import WAITING, record_json, replay_refused


def open_refusals(connection):
    return connection.execute(
        "select code, event ->> 'key', waits_for from refused_events where replayed_at is null order by id"
    ).fetchall()


def test_a_payment_before_its_order_waits_and_becomes_a_fact_with_the_order(connection, tell):
    refused = tell(progressed("paid"))
    assert isinstance(refused, Refused)
    assert (refused.code, refused.waits_for) == ("unknown_order", "order:main/1001")
    assert open_refusals(connection) == [("unknown_order", "paid-1001", "order:main/1001")]
    recorded = tell(placed())
    (released,) = recorded.released
    assert (released.kind, released.order_id, released.fresh) == ("order.paid", recorded.order_id, True)
    assert connection.execute("select paid_at from orders").fetchone() == (NOON + timedelta(hours=1),)
    assert open_refusals(connection) == []


def test_many_events_before_their_order_become_facts_in_order_of_their_instants(connection, tell):
    told = ((3, "delivered", 1), (1, "paid", -9), (2, "shipped", 9))
    for hours, kind, zone in told:  # whatever the hour says in the sender's zone
        tell(progressed(kind, at=(NOON + timedelta(hours=hours)).astimezone(timezone(timedelta(hours=zone)))))
    kinds = [each.kind for each in tell(placed()).released]
    assert kinds == ["order.paid", "order.shipped", "order.delivered"]


def test_an_order_of_an_unknown_customer_waits_for_the_sign_up_and_its_payment_with_it(connection, tell):
    order = Event("order.placed", "p", NOON, "main", "c9", "9", {"total": eur("5.00")})
    assert tell(progressed("paid", "9")).code == "unknown_order"
    assert tell(order).code == "unknown_customer"
    recorded = tell(Event("customer.updated", "u", NOON, "main", "c9", data={"given_name": "Eve"}))
    assert [(each.kind, each.fresh) for each in recorded.released] == [("order.placed", True), ("order.paid", True)]
    assert connection.execute("select total_minor, paid_at is not null from orders").fetchone() == (500, True)
    assert open_refusals(connection) == []


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (Event("order.placed", "k", NOON, "nowhere", "c1", "1", {"customer": {}}), "unknown_shop"),
        (Event("order.placed", "k", NOON, "main", None, "1", {"customer": {}}), "unknown_customer"),
        (Event("order.placed", "k", NOON, "main", "c1", None, {"customer": {}}), "malformed"),
        (Event("site.visit", "k", NOON, "main", "c1"), "unknown_customer"),
        (Event("site.visit", "k", NOON, "main"), "unknown_customer"),
        (Event("consent.changed", "k", NOON, "main", "c1", data={"purpose": "m", "granted": True}), "unknown_customer"),
        (Event("review.created", "k", NOON, "main", None, "1", {"review": "r", "score": 1}), "unknown_order"),
        (Event("return.requested", "k", NOON, "main", None, "1", {"return": "r"}), "unknown_order"),
        (Event("shipment.lost", "k", NOON, "main", None, "1", {"shipment": "s"}), "unknown_order"),
        (Event("case.closed", "k", NOON, "main", None, None, {"case": "x"}), "unknown_case"),
        (Event("message.opened", "k", NOON, "main", None, None, {"message": "x"}), "unknown_message"),
        (Event("order.payed", "k", NOON, "main", None, "1"), "unknown_kind"),
        (Event("order.paid", "", NOON, "main", None, "1"), "malformed"),
        (Event("order.paid", "k", datetime(2025, 1, 1), "main", None, "1"), "malformed"),  # noqa: DTZ001 - the mistake
        (Event("order.paid", "k\x00", NOON, "main", None, "1"), "malformed"),
    ],
)
def test_what_cannot_become_a_fact_is_refused_by_code_and_kept_whole(connection, tell, event, code):
    refused = tell(event)
    assert isinstance(refused, Refused)
    assert refused.code == code
    kept = connection.execute("select code, event ->> 'kind', reason from refused_events").fetchall()
    assert kept == [(code, event.kind, refused.reason)]
    assert connection.execute("select count(*) from events").fetchone() == (0,)


def test_every_violation_of_a_contract_is_told_with_its_path(connection, tell):
    refused = tell(
        placed(
            total=eur("12,5x"),
            estimated_at="2018-13-45",
            shipping=eur("1.234"),
            paymentmethod="card",
            lines=[{"unit_price": {"amount": 12.5, "currency": "EUR"}}],
            customer={"zone": "Middle/Earth"},
        )
    )
    assert refused.code == "contract_violation"
    assert [violation.path for violation in refused.violations] == [
        "customer/zone",
        "estimated_at",
        "lines/0/product",
        "lines/0/unit_price/amount",
        "paymentmethod",
        "shipping",
        "total/amount",
    ]
    told = {violation.path: str(violation) for violation in refused.violations}
    assert "'12,5x'" in told["total/amount"]
    assert "'2018-13-45'" in told["estimated_at"]
    assert "did you mean 'payment_method'?" in told["paymentmethod"]
    (reason,) = connection.execute("select reason from refused_events").fetchone()
    assert all(path in reason for path in told)


@pytest.mark.parametrize(
    "amount", ["12,5x", "12,50", "1e3", "", " 1", "NaN", "Infinity", "1_000", "٣", "--1", "1.", 12, None]
)
def test_only_plain_decimal_text_is_an_amount(tell, amount):
    refused = tell(placed(total={"amount": amount, "currency": "EUR"}))
    assert refused.code == "contract_violation"
    assert refused.violations[0].path.startswith("total")


@pytest.mark.parametrize(
    "instant",
    ["2018-13-45", "2018-13-45T00:00:00Z", "2018-02-29T00:00:00Z", "2018-01-01T25:00:00Z", "2018-01-01T10:00:00",
     "20180101T100000Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "yesterday", ""],
)  # fmt: skip
def test_only_instants_with_a_zone_that_exist_are_instants(connection, tell, contracts, instant):
    assert tell(placed(estimated_at=instant)).violations[0].path == "estimated_at"
    told = {"kind": "order.paid", "key": "k", "at": instant, "shop": "main", "order": "1001"}
    refused = record_json(connection, told, recorded_at=LATER, contracts=contracts)
    assert (refused.code, refused.violations[0].path) == ("malformed", "at")


@pytest.mark.parametrize(
    ("told", "paths"),
    [
        ([], [""]),
        ("order.paid", [""]),
        ({}, ["kind", "key", "at", "shop"]),
        ({"kind": 1, "key": "k", "at": "2025-01-01T00:00:00Z", "shop": "main"}, ["kind"]),
        ({"kind": "order.paid", "key": "k", "at": "2025-01-01T00:00:00Z", "shop": "main", "data": []}, ["data"]),
        ({"kind": "order.paid", "key": "k", "at": "2025-01-01T00:00:00Z", "shop": "main", "ordr": "1"}, ["ordr"]),
        ({"kind": "order.paid", "key": "\ud800", "at": "2025-01-01T00:00:00Z", "shop": "main"}, ["key"]),
    ],
)
def test_json_that_is_no_event_is_kept_and_told_why(connection, contracts, told, paths):
    refused = record_json(connection, told, recorded_at=LATER, contracts=contracts)
    assert refused.code == "malformed"
    assert [violation.path for violation in refused.violations] == paths
    assert len(open_refusals(connection)) == 1


def test_json_text_of_an_event_is_recorded_like_the_event(connection, contracts):
    told = json.loads(json.dumps(placed().to_json()))
    recorded = record_json(connection, told, recorded_at=LATER, contracts=contracts)
    assert isinstance(recorded, Recorded)
    assert recorded.at == datetime(2025, 3, 1, 12, tzinfo=UTC)


def test_a_refused_event_sent_again_is_kept_once(connection, tell):
    tell(progressed("paid"))
    tell(progressed("paid"))
    assert len(open_refusals(connection)) == 1


def test_a_refused_event_that_its_sender_mends_is_settled(connection, tell):
    tell(placed(total=eur("12,5x")))
    assert len(open_refusals(connection)) == 1
    assert tell(placed(total=eur("12.50"))).fresh
    assert open_refusals(connection) == []
    tell(progressed("paid", amount=eur("12,50")))
    assert len(open_refusals(connection)) == 1
    assert tell(progressed("paid", amount=eur("12.50"))).fresh
    assert open_refusals(connection) == []


def test_refused_events_are_replayed_when_what_refused_them_is_mended(connection, tell, contracts):
    tell(Event("order.placed", "k", NOON, "third", "c1", "1", {"customer": {}}))
    tell(placed("2", total=eur("x")))
    connection.execute("insert into shops (key, name, zone, currency) values ('third', 'Third', 'UTC', 'EUR')")
    outcomes = replay_refused(connection, recorded_at=LATER, contracts=contracts)
    assert [type(outcome) for outcome in outcomes] == [Recorded, Refused]
    assert [row[0] for row in open_refusals(connection)] == ["contract_violation"]
    assert replay_refused(connection, recorded_at=LATER, contracts=contracts, codes=["unknown_shop"]) == []
    assert len(open_refusals(connection)) == 1


def test_what_one_replayed_event_releases_is_told_once(connection, tell, contracts):
    tell(Event("order.placed", "p", NOON, "third", "c1", "1", {"customer": {}}))
    connection.execute("insert into shops (key, name, zone, currency) values ('third', 'Third', 'UTC', 'EUR')")
    tell(Event("order.paid", "q", NOON, "third", None, "1"))
    (placed_order,) = replay_refused(connection, recorded_at=LATER, contracts=contracts, codes=WAITING)
    assert [released.kind for released in placed_order.released] == ["order.paid"]


def test_a_refusal_writes_nothing_else(connection, tell):
    tell(placed())
    before = connection.execute("select fact_version from customers").fetchall()
    tell(Event("return.refunded", "k", NOON, "main", None, "1001", {"return": "r9"}))
    assert connection.execute("select fact_version from customers").fetchall() == before
    assert connection.execute("select count(*) from returns").fetchone() == (0,)
