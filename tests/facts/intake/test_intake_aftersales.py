from datetime import timedelta

import pytest
from telling import NOON, eur, placed

from engine.facts.evaluate import Asked, Evaluator
from engine.facts.events import Event
from engine.replay.stream import stream


def told(kind, key, hours, **data):
    return Event(kind, key, NOON + timedelta(hours=hours), "main", None, "1001", data)


def at(hours):
    return NOON + timedelta(hours=hours)


def test_a_parcel_becomes_known_by_its_first_event_whichever_that_is(connection, tell):
    tell(placed())
    delivered = tell(told("shipment.delivered", "b", 5, shipment="s1"))
    shipped = tell(told("shipment.shipped", "a", 2, shipment="s1", carrier="Post", estimated_at="2025-03-04T00:00:00Z"))
    assert delivered.shipment_id == shipped.shipment_id
    assert connection.execute("select key, carrier, shipped_at, delivered_at, lost_at from shipments").fetchall() == [
        ("s1", "Post", at(2), at(5), None)
    ]


def test_two_parcels_of_an_order_are_delivered_each_once(connection, tell):
    tell(placed())
    assert tell(told("shipment.delivered", "a", 1, shipment="s1")).fresh
    assert tell(told("shipment.delivered", "b", 2, shipment="s2")).fresh
    assert not tell(told("shipment.delivered", "c", 3, shipment="s1")).fresh
    assert connection.execute("select key, delivered_at from shipments order by key").fetchall() == [
        ("s1", at(1)),
        ("s2", at(2)),
    ]


def test_a_refund_waits_for_its_return(connection, tell):
    tell(placed())
    refused = tell(told("return.refunded", "b", 9, **{"return": "r1"}, refund=eur("20.00")))
    assert refused.code == "unknown_return"
    requested = tell(told("return.requested", "a", 1, **{"return": "r1"}, type="exchange", reason="size"))
    assert [released.kind for released in requested.released] == ["return.refunded"]
    tell(told("return.received", "c", 5, **{"return": "r1"}))
    assert connection.execute(
        "select kind, reason, requested_at, received_at, refunded_at, refund_minor, currency from returns"
    ).fetchall() == [("exchange", "size", at(1), at(5), at(9), 2000, "EUR")]


def test_a_review_is_of_an_order_or_one_of_its_products(connection, tell):
    tell(placed())
    recorded = tell(told("review.created", "a", 1, review="v1", score=2, title="Hm", body='Too "small",\nalas'))
    tell(told("review.created", "b", 2, review="v2", score=5, product="p2", answered_at="2025-03-02T00:00:00Z"))
    assert recorded.fields["score"] == 2
    assert connection.execute(
        "select r.key, score, r.title, body, p.key, created_at from reviews r left join products p on p.id = product_id"
        " order by r.key"
    ).fetchall() == [("v1", 2, "Hm", 'Too "small",\nalas', None, at(1)), ("v2", 5, None, None, "p2", at(2))]
    assert not tell(told("review.created", "c", 3, review="v1", score=5)).fresh


def test_a_coupon_is_redeemed_once_whoever_it_was_given_to_and_its_code_is_not_kept_in_the_log(connection, tell):
    tell(placed())
    connection.execute("insert into coupons (pool, code) values ('comeback', 'C-1')")
    first = tell(told("coupon.redeemed", "a", 1, coupon="C-1"))
    tell(told("coupon.redeemed", "b", 2, coupon="C-1"))
    assert first.fields["pool"] == "comeback"
    assert connection.execute(
        "select redeemed_at, issued_at, redeemed_order_id is not null, customer_id is not null from coupons"
    ).fetchall() == [(at(1), at(1), True, True)]
    assert connection.execute("select count(*) from events where data::text like '%C-1%'").fetchone() == (0,)
    refused = tell(told("coupon.redeemed", "c", 3, coupon="C-2"))
    assert refused.code == "unknown_coupon"
    assert "C-2" not in refused.reason


def test_a_case_is_opened_answered_and_closed(connection, tell):
    tell(placed())
    opened = tell(told("case.opened", "a", 1, case="x", type="complaint", topic="Broken"))

    def later(kind, key, hours, **data):
        return Event(kind, key, at(hours), "main", data={"case": "x", **data})

    tell(later("case.answered", "b", 2))
    second = tell(later("case.answered", "c", 3))
    closed = tell(later("case.closed", "d", 4, satisfaction=4))
    assert second.fresh
    assert {opened.case_id, second.case_id, closed.case_id} == {opened.case_id}
    assert closed.order_id == opened.order_id
    assert connection.execute(
        "select kind, subject, opened_at, answered_at, closed_at, satisfaction from cases"
    ).fetchall() == [("complaint", "Broken", at(1), at(2), at(4), 4)]


def test_a_case_that_is_opened_again_is_open_and_can_be_closed_again(connection, tell):
    tell(placed())
    tell(told("case.opened", "a", 1, case="x", type="complaint"))
    tell(told("case.opened", "b", 1, case="y", type="complaint"))

    def later(kind, hours, case="x"):
        return tell(Event(kind, f"{kind}/{case}/{hours}", at(hours), "main", data={"case": case}))

    def is_open(hours):
        customer, case = connection.execute("select customer_id, id from cases where key = 'x'").fetchone()
        asked = Asked(customer, "case", case, at(hours))
        return Evaluator({}, "EUR").environment(connection, asked, {"case.open"}, "UTC").attributes["case.open"]

    assert later("case.closed", 4).fresh
    assert not later("case.closed", 5).fresh
    assert later("case.reopened", 6).fresh
    assert [is_open(hours) for hours in (2, 5, 7)] == [True, False, True]
    again = later("case.closed", 9)
    assert again.fresh
    assert not later("case.closed", 10).fresh
    assert later("case.closed", 9, case="y").fresh
    assert connection.execute("select key, closed_at from cases order by key").fetchall() == [
        ("x", at(9)),
        ("y", at(9)),
    ]
    assert [is_open(hours) for hours in (7, 9)] == [True, False]
    kinds = "select kind, at from events where data ->> 'case' = 'x' and kind <> 'case.opened' order by at"
    assert connection.execute(kinds).fetchall() == [
        ("case.closed", at(4)),
        ("case.reopened", at(6)),
        ("case.closed", at(9)),
    ]
    replayed = stream(connection, ["case.closed", "case.reopened"], at(0), at(20))
    assert [(each.kind, each.at, each.data["case"]) for each in replayed] == [
        ("case.closed", at(4), "x"),
        ("case.reopened", at(6), "x"),
        ("case.closed", at(9), "x"),
        ("case.closed", at(9), "y"),
    ]


FIRST_TOLD = [
    ("shipments", "shipped_at", "shipment.shipped", {"shipment": "s1"}),
    ("shipments", "delivered_at", "shipment.delivered", {"shipment": "s1"}),
    ("returns", "requested_at", "return.requested", {"return": "r1"}),
    ("returns", "refunded_at", "return.refunded", {"return": "r1"}),
    ("cases", "opened_at", "case.opened", {"case": "x", "type": "inquiry"}),
    ("cases", "closed_at", "case.closed", {"case": "x"}),
]


@pytest.mark.parametrize(("table", "column", "kind", "data"), FIRST_TOLD)
def test_what_an_import_has_told_stays_until_it_is_corrected(connection, tell, table, column, kind, data):
    order = tell(placed())
    connection.execute("insert into shipments (order_id, key) values (%s, 's1')", [order.order_id])
    connection.execute(
        "insert into returns (order_id, key, requested_at) values (%s, 'r1', %s)", [order.order_id, at(0)]
    )
    connection.execute(
        "insert into cases (customer_id, order_id, key, kind, opened_at) values (%s, %s, 'x', 'inquiry', %s)",
        [order.customer_id, order.order_id, at(0)],
    )
    connection.execute(f"update {table} set {column} = %s", [at(1)])
    assert tell(told(kind, "a", 2, **data)).fresh
    assert connection.execute(f"select {column} from {table}").fetchall() == [(at(1),)]
    assert not tell(told(kind, "b", 3, **data, correction=True)).fresh
    assert connection.execute(f"select {column} from {table}").fetchall() == [(at(3),)]


def test_an_answer_before_its_case_waits_for_it(tell):
    tell(placed())
    assert tell(Event("case.closed", "d", at(4), "main", data={"case": "x"})).waits_for == "case:main/x"
    opened = tell(told("case.opened", "a", 1, case="x", type="inquiry"))
    assert [released.kind for released in opened.released] == ["case.closed"]
