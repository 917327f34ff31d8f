"""The real data: its counts, its dirt and its instants, against what is known of it and the files themselves."""

from decimal import Decimal
from pathlib import Path

import pandas as pd
import psycopg
import pytest

from engine.facts.importing.run import run

MAPPING = Path(__file__).parents[3] / "examples" / "olist" / "mapping.yaml"
ZONE = "America/Sao_Paulo"
# The first import may be this test's to wait for.
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def again(olist_database, olist, tmp_path_factory):
    """The second import of the same files."""
    return run(olist_database, tmp_path_factory.mktemp("state"), olist, MAPPING)


@pytest.fixture
def ask(olist_database):
    def ask(query):
        with psycopg.connect(olist_database, options="-c timezone=UTC") as connection:
            return connection.execute(query).fetchall()

    return ask


def test_every_row_of_the_files_is_known(ask, again):
    counts = {table.relation: (table.rows, table.unchanged, table.repeated) for table in again.tables}
    assert counts == {
        "customers": (99_441, 96_096, 3_345),
        "customer_identities": (99_441, 99_441, 0),
        "products": (32_951, 32_951, 0),
        "orders": (99_441, 99_441, 0),
        "order_lines": (112_650, 112_650, 0),
        "payments": (103_886, 103_886, 0),
        "shipments": (97_658, 97_658, 0),
        "reviews": (99_224, 99_224, 0),
        "consents": (3 * 99_441, 3 * 96_096, 3 * 3_345),
    }
    for relation, (_, known, _) in counts.items():
        assert ask(f"select count(*) from {relation}") == [(known,)]
    assert [table.amount for table in again.tables if table.relation == "payments"] == [Decimal("16008872.12")]


def test_a_second_import_takes_no_row_and_refuses_none(again):
    assert {table.relation: (table.new, table.changed) for table in again.tables if table.new or table.changed} == {}
    assert again.orders_changed == 0
    assert again.refused == 0
    assert not any(file.refused_file for file in again.files)


def test_every_known_kind_of_dirt_is_there_and_counted(again):
    counts = {dirt.what: dirt.count for dirt in again.dirt}
    assert counts == {
        "orders handed to the carrier before they were paid": 1_359,
        "orders handed to the carrier before they were placed": 166,
        "orders delivered before they were handed to the carrier": 23,
        "orders called delivered without an instant of delivery": 8,
        "orders called delivered that were never paid": 14,
        "orders cancelled and yet delivered": 6,
        "orders closed without an instant": 625 + 609,
        "orders paid before they were placed": 0,
        "orders without a payment": 1,
        "orders without lines": 775,
        "orders with several reviews": 547,
        "reviews made before the day of delivery": 5_127,
        "reviews that share their key with another order's": 1_603,
        "keys of reviews used once more": 99_224 - 98_410,
        "reviews without an instant of answer": 65,
        "reviews without an instant of creation": 18,
        "payments of the method not_defined": 3,
        "payments of nothing": 9,
        "payments below nothing": 0,
        "payments of orders that were never paid": 175,
    }


def test_boletos_are_bank_slips_and_no_other_order_is_one(ask):
    assert ask("""
        select count(*), count(*) filter (where paid_at is null),
               count(*) filter (where paid_at > placed_at + interval '24 hours'),
               count(*) filter (where paid_at > placed_at + interval '48 hours'),
               count(*) filter (where paid_at > placed_at + interval '72 hours')
          from orders where payment_method = 'bank_slip'
    """) == [(19_784, 30, 11_288, 3_609, 1_796)]


def test_states_and_people_are_those_of_the_files(ask):
    assert dict(ask("select status, count(*) from orders group by 1")) == {
        "delivered": 96_478, "shipped": 1_107, "canceled": 625, "unavailable": 609, "invoiced": 314,
        "processing": 301, "created": 5, "approved": 2,
    }  # fmt: skip
    assert dict(ask("select closed, count(*) from orders where closed is not null group by 1")) == {
        "cancelled": 625,
        "unavailable": 609,
    }
    assert ask(
        "select count(*), max(n) from (select count(*) n from orders group by customer_id having count(*) > 1) x"
    ) == [(2_997, 17)]
    assert ask("select count(*) from orders where cancelled_at is not null") == [(0,)]
    assert ask("select count(*) from payments where paid_at is not null") == [(0,)]


def test_what_was_added_is_marked_as_assumed(ask):
    assert ask("select distinct assumed, country, locale, zone from customers") == [
        (["country", "email", "locale", "zone"], "BR", "pt-BR", ZONE)
    ]
    assert ask("select distinct assumed, currency from orders") == [(["currency"], "BRL")]
    assert ask("select distinct assumed, granted, channel, at from consents") == [(["granted"], True, "*", None)]
    assert ask("select count(*) from customers where email <> key || '@example.invalid'") == [(0,)]


def test_late_deliveries_are_as_many_by_instant_and_by_day(ask):
    assert ask(f"""
        select count(*) filter (where delivered_at > estimated_at),
               count(*) filter (where (delivered_at at time zone '{ZONE}')::date
                                      > (estimated_at at time zone '{ZONE}')::date)
          from orders where status = 'delivered'
    """) == [(7_826, 6_534)]


def test_every_instant_is_the_earlier_one_of_the_local_time_in_the_file(ask, olist):
    columns = {
        "placed_at": "order_purchase_timestamp",
        "paid_at": "order_approved_at",
        "shipped_at": "order_delivered_carrier_date",
        "delivered_at": "order_delivered_customer_date",
    }
    told = pd.read_csv(olist / "olist_orders_dataset.csv.gz").set_index("order_id").sort_index()
    known = pd.DataFrame(ask(f"select number, {', '.join(columns)} from orders"), columns=["number", *columns])
    known = known.set_index("number").sort_index()
    for ours, theirs in columns.items():
        local = pd.to_datetime(told[theirs])
        expected = local.dt.tz_localize(ZONE, ambiguous=[True] * len(local)).dt.tz_convert("UTC")
        found = pd.to_datetime(known[ours], utc=True)
        assert ((found == expected) | (found.isna() & expected.isna())).all(), ours


def test_a_person_lives_where_the_newest_order_went(ask, olist):
    people = pd.read_csv(olist / "olist_customers_dataset.csv.gz", dtype=str)
    placed = pd.read_csv(olist / "olist_orders_dataset.csv.gz", usecols=["customer_id", "order_purchase_timestamp"])
    people = people.merge(placed, on="customer_id", validate="1:1").reset_index(names="row")
    newest = people.sort_values(["order_purchase_timestamp", "row"]).groupby("customer_unique_id").last()
    known = pd.DataFrame(ask("select key, postal_code, city, region from customers"), columns=["key", "p", "c", "r"])
    known = known.set_index("key").loc[newest.index]
    assert (known["p"] == newest["customer_zip_code_prefix"]).all()
    assert (known["c"] == newest["customer_city"]).all()
    assert (known["r"] == newest["customer_state"]).all()
