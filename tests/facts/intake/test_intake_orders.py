from datetime import timedelta

from telling import NOON, eur, placed, progressed

from engine.facts.events import Event, Recorded
from engine.money import Money


def rows(connection, query, *values):
    return connection.execute(query, values).fetchall()


def test_a_placed_order_becomes_rows_of_order_lines_products_and_customer(connection, tell):
    recorded = tell(placed())
    assert recorded.fresh
    assert rows(connection, "select id, number, total_minor, shipping_minor, currency, payment_method from orders") == [
        (recorded.order_id, "1001", 12490, 490, "EUR", "bank_slip")
    ]
    assert rows(
        connection,
        "select line, p.key, p.category, quantity, unit_price_minor, discount_minor"
        " from order_lines l join products p on p.id = product_id order by line",
    ) == [(1, "p1", "shoes", 2, 5000, None), (2, "p2", "bags", 1, 2005, 5)]
    assert rows(connection, "select id, key, given_name, email, phone, fact_version from customers") == [
        (recorded.customer_id, "c1", "Ada", "ada@example.invalid", "+4930123456", 1)
    ]


def test_the_fields_of_an_order_event_are_its_contracts_and_the_orders_own(tell):
    own = {
        "payment_method": "bank_slip",
        "channel": "ad",
        "total": Money(12490, "EUR"),
        "category": frozenset({"shoes", "bags"}),
        "product": frozenset({"p1", "p2"}),
    }
    assert tell(placed()).fields == own | {"shipping": Money(490, "EUR")}
    assert tell(progressed("paid", method="transfer")).fields == own | {"method": "transfer"}


def test_each_progress_of_an_order_sets_its_instant(connection, tell):
    tell(placed())
    kinds = ("paid", "packed", "shipped", "delivered", "cancelled")
    for hours, kind in enumerate(kinds, start=1):
        tell(progressed(kind, at=NOON + timedelta(hours=hours)))
    (instants,) = rows(connection, "select paid_at, packed_at, shipped_at, delivered_at, cancelled_at from orders")
    assert instants == tuple(NOON + timedelta(hours=hours) for hours in range(1, 6))


def test_the_same_event_twice_is_one_fact(connection, tell):
    first, paid = tell(placed()), tell(progressed("paid"))
    before = rows(connection, "select * from orders"), rows(connection, "select * from customers")
    again = tell(placed(payment_method="card"))
    paid_again = tell(progressed("paid", at=NOON + timedelta(days=9)))
    assert (again.fresh, again.event_id, again.order_id) == (False, first.event_id, first.order_id)
    assert (paid_again.fresh, paid_again.event_id, paid_again.at) == (False, paid.event_id, paid.at)
    assert (rows(connection, "select * from orders"), rows(connection, "select * from customers")) == before
    assert len(rows(connection, "select from events")) == 2
    assert len(rows(connection, "select from order_lines")) == 2


def test_a_payment_told_again_under_another_key_moves_nothing_and_is_not_fresh(connection, tell):
    tell(placed())
    first = tell(progressed("paid"))
    again = tell(progressed("paid", key="webhook-2", at=NOON + timedelta(days=2)))
    assert (again.fresh, again.event_id) == (False, first.event_id)
    assert rows(connection, "select paid_at from orders") == [(NOON + timedelta(hours=1),)]


def test_a_placed_order_told_again_under_another_key_is_not_fresh(connection, tell):
    first = tell(placed())
    again = tell(Event("order.placed", "other-key", NOON + timedelta(days=1), "main", "c1", "1001"))
    assert (again.fresh, again.event_id) == (False, first.event_id)
    assert rows(connection, "select placed_at from orders") == [(NOON,)]


def test_a_correction_moves_the_instant_and_keeps_what_was_told_before(connection, tell):
    tell(placed())
    first = tell(progressed("paid"))
    corrected = NOON + timedelta(hours=5)
    outcome = tell(progressed("paid", key="fix-1", at=corrected, correction=True))
    assert (outcome.fresh, outcome.event_id) == (False, first.event_id)
    assert rows(connection, "select paid_at from orders") == [(corrected,)]
    ((at, data),) = rows(connection, "select at, data from events where kind = 'order.paid'")
    assert at == corrected
    assert len(data["corrected_from"]) == 1
    assert rows(connection, "select fact_version from customers") == [(3,)]
    tell(progressed("paid", key="fix-1", at=corrected, correction=True))
    assert rows(connection, "select fact_version from customers") == [(3,)]


def test_an_instant_that_an_import_has_told_stays_and_the_event_is_fresh(connection, tell):
    tell(placed())
    connection.execute("update orders set paid_at = %s", [NOON])
    outcome = tell(progressed("paid"))
    assert outcome.fresh
    assert rows(connection, "select paid_at from orders") == [(NOON,)]


def test_an_order_that_an_import_has_told_is_filled_not_replaced(connection, tell):
    tell(placed("1"))
    connection.execute("delete from events where kind = 'order.placed'")
    connection.execute("update orders set payment_method = 'card', channel = null, total_minor = 1")
    outcome = tell(placed("1", at=NOON + timedelta(days=3)))
    assert outcome.fresh
    assert rows(connection, "select payment_method, channel, total_minor, placed_at from orders") == [
        ("card", "ad", 1, NOON)
    ]
    assert len(rows(connection, "select from order_lines")) == 2


def test_a_paid_order_without_payments_gets_one_of_its_total(connection, tell):
    tell(placed("1"))
    tell(progressed("paid", "1"))
    tell(placed("2"))
    tell(progressed("paid", "2", amount=eur("100.00"), method="transfer"))
    tell(
        placed("3", payments=[{"method": "voucher", "amount": eur("24.90")}, {"method": "card", "amount": eur("100")}])
    )
    tell(progressed("paid", "3"))
    tell(placed("4", payments=[{"method": "card", "amount": eur("124.90"), "sequence": 7}]))
    tell(progressed("paid", "4"))
    assert rows(
        connection,
        "select number, sequence, method, amount_minor from payments p join orders o on o.id = order_id order by 1, 2",
    ) == [
        ("1", 1, "bank_slip", 12490),
        ("2", 1, "transfer", 10000),
        ("3", 1, "voucher", 2490),
        ("3", 2, "card", 10000),
        ("4", 7, "card", 12490),
    ]


def test_amounts_are_exact_in_every_currencys_minor_unit(connection, tell):
    def price(amount, currency):
        return {"amount": amount, "currency": currency}

    tell(placed("1", lines=[], shipping=price("0", "JPY"), total=price("1234567", "JPY")))
    tell(placed("2", lines=[], shipping=price("0", "KWD"), total=price("0.001", "KWD")))
    tell(placed("3", lines=[], shipping=eur("0"), total=eur("999999999999999.99")))
    assert rows(connection, "select total_minor, currency from orders order by number") == [
        (1234567, "JPY"),
        (1, "KWD"),
        (99999999999999999, "EUR"),
    ]


def test_a_total_that_is_not_told_is_lines_and_shipping_less_discount(connection, tell):
    lines = [
        {"product": "p1", "unit_price": eur("10.00"), "quantity": 3, "discount": eur("1.50"), "shipping": eur("2.00")},
        {"product": "p2", "unit_price": eur("5.00"), "shipping": eur("0.50")},
    ]
    tell(placed("1", lines=lines, shipping=eur("4.00"), discount=eur("3.00")))
    tell(placed("2", lines=lines, shipping=None))
    tell(placed("3", lines=[], shipping=eur("4.00")))
    assert rows(connection, "select number, total_minor from orders order by number") == [
        ("1", 3450),
        ("2", 3600),
        ("3", None),
    ]


def test_an_order_has_one_currency(connection, tell):
    refused = tell(placed(total={"amount": "10.00", "currency": "USD"}))
    assert refused.code == "mixed_currencies"
    assert rows(connection, "select from orders") == []
    tell(placed())
    assert tell(progressed("paid", amount={"amount": "10.00", "currency": "USD"})).code == "mixed_currencies"


def test_an_order_belongs_to_one_customer(connection, tell):
    tell(placed("1", "c1"))
    tell(placed("2", "c2"))
    stray = Event("order.paid", "stray", NOON, "main", "c2", "1")
    assert tell(stray).code == "other_customer"
    assert rows(connection, "select paid_at from orders where number = '1'") == [(None,)]


def test_two_shops_may_use_the_same_numbers_and_keys(connection, tell):
    first = tell(placed())
    second = tell(
        Event("order.placed", "placed-1001", NOON, "second", "c1", "1001", {"customer": {"given_name": "Ben"}})
    )
    assert isinstance(second, Recorded)
    assert first.customer_id != second.customer_id
    assert rows(connection, "select key, given_name from customers order by id") == [
        ("c1", "Ada"),
        ("second/c1", "Ben"),
    ]


def test_an_order_fills_what_is_unknown_of_its_customer_and_keeps_the_rest(connection, tell):
    tell(placed("1", customer={"email": "first@example.invalid"}))
    tell(placed("2", customer={"email": "second@example.invalid", "city": "Bremen"}))
    assert rows(connection, "select email, city from customers") == [("first@example.invalid", "Bremen")]


def test_an_address_that_is_none_does_not_lose_the_order_and_is_noted(connection, tell):
    recorded = tell(placed(customer={"email": "nobody at all", "phone": "12"}))
    assert recorded.fresh
    assert [note.split()[0] for note in recorded.notes] == ["email", "phone"]
    assert rows(connection, "select email, phone from customers") == [(None, None)]


def test_the_event_log_holds_no_personal_data(connection, tell):
    tell(placed())
    tell(
        Event(
            "customer.updated", "u1", NOON, "main", "c1", data={"given_name": "Ada", "city": "Bonn", "locale": "de-DE"}
        )
    )
    tell(Event("review.created", "r1", NOON, "main", "c1", "1001", {"review": "1", "score": 5, "body": "Call me: Ada"}))
    kept = str(rows(connection, "select data from events"))
    assert "de-DE" in kept
    assert not any(word in kept for word in ("Ada", "ada@", "Bonn", "030"))
