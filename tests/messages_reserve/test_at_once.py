"""Transactions at once, on real connections in threads.

What holds: reserve, the mark that a message is in flight, and the intake of a payment are one after the other by the
customer's lock. So a message leaves for the first time only if its mark was committed before the payment's intake, or
while that was not committed yet.
"""

import asyncio
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from activities.deliver import Deliver, _record
from engine.composition import context
from engine.dispatch.accept import accept
from engine.journeys.interpreter import wait_of
from engine.messages.record import mark_in_flight
from engine.messages.reserve import NotBefore, Proceed
from engine.operations.controls import control
from tests.messages_reserve.asking import BEFORE, NOON, Asking, rules

DEADLOCKS = "select pg_stat_force_next_flush(), deadlocks from pg_stat_database where datname = current_database()"


@pytest.fixture
def shop(open_shop):
    return open_shop(rules())


def waits_for_a_lock(shop):
    return shop.row(
        "select count(*) as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    )["n"]


def until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_two_attempts_at_once_are_one_message_and_only_one_hands_it_over(shop):
    shop.place(at=BEFORE)
    ask = Asking(shop)
    together = threading.Barrier(8)

    def attempt():
        together.wait()
        proceed = ask()
        return isinstance(proceed, Proceed) and ask.hand_over(proceed)

    with ThreadPoolExecutor(8) as threads:
        handed_over = [future.result() for future in [threads.submit(attempt) for _ in range(8)]]
    assert handed_over.count(True) <= 1
    (message,) = shop.messages()
    assert message[2] in {"in_flight", "in_doubt", "reserved"}
    # Whoever came after the mark held the message in doubt; whoever came before it was overtaken.
    assert (True in handed_over) == (message[2] != "reserved")


def test_a_reservation_waits_for_a_payment_that_is_being_written_and_is_stopped_by_it(shop):
    shop.place(at=BEFORE)
    ask = Asking(shop)
    with psycopg.connect(shop.url) as paying, ThreadPoolExecutor(1) as thread:
        accept(paying, shop.matcher, shop.event("order.paid", "N-1001", at=BEFORE), NOON)
        asked = thread.submit(ask)
        until(lambda: waits_for_a_lock(shop))
        assert not asked.done()
        paying.commit()
        assert asked.result().reason == "stopped"


@pytest.mark.parametrize("playbook", ["*", "payment-reminder"])
def test_a_pause_that_ends_while_a_message_is_being_held_back_by_it_tells_the_journey(shop, playbook):
    """Else she would wait for as long as if the pause went on."""
    shop.place(at=BEFORE)
    ask = Asking(shop)
    with shop.pool.connection() as connection:
        assert control(connection, "pause", playbook, "anna", "a reason", BEFORE)

    def resume():
        with shop.pool.connection() as connection:
            return control(connection, "resume", playbook, "anna", "a reason", NOON)

    with psycopg.connect(shop.url) as asking, ThreadPoolExecutor(1) as thread:
        held_back = ask.on(asking)
        assert isinstance(held_back, NotBefore)
        resumed = thread.submit(resume)
        until(lambda: waits_for_a_lock(shop))
        asking.commit()
        assert resumed.result()
    told = shop.rows("select payload from outbox where kind = 'event'")
    assert [row["payload"]["wait"] for row in told] == [wait_of("first", held_back.until)]


def test_a_payment_waits_for_a_reservation_that_is_being_written(shop):
    shop.place(at=BEFORE)
    ask = Asking(shop)
    with psycopg.connect(shop.url) as reserving, ThreadPoolExecutor(1) as thread:
        proceed = ask.on(reserving)
        paid = thread.submit(shop.pay, at=NOON)
        until(lambda: waits_for_a_lock(shop))
        reserving.commit()
        assert paid.result().fresh
    assert not ask.hand_over(proceed)  # reserved before the payment, but not yet on its way
    assert ask(NOON + timedelta(seconds=1)).reason == "stopped"


@pytest.mark.parametrize("outcome", ["sent", "in_doubt", "failed"])
def test_putting_a_send_on_record_and_another_attempt_do_not_wait_for_each_other_in_a_ring(shop, outcome):
    shop.place(at=BEFORE)
    ask = Asking(shop)
    proceed = ask()
    assert ask.hand_over(proceed)

    async def put_on_record():
        deliver = Deliver(context(shop.pool, shop.rules, {}, shop.versions))
        request = replace(ask.request(), ends="ended")
        if outcome == "failed":
            return await deliver._failed(proceed, NOON, "recipient_refused")
        if outcome == "in_doubt":
            return await deliver._doubted(request, proceed, NOON, "no_answer")
        return await deliver.context.transaction(lambda connection: _record(connection, request, proceed, NOON, "id"))

    with psycopg.connect(shop.url) as holding, ThreadPoolExecutor(2) as threads:
        holding.execute("select from messages for update")
        recording = threads.submit(asyncio.run, put_on_record())
        until(lambda: waits_for_a_lock(shop) == 1)
        asking = threads.submit(ask)
        until(lambda: waits_for_a_lock(shop) == 2)
        deadlocks = shop.row(DEADLOCKS)["deadlocks"]
        holding.rollback()
        recording.result()
        asking.result()
    assert shop.row(DEADLOCKS)["deadlocks"] == deadlocks
    assert [message[2] for message in shop.messages()] == [outcome]


def test_however_payments_and_reminders_meet_nothing_leaves_after_a_payment_is_in(shop):
    """Each order is paid and reminded at once; what was handed over has its mark before the payment's commit."""
    orders = [f"N-{number}" for number in range(40)]
    for number in orders:
        shop.place(number, customer=f"c{number}", at=BEFORE)
    ask = Asking(shop)
    dice = random.Random(7)
    pauses = {number: (dice.random() * 0.004, dice.random() * 0.004) for number in orders}

    def pay(number):
        time.sleep(pauses[number][0])
        shop.pay(number, at=NOON)
        return time.monotonic()

    def remind(number):
        time.sleep(pauses[number][1])
        proceed = ask(number=number)
        if not isinstance(proceed, Proceed):
            return None
        begun = time.monotonic()
        with shop.pool.connection() as connection:
            return begun if mark_in_flight(connection, proceed.message, proceed.attempt) else None

    with ThreadPoolExecutor(8) as threads:
        pairs = [(threads.submit(pay, number), threads.submit(remind, number)) for number in orders]
        outcomes = [(paid.result(), reminded.result()) for paid, reminded in pairs]
    assert all(begun is None or begun <= paid for paid, begun in outcomes)
    states = {row["state"] for row in shop.rows("select state from messages")}
    assert states <= {"in_flight", "skipped", "reserved"}
    assert {row["state"] for row in shop.rows("select state from journeys")} == {"stopped"}
    for number in orders:
        assert ask(NOON + timedelta(seconds=1), number=number).state in {"skipped", "in_doubt"}
