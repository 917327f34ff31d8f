"""The fold against the plainest statement of each aggregation, and what every attribute promises."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.attributes.definition import AttributeDefinition
from engine.attributes.facts import CustomerFacts
from engine.attributes.fold import compile_fold
from engine.attributes.relations import RELATIONS
from engine.conditions.ast import Compare, Did
from engine.conditions.operands import microseconds
from tests.attributes.reference import evaluate, known_order
from tests.attributes.strategies import AGGREGATES, CURRENCY, DAY, NOW, definitions, facts, order_lists

ZONE = "America/Sao_Paulo"
PAID = Compare(name="paid", operator="eq", operand=True)


def folded(definition, orders, at=NOW, currency=CURRENCY):
    return compile_fold({"x": definition}, currency=currency)(facts(orders, ZONE), at)["x"]


def attribute(aggregate, of, kind="integer", name="x", **more):
    return AttributeDefinition(name=name, title=name, type=kind, aggregate=aggregate, of=of, **more)


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_an_aggregation_is_what_its_plainest_statement_says(aggregate):
    @given(definitions(aggregate), order_lists)
    def same(definition, orders):
        assert folded(definition, orders) == evaluate(definition, orders, NOW, ZONE)

    same()


@given(st.lists(definitions(), min_size=1, max_size=8), order_lists)
def test_attributes_computed_together_are_those_computed_alone(some, orders):
    named = {f"x{place}": each.model_copy(update={"name": f"x{place}"}) for place, each in enumerate(some)}
    together = compile_fold(named, currency=CURRENCY)(facts(orders, ZONE), NOW)
    assert together == {name: evaluate(each, orders, NOW, ZONE) for name, each in named.items()}


@given(definitions(), order_lists, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(definition, orders, random):
    assert folded(definition, random.sample(orders, len(orders))) == folded(definition, orders)


@given(definitions(), order_lists)
def test_what_happens_after_the_instant_changes_nothing(definition, orders):
    stored = RELATIONS["orders"].slots
    past = [
        {name: value for name, value in known_order(order, NOW, ZONE).items() if name in stored and name != "placed_at"}
        for order in orders
        if order["@at"] <= NOW
    ]
    assert folded(definition, past) == folded(definition, orders)


@given(definitions(), order_lists)
def test_an_instant_is_taken_as_a_datetime_or_in_microseconds(definition, orders):
    fold = compile_fold({"x": definition}, currency=CURRENCY)
    assert fold(facts(orders), datetime.fromtimestamp(NOW // 10**6, UTC)) == fold(facts(orders), NOW)


def micro(text):
    return microseconds(datetime.fromisoformat(f"{text}+00:00"))


def order(placed=NOW - DAY, key="1 1", **values):
    blank = dict.fromkeys(("paid_at", "delivered_at", "estimated_at", "cancelled_at", "closed", "channel", "total"))
    return {"@at": placed, "@key": key, "told_at": NOW, "counts": True, "currency": CURRENCY, **blank, **values}


def test_a_window_leaves_out_its_far_edge_and_takes_in_the_instant():
    day = attribute("count", "orders", within_seconds=86_400)
    assert folded(day, [order(NOW - DAY)]) == 0
    assert folded(day, [order(NOW - DAY + 1)]) == 1
    assert folded(day, [order(NOW)]) == 1
    assert folded(day, [order(NOW + 1)]) == 0


def test_days_since_are_whole_elapsed_days():
    since = attribute("days_since", "orders.placed_at")
    assert folded(since, [order(NOW - 90 * DAY + 1)]) == 89
    assert folded(since, [order(NOW - 90 * DAY)]) == 90
    assert folded(since, []) is None


def test_between_orders_of_one_instant_the_key_decides():
    tie = [order(key="10 1", channel="ad"), order(key="9 1", channel="mail")]
    assert folded(attribute("last", "orders.channel", "string"), tie) == "mail"
    assert folded(attribute("first", "orders.channel", "string"), tie) == "ad"


def test_the_last_value_is_that_of_the_last_row_that_has_one():
    orders = [order(NOW - 2 * DAY, channel="ad"), order(NOW - DAY, key="2 1")]
    assert folded(attribute("last", "orders.channel", "string"), orders) == "ad"


def test_a_sum_of_other_currencies_alone_is_unknown_and_of_nothing_zero():
    total = attribute("sum", "orders.total", "money")
    euros, dollars = order(total=250), order(key="2 1", total=900, currency="USD")
    assert folded(total, []) == 0
    assert folded(total, [dollars]) is None
    assert folded(total, [euros, dollars]) == 250
    assert folded(total, [euros, dollars], currency="USD") == 900
    assert folded(total, [euros], currency=None) is None


def test_sums_do_not_overflow():
    total = attribute("sum", "orders.total", "money")
    orders = [order(key=f"{number} 1", total=2**63 - 1) for number in range(3)]
    assert folded(total, orders) == 3 * (2**63 - 1)


@pytest.mark.parametrize(
    ("values", "paid"),
    [
        ({"paid_at": NOW}, True),
        ({"paid_at": NOW + 1}, False),
        ({"paid_at": None}, False),
        ({"paid_at": NOW - 5, "cancelled_at": NOW}, False),
        ({"paid_at": NOW - 5, "cancelled_at": NOW + 1}, True),
        ({"paid_at": NOW - 5, "counts": False, "closed": "cancelled"}, False),
        ({"paid_at": NOW - 5, "counts": False, "closed": "unavailable", "told_at": NOW + 1}, False),
    ],
)
def test_paid_is_paid_by_then_and_neither_cancelled_by_then_nor_closed_at_all(values, paid):
    assert folded(attribute("exists", "orders", "boolean", where=PAID), [order(**values)]) is paid


LATE = Compare(name="late", operator="eq", operand=True)


@pytest.mark.parametrize(
    ("promised", "delivered", "late"),
    [
        ("2023-01-09T03:00", "2023-01-10T02:59", False),  # 23:59 on the promised day
        ("2023-01-09T03:00", "2023-01-10T03:00", True),  # midnight after it
        ("2023-01-09T03:00", "2023-01-08T12:00", False),
        ("2023-01-09T03:00", None, False),
        (None, "2023-01-10T03:00", False),
    ],
)
def test_late_is_a_later_day_than_promised_by_the_customers_calendar(promised, delivered, late):
    one = order(0, estimated_at=promised and micro(promised), delivered_at=delivered and micro(delivered))
    assert folded(attribute("exists", "orders", "boolean", where=LATE), [one]) is late


def test_an_earlier_delivery_is_never_late_even_if_the_clock_went_back_over_midnight():
    # St. John's, 29 October 2006: at 00:01 the clock went back to 23:01 of the day before.
    delivered, promised = micro("2006-10-29T02:30:30"), micro("2006-10-29T02:45")
    late = attribute("exists", "orders", "boolean", where=LATE)
    one = facts([order(0, estimated_at=promised, delivered_at=delivered)], "America/St_Johns")
    assert compile_fold({"x": late}, currency=None)(one, NOW) == {"x": False}


def fold_of_payments(payments, currency=CURRENCY):
    spend = attribute("sum", "payments.amount", "money", where=PAID)
    rows = [RELATIONS["payments"].row(at, f"{place}", **values) for place, (at, values) in enumerate(payments)]
    return compile_fold({"x": spend}, currency=currency)(CustomerFacts(1, ZONE, {"payments": rows}), NOW)["x"]


def test_spend_is_payments_of_paid_orders():
    paid = {"amount": 100, "currency": "EUR", "counts": True, "paid_at": NOW}
    assert fold_of_payments([(NOW, paid), (NOW - 5, paid)]) == 200
    assert fold_of_payments([(NOW, paid), (NOW, {**paid, "cancelled_at": NOW})]) == 100
    assert fold_of_payments([(NOW, paid), (NOW, {**paid, "paid_at": NOW + 1})]) == 100
    assert fold_of_payments([(NOW, paid), (None, paid)]) == 100


def ratio_of(of, over, kind="decimal", scale=2):
    catalogue = {
        "of": attribute("sum", "orders.total", "integer", name="of"),
        "over": attribute("count", "orders", name="over"),
        "x": attribute("ratio", "of", kind, over="over", scale=scale),
    }
    orders = [order(key=f"{place} 1", total=of if place == 0 else 0) for place in range(over)]
    return compile_fold(catalogue, currency=CURRENCY, only={"x"})(facts(orders), NOW)


@given(st.integers(-(2**70), 2**70), st.integers(1, 9), st.integers(0, 4))
def test_a_ratio_is_exact_and_rounded_half_even(of, over, scale):
    assert ratio_of(of, over, scale=scale) == {"x": Decimal(round(Fraction(of, over) * 10**scale)).scaleb(-scale)}


@pytest.mark.parametrize(("of", "over", "ratio"), [(5, 2, 2), (7, 2, 4), (-5, 2, -2), (-7, 2, -4), (0, 3, 0)])
def test_a_ratio_of_money_is_whole_minor_units_rounded_half_even(of, over, ratio):
    found = ratio_of(of, over, "money", None)["x"]
    assert (found, type(found)) == (ratio, int)


def test_a_ratio_over_nothing_is_unknown():
    assert ratio_of(5, 0) == {"x": None}


def test_ratios_of_ratios_are_exact():
    catalogue = {
        "count": attribute("count", "orders", name="count"),
        "total": attribute("sum", "orders.total", name="total"),
        "mean": attribute("ratio", "total", "decimal", name="mean", over="count", scale=1),
        "inverse": attribute("ratio", "count", "decimal", name="inverse", over="mean", scale=3),
    }
    orders = [order(key=f"{place} 1", total=1 + place) for place in range(2)]
    assert compile_fold(catalogue, currency=CURRENCY, only={"inverse"})(facts(orders), NOW) == {
        "inverse": Decimal("1.333")
    }


def test_the_customers_own_values_are_read_and_future_ones_are_not():
    catalogue = {
        name: attribute("value", f"customer.{name}", "string", name=name) for name in ("country", "known_since")
    }
    fold = compile_fold(catalogue, currency=None)
    row = RELATIONS["customer"].row(None, "ana", country="BR", known_since=NOW + 1)
    assert fold(CustomerFacts(1, ZONE, {"customer": [row]}), NOW) == {"country": "BR", "known_since": None}
    assert fold.reads == {"customer": {"country", "known_since"}}


def test_a_fold_says_which_fields_it_reads():
    fold = compile_fold({"x": attribute("sum", "orders.total", "money", where=PAID)}, currency=CURRENCY)
    assert fold.reads == {"orders": {"total", "currency", "paid_at", "counts", "cancelled_at"}}
    assert fold.types == {"x": "money"}


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        (attribute("count", "ordres"), "no relation 'ordres'"),
        (attribute("sum", "orders.totl"), "orders has no field 'totl'"),
        (attribute("last", "orders.total", by="payed_at"), "orders has no field 'payed_at'"),
        (attribute("value", "orders.total"), "the customer's are"),
        (attribute("count", "customer"), "no relation 'customer'"),
        (attribute("ratio", "x", over="x"), "depend on each other: x -> x"),
        (attribute("ratio", "y", over="x"), "no attribute 'y'"),
        (attribute("ratio", "x"), "needs `over`"),
        (attribute("count", "orders", where=Compare(name="payed", operator="known")), "no field 'payed'"),
        (attribute("count", "orders", where=Did(event="order.paid")), "cannot ask for other events"),
    ],
)
def test_what_cannot_be_computed_is_said(definition, message):
    with pytest.raises(ValueError, match=message):
        compile_fold({"x": definition}, currency=None)
