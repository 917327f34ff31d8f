"""Whatever a relation reads is found changed, whoever changes it and however; what is not changed costs nothing."""

import re
import time

import psycopg
import pytest
from psycopg import sql

from engine.attributes.relations import RELATIONS
from engine.facts.tables import metadata
from engine.mirror.layout import STORED
from tests.mirror.same import differences, open_small

_MOVED = (
    "update order_lines set order_id = (select max(id) from orders), line = 99"
    " where id = (select min(id) from order_lines)"
)
_CLICKED = "insert into message_events (message_id, kind, key, at) select max(id), 'clicked', '1', now() from messages"
_LONG = "insert into campaign_periods (key, title, starts_at, ends_at) values ('x', 'X', '2020-01-01', '2030-01-01')"
_SPENT = "insert into points_entries (customer_id, key, kind, points, at) values ({customer}, 'n', 'spend', -5, now())"
# Every table that a relation reads → what is done to one row or few, each of which some relation shows.
CHANGES = {
    "customers": [
        "update customers set city = 'Rome' where id = {customer}",
        "update customers set fact_version = 9 where id = {customer}",
    ],
    "customer_identities": ["delete from customer_identities where customer_id = {customer}"],
    "shops": [
        "update shops set zone = 'Asia/Tokyo'",
        "update shops set key = 'other'",
        "update shops set country = 'JP'",
    ],
    "products": [
        "update products set category = 'changed' where id = (select min(product_id) from order_lines)",
        "update products set key = 'changed' where id = (select min(product_id) from reviews)",
        "update products set category = 'changed' where id = (select max(product_id) from site_events)",
        "update products set attributes = '{{\"size\": 1.50}}' where id = (select max(product_id) from order_lines)",
    ],
    "orders": [
        "update orders set status = 'new' where id = (select min(id) from orders)",
        "update orders set customer_id = {customer} where id = (select max(id) from orders)",
        "update orders set number = 'changed' where id = (select max(redeemed_order_id) from coupons)",
    ],
    "order_lines": [
        "update order_lines set quantity = 7 where id = (select min(id) from order_lines)",
        "delete from order_lines where id = (select max(id) from order_lines)",
        _MOVED,
    ],
    "payments": [
        "update payments set installments = 9 where id = (select min(id) from payments)",
        "delete from payments where id = (select max(id) from payments)",
    ],
    "shipments": [
        "update shipments set lost_at = now() where id = (select min(id) from shipments)",
        "delete from shipments where id = (select max(id) from shipments)",
    ],
    "returns": [
        "update returns set reason = 'size' where id = (select min(id) from returns)",
        "delete from returns where id = (select max(id) from returns)",
    ],
    "reviews": [
        "update reviews set score = 2, body = 'changed' where id = (select min(id) from reviews)",
        "delete from reviews where id = (select max(id) from reviews)",
    ],
    "cases": [
        "update cases set answered_at = now() where id = (select min(id) from cases)",
        "update cases set customer_id = {customer} where id = (select max(id) from cases)",
    ],
    "events": [
        "update events set at = at + interval '1 day' where id = (select min(id) from events)",
        "delete from events where id = (select max(id) from events)",
    ],
    "site_events": [
        "insert into site_events (customer_id, key, kind, at) values ({customer}, 'new', 'cart', now())",
        "delete from site_events where id = (select min(id) from site_events)",
    ],
    "messages": ["update messages set template = 'other' where customer_id = {customer}"],
    "message_events": [_CLICKED, "delete from message_events where id = (select min(id) from message_events)"],
    "campaign_periods": ["update campaign_periods set ends_at = '2025-03-02'", "delete from campaign_periods", _LONG],
    "coupons": [
        "update coupons set customer_id = {customer} where id = (select max(id) from coupons)",
        "update coupons set customer_id = null where id = (select max(id) from coupons)",
    ],
    "consents": [
        "insert into consents (customer_id, purpose, granted) values ({customer}, 'service', false)",
        "delete from consents where customer_id = {customer}",
    ],
    "suppressions": ["update suppressions set until = now() where customer_id = {customer}"],
    "points_entries": [_SPENT, "update points_entries set points = 3 where customer_id = {customer}"],
}
CASES = [(table, statement) for table, statements in CHANGES.items() for statement in statements]


def test_every_table_that_is_read_has_its_changes_tried_here():
    queries = " ".join([*(stored.query for stored in STORED.values()), *(each.source for each in RELATIONS.values())])
    queries += " ".join(str(field.sql) for each in RELATIONS.values() for field in each.fields.values())
    assert {
        name for name in metadata.tables if re.search(rf"\b(from|join)\s+{name}\b", f"from {queries}")
    } <= CHANGES.keys()


def test_a_change_of_any_table_is_shown_by_the_next_refresh(crowd, connection, database, directory):
    with open_small(database, directory) as mirror:
        generation = mirror.manifest.generation
    missed, unread = [], []
    for table, statement in CASES:
        connection.execute(sql.SQL(statement.format(customer=crowd.customers[7])))
        connection.commit()
        with open_small(database, directory) as mirror:
            if differences(mirror, connection):
                missed.append((table, statement))
            if mirror.manifest.generation == generation:
                unread.append((table, statement))
            generation = mirror.manifest.generation
    assert missed == []
    assert unread == []


@pytest.mark.parametrize("table", sorted(CHANGES.keys() - {"campaign_periods"}))
def test_a_table_whose_changes_nobody_noted_would_be_missed(table, crowd, connection, database, directory):
    with open_small(database, directory):
        pass
    connection.execute(sql.SQL("alter table {} disable trigger user").format(sql.Identifier(table)))
    for statement in CHANGES[table]:
        connection.execute(sql.SQL(statement.format(customer=crowd.customers[7])))
    connection.commit()
    with open_small(database, directory) as mirror:
        assert differences(mirror, connection)


def test_what_is_not_changed_is_not_written_again(crowd, connection, database, directory):
    with open_small(database, directory) as mirror:
        before = mirror.manifest
    connection.execute("update products set title = 'nobody reads it'")
    connection.execute("update shops set name = 'nor this'")
    connection.commit()
    with open_small(database, directory) as mirror:
        assert mirror.manifest == before


def test_a_change_of_few_costs_the_rows_of_few(crowd, connection, database, directory):
    with open_small(database, directory) as mirror:
        base = [part for part in mirror.manifest.parts if part.is_base]
    connection.execute("update customers set city = 'Rome' where id = any(%s)", (crowd.customers[3:5],))
    connection.commit()
    with open_small(database, directory) as mirror:
        assert [part for part in mirror.manifest.parts if part.is_base] == base
        assert mirror.manifest.customers(base=False) == 2


def test_a_transaction_under_way_is_read_once_it_is_committed_however_late(crowd, connection, database, directory):
    with open_small(database, directory):
        pass
    with psycopg.connect(database) as late:
        late.execute("update customers set city = 'late' where id = %s", (crowd.customers[0],))
        with late.transaction():  # what a savepoint changes has a number of its own
            late.execute("update customers set city = 'late too' where id = %s", (crowd.customers[1],))
        for number in range(2, 5):
            connection.execute("update customers set city = 'soon' where id = %s", (crowd.customers[number],))
            connection.commit()
            with open_small(database, directory) as mirror:
                assert differences(mirror, connection) == {}
        late.commit()
    with open_small(database, directory) as mirror:
        assert differences(mirror, connection) == {}
        cities = mirror.duck.execute("select count(*) from customer where city like 'late%'").fetchone()
        assert cities == (2,)


def test_what_is_rolled_back_changes_nothing(crowd, connection, database, directory):
    with open_small(database, directory) as mirror:
        before = mirror.manifest
    connection.execute("update customers set city = 'never'")
    connection.rollback()
    with open_small(database, directory) as mirror:
        assert mirror.manifest == before


def test_notes_that_have_been_read_are_taken_away(crowd, connection, database, directory):
    def changed(number: int) -> int:
        """How many notes are left when a change has been read."""
        connection.execute("update customers set city = %s where id = %s", (str(number), crowd.customers[0]))
        connection.commit()
        with open_small(database, directory):
            pass
        row = connection.execute("select count(*) from fact_changes").fetchone()
        assert row is not None
        return row[0]

    number, until = 0, time.monotonic() + 60
    while changed(number) > 2 or number < 3:  # a transaction of another test keeps notes until it ends
        assert time.monotonic() < until
        number += 1


def test_an_emptied_table_is_noticed(crowd, connection, database, directory):
    with open_small(database, directory):
        pass
    connection.execute("truncate message_events")
    connection.commit()
    said = []
    with open_small(database, directory, say=said.append) as mirror:
        assert differences(mirror, connection) == {}
    assert len(said) == 1
