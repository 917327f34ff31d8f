"""Two transactions at once: real connections, real locks."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest
from telling import LATER, NOON, eur, placed, progressed

from engine.facts.events import Event, Recorded
from engine.facts.intake import record, record_many


def waits_for_a_lock(database):
    """Whether a session of this database waits for another."""
    with psycopg.connect(database, autocommit=True) as watcher:
        return watcher.execute(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        ).fetchone()[0]


def until(condition):
    while not condition():
        threading.Event().wait(0.01)


@pytest.fixture
def connection(committing):
    return committing


def told(connection, contracts, event):
    outcome = record(connection, event, recorded_at=LATER, contracts=contracts)
    connection.commit()
    return outcome


@pytest.fixture
def second(database):
    with psycopg.connect(database) as connection:
        yield connection


def test_two_events_of_one_customer_are_taken_one_after_the_other(database, connection, second, contracts):
    told(connection, contracts, placed())
    first = record(connection, progressed("paid"), recorded_at=LATER, contracts=contracts)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(record, second, progressed("shipped"), recorded_at=LATER, contracts=contracts)
        until(lambda: waits_for_a_lock(database))
        assert not other.done()
        connection.commit()
        assert other.result(10).fresh
        second.commit()
    assert first.fresh
    assert connection.execute("select fact_version from customers").fetchone() == (3,)


def test_the_same_event_told_at_once_by_two_is_one_fact(database, connection, second, contracts):
    told(connection, contracts, placed())
    first = record(connection, progressed("paid"), recorded_at=LATER, contracts=contracts)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(record, second, progressed("paid"), recorded_at=LATER, contracts=contracts)
        until(lambda: waits_for_a_lock(database))
        connection.commit()
        again = other.result(10)
        second.commit()
    assert (first.fresh, again.fresh, again.event_id) == (True, False, first.event_id)
    assert connection.execute("select count(*) from payments").fetchone() == (1,)


def test_a_payment_told_at_once_under_two_keys_is_one_fact(database, connection, second, contracts):
    told(connection, contracts, placed())
    first = record(connection, progressed("paid", key="webhook"), recorded_at=LATER, contracts=contracts)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(record, second, progressed("paid", key="poll"), recorded_at=LATER, contracts=contracts)
        until(lambda: waits_for_a_lock(database))
        connection.commit()
        again = other.result(10)
        second.commit()
    assert (again.fresh, again.event_id) == (False, first.event_id)


def test_two_first_orders_of_a_new_customer_at_once_make_one_customer(database, connection, second, contracts):
    first = record(connection, placed("1"), recorded_at=LATER, contracts=contracts)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(record, second, placed("2"), recorded_at=LATER, contracts=contracts)
        until(lambda: waits_for_a_lock(database))
        connection.commit()
        after = other.result(10)
        second.commit()
    assert after.customer_id == first.customer_id
    assert connection.execute("select count(*), max(fact_version) from customers").fetchone() == (1, 2)


def test_a_new_order_told_at_once_by_two_is_one_order(database, connection, second, contracts):
    record(connection, placed("1"), recorded_at=LATER, contracts=contracts)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(record, second, placed("1"), recorded_at=LATER, contracts=contracts)
        until(lambda: waits_for_a_lock(database))
        connection.commit()
        assert not other.result(10).fresh
        second.commit()
    assert connection.execute("select count(*) from orders").fetchone() == (1,)


def test_batches_over_the_same_customers_in_opposite_order_both_end(database, connection, contracts):
    people = [f"c{number}" for number in range(8)]

    def lines(who, round_):
        return [{"product": f"p{round_}-{who}", "unit_price": eur("1.00")}]

    def batch(name, order):
        events = [
            placed(f"{name}{round_}-{who}", who, at=NOON + timedelta(minutes=round_), lines=lines(who, round_))
            for round_ in range(5)
            for who in order
        ]
        with psycopg.connect(database) as own:
            for start in range(0, len(events), 8):
                done = record_many(own, events[start : start + 8], recorded_at=LATER, contracts=contracts)
                assert all(isinstance(each, Recorded) and each.fresh for each in done)
                own.commit()
        return len(events)

    with ThreadPoolExecutor(2) as pool:
        both = pool.submit(batch, "a", people), pool.submit(batch, "b", people[::-1])
        assert [each.result(60) for each in both] == [40, 40]
    assert connection.execute("select count(*) from customers").fetchone() == (8,)
    assert connection.execute("select count(*) from orders").fetchone() == (80,)


def test_a_payment_told_while_its_order_is_being_written_is_not_forgotten(database, connection, second, contracts):
    record(connection, placed(), recorded_at=LATER, contracts=contracts)
    with ThreadPoolExecutor(1) as pool:
        paid = pool.submit(record, second, progressed("paid"), recorded_at=LATER, contracts=contracts)
        until(lambda: waits_for_a_lock(database))
        connection.commit()
        assert paid.result(10).fresh
        second.commit()
    assert connection.execute("select paid_at is not null from orders").fetchone() == (True,)


def test_an_order_waits_for_a_payment_that_is_just_being_kept(database, connection, second, contracts):
    assert record(connection, progressed("paid"), recorded_at=LATER, contracts=contracts).code == "unknown_order"
    with ThreadPoolExecutor(1) as pool:
        order = pool.submit(record, second, placed(), recorded_at=LATER, contracts=contracts)
        until(lambda: waits_for_a_lock(database))
        connection.commit()
        (released,) = order.result(10).released
        second.commit()
    assert released.kind == "order.paid"
    assert connection.execute("select paid_at is not null from orders").fetchone() == (True,)


def test_a_visit_told_while_its_customer_is_being_written_is_not_forgotten(database, connection, second, contracts):
    record(connection, placed(), recorded_at=LATER, contracts=contracts)
    visit = Event("site.visit", "v", NOON, "main", "c1")
    with ThreadPoolExecutor(1) as pool:
        visited = pool.submit(record, second, visit, recorded_at=LATER, contracts=contracts)
        until(lambda: waits_for_a_lock(database))
        connection.commit()
        assert visited.result(10).fresh
        second.commit()


def test_an_answer_told_while_its_case_is_being_written_is_not_forgotten(database, connection, second, contracts):
    told(connection, contracts, placed())
    opened = Event("case.opened", "a", NOON, "main", "c1", data={"case": "x", "type": "inquiry"})
    record(connection, opened, recorded_at=LATER, contracts=contracts)
    answered = Event("case.answered", "b", NOON, "main", data={"case": "x"})
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(record, second, answered, recorded_at=LATER, contracts=contracts)
        until(lambda: waits_for_a_lock(database))
        connection.commit()
        assert other.result(10).fresh
        second.commit()


def test_a_connection_that_commits_each_statement_is_refused(database, contracts):
    with psycopg.connect(database, autocommit=True) as single:
        with pytest.raises(ValueError, match="one transaction"):
            record(single, placed(), recorded_at=LATER, contracts=contracts)
        with single.transaction():
            assert record(single, placed(), recorded_at=LATER, contracts=contracts).code == "unknown_shop"


def test_nothing_remains_of_an_event_whose_transaction_is_rolled_back(connection, contracts):
    record(connection, placed(), recorded_at=LATER, contracts=contracts)
    connection.rollback()
    for table in ("events", "orders", "customers", "products", "refused_events"):
        assert connection.execute(f"select count(*) from {table}").fetchone() == (0,)
