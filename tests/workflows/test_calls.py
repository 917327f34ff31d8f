"""Playbooks call activities of the project's own, on the real servers."""

import asyncio
import contextlib
import threading
import time

import pytest
from pydantic import BaseModel, field_validator

from activities.call import MOST_BYTES, THREADS
from engine.own import Call, Refused, TryAgain, activity
from engine.own.load import contract
from tests.own.loyalty import Balance, Points
from tests.replay.scenes import Stage, activity_of_its_own, activity_that_is_not_there
from tests.workflows.rules import HEAD, POLICY, impatient, make_rules
from tests.workflows.running import engine, until, words
from tests.workflows.shop import ZENOBIA

CALLS = "select step, state, reason, attempts, answer from calls order by id"
EXAMPLE = """Does something.

    ```yaml
    call: {id: it, activity: tried, with: {points: 1}}
    ```
"""
STEPS = """
steps:
  - call: {id: it, activity: tried, with: {points: 3}}
    on_failure: [{task: {id: by-hand, team: support}}]
"""


class Odd(BaseModel):
    """Takes three points by its schema, and refuses them for a reason that no schema can say."""

    points: int

    @field_validator("points")
    @classmethod
    def _even(cls, points: int) -> int:
        if points % 2:
            raise ValueError
        return points


def own(function, idempotency="keyed", timeout="1s"):
    function.__doc__ = EXAMPLE
    made = activity(name="tried", title="Tries.", idempotency=idempotency, timeout=timeout)(function)
    return made, {"activities/tried.json": contract(made, "../activities/tried.py")}


async def played(
    open_shop, namespace, mailbox, function, *, retry_for=4, steps=STEPS, policy=POLICY, head=HEAD, **declared
):
    """One journey that calls the function, to its end."""
    made, more = own(function, **declared)
    shop = open_shop(impatient(make_rules(steps, more=more, policy=policy, head=head), retry_for))
    async with engine(shop, namespace, mailbox, own={"tried": made}) as running:
        shop.place()
        await running.finished()
        text = words(await running.history())
    return shop, text


def rows(shop):
    return [(row["step"], row["state"], row["reason"]) for row in shop.rows(CALLS)]


def doubts(shop):
    return rows(shop).count(("it", "failed", "in_doubt"))


async def test_what_an_activity_answers_decides_and_never_enters_the_history(open_shop, namespace, mailbox):
    running = await activity_of_its_own(Stage(open_shop, namespace, mailbox.directory))
    shop = running.shop
    assert [(row["step"], row["state"], row["answer"]["balance"]) for row in shop.rows(CALLS)] == [
        ("reward", "done", 60),
        ("again", "done", 10),
    ]
    assert [task[0] for task in shop.tasks()] == ["praise"]
    assert shop.journey()["state"] == "ended"
    assert "balance" not in words(await running.history()).replace("step.reward.balance", "")


async def test_an_activity_that_no_worker_has_is_tried_for_its_time_and_then_fails(open_shop, namespace, mailbox):
    running = await activity_that_is_not_there(Stage(open_shop, namespace, mailbox.directory))
    assert [task[0] for task in running.shop.tasks()] == ["by-hand"]
    assert running.shop.rows(CALLS) == []


async def test_it_is_called_with_its_key_the_subject_and_what_is_looked_up(open_shop, namespace, mailbox):
    seen = []

    async def tried(given: Points, call: Call) -> Balance:
        seen.append((given, call))
        return Balance(1, "gold")

    steps = "steps:\n  - call: {id: it, activity: tried, with: {points: 3, spent: {attribute: order.total}}}\n"
    shop, _ = await played(open_shop, namespace, mailbox, tried, steps=steps)
    ((given, call),) = seen
    assert given == Points(3, 4990)
    assert (call.key, call.order, call.customer_key) == (f"{shop.journey()['workflow_id']}/it/1", "N-1001", "c1")
    assert rows(shop) == [("it", "done", None)]


async def test_what_an_exception_says_of_a_person_reaches_neither_history_nor_database_nor_log(
    open_shop, namespace, mailbox, caplog
):
    async def tried(given: Points, call: Call) -> Balance:
        raise RuntimeError(f"no account of {ZENOBIA['email']}")

    shop, text = await played(open_shop, namespace, mailbox, tried)
    assert rows(shop) == [("it", "failed", "RuntimeError")]
    assert [task[0] for task in shop.tasks()] == ["by-hand"]
    for told in (text, str(shop.rows("select to_jsonb(c) from calls c")), caplog.text, str(caplog.records)):
        assert ZENOBIA["email"] not in told
    assert "RuntimeError" in text


async def test_it_is_tried_again_until_it_succeeds_under_the_same_key(open_shop, namespace, mailbox):
    keys = []

    async def tried(given: Points, call: Call) -> Balance:
        keys.append(call.key)
        if len(keys) < 3:
            raise TryAgain("too_busy")
        return Balance(1, "gold")

    shop, _ = await played(open_shop, namespace, mailbox, tried, retry_for=30)
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert rows(shop) == [("it", "done", None)]
    assert shop.tasks() == []


async def test_a_refusal_fails_at_once_for_its_reason(open_shop, namespace, mailbox):
    async def tried(given: Points, call: Call) -> Balance:
        raise Refused("not_a_member")

    shop, _ = await played(open_shop, namespace, mailbox, tried, retry_for=3600)
    assert rows(shop) == [("it", "failed", "not_a_member")]
    assert [task[0] for task in shop.tasks()] == ["by-hand"]


@pytest.mark.parametrize("answer", [None, 5, {"balance": "much", "level": "gold"}, Points(1)])
async def test_another_answer_than_declared_fails_and_is_not_called_again(open_shop, namespace, mailbox, answer):
    called = []

    async def tried(given: Points, call: Call) -> Balance:
        called.append(call)
        return answer

    shop, _ = await played(open_shop, namespace, mailbox, tried, retry_for=3600)
    assert len(called) == 1
    assert rows(shop) == [("it", "failed", "answer_wrong")]


async def test_an_answer_where_none_is_declared_fails_and_is_not_called_again(open_shop, namespace, mailbox):
    called = []

    async def tried(given: Points, call: Call) -> None:
        called.append(call)
        return Balance(1, "gold")

    shop, _ = await played(open_shop, namespace, mailbox, tried, retry_for=3600)
    assert len(called) == 1
    assert rows(shop) == [("it", "failed", "answer_wrong")]


async def test_an_answer_that_is_too_large_fails_and_is_not_called_again(open_shop, namespace, mailbox):
    called = []

    async def tried(given: Points, call: Call) -> Points:
        called.append(call)
        return Points(1, note="n" * MOST_BYTES)

    shop, _ = await played(open_shop, namespace, mailbox, tried, retry_for=3600)
    assert len(called) == 1
    assert rows(shop) == [("it", "failed", "answer_too_large")]
    assert shop.row("select answer from calls")["answer"] == {}


async def test_what_must_be_done_once_and_answers_wrongly_was_done_and_is_not_in_doubt(open_shop, namespace, mailbox):
    async def tried(given: Points, call: Call) -> Balance:
        return Points(1)

    once = {"idempotency": "once, in doubt is held"}
    shop, _ = await played(open_shop, namespace, mailbox, tried, retry_for=3600, **once)
    assert rows(shop) == [("it", "failed", "answer_wrong")]


async def test_what_the_model_refuses_fails_without_a_call(open_shop, namespace, mailbox):
    called = []

    async def tried(given: Odd, call: Call) -> None:
        called.append(call)

    shop, _ = await played(open_shop, namespace, mailbox, tried, retry_for=3600)
    assert called == []
    assert rows(shop) == [("it", "failed", "input_wrong")]


async def test_what_must_be_done_once_is_not_repeated_when_its_outcome_is_not_known(open_shop, namespace, mailbox):
    called = []

    async def tried(given: Points, call: Call) -> Balance:
        called.append(call)
        raise ConnectionResetError

    once = {"idempotency": "once, in doubt is held"}
    shop, _ = await played(open_shop, namespace, mailbox, tried, retry_for=3600, **once)
    assert len(called) == 1
    assert rows(shop) == [("it", "failed", "in_doubt")]


async def test_what_must_be_done_once_is_tried_again_when_it_says_that_it_was_not_done(open_shop, namespace, mailbox):
    called = []

    async def tried(given: Points, call: Call) -> Balance:
        called.append(call)
        if len(called) == 1:
            raise TryAgain("too_busy")
        return Balance(1, "gold")

    once = {"idempotency": "once, in doubt is held"}
    shop, _ = await played(open_shop, namespace, mailbox, tried, retry_for=3600, **once)
    assert len(called) == 2
    assert rows(shop) == [("it", "done", None)]


async def test_a_call_that_hangs_is_broken_off(open_shop, namespace, mailbox):
    async def tried(given: Points, call: Call) -> Balance:
        await asyncio.Event().wait()

    shop, text = await played(open_shop, namespace, mailbox, tried)
    assert rows(shop) == [("it", "failed", "timed_out")]
    assert "timed_out" in text


async def test_a_call_that_hangs_once_is_made_again_under_its_key(open_shop, namespace, mailbox):
    keys = []

    async def tried(given: Points, call: Call) -> Balance:
        keys.append(call.key)
        if len(keys) == 1:
            await asyncio.Event().wait()
        return Balance(1, "gold")

    shop, text = await played(open_shop, namespace, mailbox, tried, retry_for=30)
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert rows(shop) == [("it", "done", None)]
    assert "timed_out" in text


async def test_what_must_be_done_once_and_hangs_is_in_doubt_and_not_made_again(open_shop, namespace, mailbox):
    called = []

    async def tried(given: Points, call: Call) -> Balance:
        called.append(call)
        await asyncio.Event().wait()

    once = {"idempotency": "once, in doubt is held"}
    shop, _ = await played(open_shop, namespace, mailbox, tried, retry_for=3600, **once)
    assert len(called) == 1
    assert rows(shop) == [("it", "failed", "in_doubt")]
    assert [task[0] for task in shop.tasks()] == ["by-hand"]


@pytest.mark.parametrize(
    ("idempotency", "reason"), [("keyed", "retries_used_up"), ("once, in doubt is held", "in_doubt")]
)
async def test_a_call_that_heeds_no_cancellation_holds_up_the_journey_for_its_time_only(
    open_shop, namespace, mailbox, idempotency, reason
):
    async def tried(given: Points, call: Call) -> Balance:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    shop, _ = await played(open_shop, namespace, mailbox, tried, idempotency=idempotency)
    assert rows(shop) == [("it", "failed", reason)]
    assert [task[0] for task in shop.tasks()] == ["by-hand"]
    assert shop.journey()["state"] == "ended"


async def test_a_thread_that_hangs_holds_up_nobody_else(open_shop, namespace, mailbox):
    over = threading.Event()

    def tried(given: Points, call: Call) -> Balance:
        over.wait()
        return Balance(1, "gold")

    try:
        began = time.monotonic()
        shop, _ = await played(open_shop, namespace, mailbox, tried)
        assert rows(shop) == [("it", "failed", "timed_out")]
        assert time.monotonic() - began < 25
    finally:
        over.set()


async def test_what_found_no_thread_was_not_called_and_is_tried_again_also_once_only(open_shop, namespace, mailbox):
    over, called = threading.Event(), []

    def tried(given: Points, call: Call) -> None:
        called.append(call.order)
        over.wait()

    made, more = own(tried, "once, in doubt is held")
    shop = open_shop(impatient(make_rules(STEPS, more=more), 60))
    numbers = [f"N-{number}" for number in range(THREADS + 1)]
    try:
        async with engine(shop, namespace, mailbox, own={"tried": made}) as running:
            for number in numbers:
                shop.place(number, customer=number)
            await until(lambda: doubts(shop) == THREADS, "the hanging calls to be in doubt")
            assert len(called) == THREADS
            over.set()
            for number in numbers:
                await running.finished(number)
    finally:
        over.set()
    assert sorted(called) == numbers
    assert doubts(shop) == THREADS
    assert ("it", "done", None) in rows(shop)


async def test_a_customer_who_is_held_out_is_told_to_nobody(open_shop, namespace, mailbox):
    async def tried(given: Points, call: Call) -> Balance:
        raise AssertionError

    head = HEAD.replace("purpose: service", "purpose: marketing, holdout: 100%")
    shop, _ = await played(open_shop, namespace, mailbox, tried, head=head)
    assert rows(shop) == [("it", "skipped", "holdout")]


async def test_a_paid_order_calls_nobody(open_shop, namespace, mailbox):
    called = []

    async def tried(given: Points, call: Call) -> Balance:
        called.append(call)
        return Balance(1, "gold")

    made, more = own(tried)
    shop = open_shop(make_rules(STEPS, more=more))
    async with engine(shop, namespace, mailbox, own={"tried": made}, dispatching=False) as running:
        shop.place()
        shop.pay()
        await running.dispatcher.drain_once()
    assert called == []
    assert rows(shop) == []
