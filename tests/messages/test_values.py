"""What templates may name, read from real facts."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from engine.messages.values import VARIABLES, coupon_values, message_values
from engine.money import Money

PLACED = datetime(2024, 3, 7, 23, 30, tzinfo=UTC)


def _id(connection: psycopg.Connection, statement: str, *values: object) -> int:
    row = connection.execute(f"{statement} returning id", values).fetchone()
    assert row is not None
    return row[0]


@pytest.fixture
def shop(connection: psycopg.Connection) -> int:
    return _id(
        connection,
        "insert into shops (key, name, zone, currency, country)"
        " values ('main', 'Linden & Co', 'Europe/Berlin', 'EUR', 'DE')",
    )


def _customer(connection: psycopg.Connection, key: str, name: str | None = "Anna", zone: str | None = None) -> int:
    statement = "insert into customers (key, given_name, zone, locale) values (%s, %s, %s, 'de')"
    return _id(connection, statement, key, name, zone)


def _order(connection: psycopg.Connection, shop: int, customer: int, total: int | None = 123450) -> int:
    statement = (
        "insert into orders (shop_id, number, customer_id, payment_method, placed_at, total_minor, currency)"
        " values (%s, '1001', %s, 'bank_slip', %s, %s, 'EUR')"
    )
    return _id(connection, statement, shop, customer, PLACED, total)


def test_an_orders_values_are_read_with_their_types(connection, shop):
    customer = _customer(connection, "c1")
    order = _order(connection, shop, customer)
    values = message_values(connection, customer_id=customer, order_id=order, attributes={"orders": 1})
    assert values["customer"]["given_name"] == "Anna"
    assert values["customer"]["locale"] == "de"
    assert values["order"]["number"] == "1001"
    assert values["order"]["total"] == Money(123450, "EUR")
    assert values["order"]["placed_at"] == PLACED
    assert values["shop"]["name"] == "Linden & Co"
    assert values["attributes"] == {"orders": 1}


def _journey_with_a_coupon(connection, customer):
    connection.execute("insert into rule_versions (version, files) values ('v', '{}')")
    journey = _id(
        connection,
        """insert into journeys (workflow_id, playbook, version, subject, subject_id, occasion, customer_id, started_at)
           values ('gift/customer-1/1', 'gift', 'v', 'customer', %s, 1, %s, %s)""",
        customer,
        customer,
        PLACED,
    )
    connection.execute(
        """insert into calls (key, journey_id, customer_id, step, iteration, activity, state, at, attempts)
           values ('gift/customer-1/1/gift/1', %s, %s, 'gift', 1, 'coupon', 'done', %s, 1)""",
        (journey, customer, PLACED),
    )
    midnight = PLACED.replace(hour=0, minute=0) + timedelta(days=1)
    connection.execute(
        """insert into coupons (pool, code, customer_id, key, issued_at, expires_at)
           values ('p', 'C', %s, 'gift/customer-1/1/gift/1', %s, %s)""",
        (customer, PLACED, midnight),
    )
    return journey


def test_every_value_that_is_announced_is_there(connection, shop):
    customer = _customer(connection, "c1", name=None)
    order = _order(connection, shop, customer, total=None)
    parcel = _id(connection, "insert into shipments (order_id, key, shipped_at) values (%s, 'P1', %s)", order, PLACED)
    case = _id(
        connection,
        "insert into cases (customer_id, key, kind, opened_at) values (%s, 'K1', 'complaint', %s)",
        customer,
        PLACED,
    )
    journey = _journey_with_a_coupon(connection, customer)
    values = message_values(connection, customer_id=customer, order_id=order, shipment_id=parcel, case_id=case)
    assert coupon_values(connection, journey, PLACED - timedelta(days=1)) == {}
    values |= coupon_values(connection, journey, PLACED)
    assert values["coupon"]["last_day"].day == PLACED.day
    for group, names in VARIABLES.items():
        if names:
            assert set(values[group]) == set(names), group


def test_what_becomes_of_a_parcel_after_the_instant_is_unknown(connection, shop):
    customer = _customer(connection, "c1")
    order = _order(connection, shop, customer)
    parcel = _id(
        connection,
        "insert into shipments (order_id, key, shipped_at, delivered_at) values (%s, 'P1', %s, %s)",
        order,
        PLACED,
        PLACED + timedelta(days=2),
    )
    values = message_values(connection, customer_id=customer, shipment_id=parcel, at=PLACED + timedelta(days=1))
    assert (values["shipment"]["shipped_at"], values["shipment"]["delivered_at"]) == (PLACED, None)


def test_what_is_unknown_is_none(connection, shop):
    customer = _customer(connection, "c1", name="  ")
    values = message_values(connection, customer_id=customer, order_id=_order(connection, shop, customer, total=None))
    assert values["customer"]["given_name"] is None
    assert values["order"]["total"] is None


@pytest.mark.parametrize(("own", "used"), [("America/Sao_Paulo", "America/Sao_Paulo"), (None, "Europe/Berlin")])
def test_a_customer_without_a_zone_lives_by_the_shops(connection, shop, own, used):
    customer = _customer(connection, "c1", zone=own)
    assert message_values(connection, customer_id=customer)["customer"]["zone"] == used


def test_a_message_about_no_order_has_none(connection, shop):
    assert "order" not in message_values(connection, customer_id=_customer(connection, "c1"))


def test_the_shop_is_the_orders_own(connection, shop):
    other = _id(connection, "insert into shops (key, name, zone, currency) values ('b', 'Other', 'UTC', 'USD')")
    customer = _customer(connection, "c1")
    order = _order(connection, other, customer)
    assert message_values(connection, customer_id=customer, order_id=order)["shop"]["name"] == "Other"


def test_a_name_is_told_without_needless_blanks(connection, shop):
    customer = _customer(connection, "c1", name=" Anna\r\n  Maria ")
    assert message_values(connection, customer_id=customer)["customer"]["given_name"] == "Anna Maria"


def test_an_advertisement_is_not_taken_for_a_name(connection, shop):
    for name in ("Win at https://spam.example", "www.spam.example", "a@b.example", "<b>", "x" * 61):
        customer = _customer(connection, name, name=name)
        assert message_values(connection, customer_id=customer)["customer"]["given_name"] is None


def test_nobodys_values_cannot_be_read(connection, shop):
    with pytest.raises(LookupError, match="no customer"):
        message_values(connection, customer_id=99)


def test_one_customers_order_is_not_told_to_another(connection, shop):
    order = _order(connection, shop, _customer(connection, "c1"))
    with pytest.raises(LookupError, match="no order"):
        message_values(connection, customer_id=_customer(connection, "c2"), order_id=order)
