"""Pauses, kills and cancellations with the engine at work: real Temporal, and a provider that takes its time."""

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest

from activities.providers.mailbox import Mailbox
from engine.operations.controls import Order, Selection, act, control, outstanding
from engine.own import Call
from tests.own import LOYALTY
from tests.own.loyalty import Balance, Points, loyalty_points
from tests.workflows.fixtures import mailbox, namespace, namespaces
from tests.workflows.rules import HEAD, REMIND_AT_ONCE, make_rules
from tests.workflows.running import engine, mails, until, words
from tests.workflows.shop import ZENOBIA, Shop, now

__all__ = ["mailbox", "namespace", "namespaces"]


@pytest.fixture
def shop(open_shop) -> Shop:
    return open_shop(make_rules(REMIND_AT_ONCE))


def do(shop: Shop, action, reason: str = "a reason") -> list[int]:
    with shop.pool.connection() as connection:
        return act(connection, Order(action, "anna", reason), Selection(), now())[0]


def set_playbook(shop: Shop, action, playbook: str = "payment-reminder") -> None:
    with shop.pool.connection() as connection:
        assert control(connection, action, playbook, "anna", "a reason", now())


def message(shop: Shop) -> tuple[str, str | None]:
    found = shop.messages()
    return (found[0][2], found[0][3]) if found else ("none", None)


async def test_a_paused_journey_sends_nothing_and_goes_on_at_once_when_it_is_resumed(shop, namespace, mailbox) -> None:
    shop.place()
    do(shop, "pause")
    async with engine(shop, namespace, mailbox) as running:
        await until(lambda: message(shop) == ("deferred", "journey_paused"), "the pause to be met")
        assert mails(mailbox) == []
        do(shop, "resume")
        assert await running.finished() == "ended"
    assert message(shop) == ("sent", None)
    assert len(mails(mailbox)) == 1


async def test_a_paused_playbook_holds_all_its_journeys_until_it_is_resumed(shop, namespace, mailbox) -> None:
    set_playbook(shop, "pause", "*")
    set_playbook(shop, "pause")
    shop.place()
    async with engine(shop, namespace, mailbox) as running:
        await until(lambda: message(shop)[0] == "deferred", "the pause to be met")
        set_playbook(shop, "resume")
        await until(lambda: shop.open_rows() == 0, "the journey to be told")
        assert message(shop) == ("deferred", "all_paused")
        set_playbook(shop, "resume", "*")
        assert await running.finished() == "ended"
    assert message(shop) == ("sent", None)


async def test_a_killed_playbook_skips_what_comes_due(shop, namespace, mailbox) -> None:
    set_playbook(shop, "kill")
    shop.place()
    async with engine(shop, namespace, mailbox) as running:
        await running.finished()
    assert message(shop) == ("skipped", "killed")
    assert mails(mailbox) == []


CALL = "steps: [{call: {id: reward, activity: loyalty-points, with: {points: 1}}}]"


class Called:
    """An activity of the project's own, and the keys under which it was called."""

    def __init__(self) -> None:
        self.keys: list[str] = []

        async def counting(given: Points, call: Call) -> Balance:
            self.keys.append(call.key)
            return await loyalty_points(given, call)

        self.own = {"loyalty-points": replace(loyalty_points, function=counting)}


@pytest.fixture
def called() -> Called:
    return Called()


@pytest.fixture
def calling(open_shop) -> Shop:
    return open_shop(make_rules(CALL, more=LOYALTY))


def call(shop: Shop) -> tuple[str, str | None]:
    found = shop.rows("select state, reason from calls")
    return (found[0]["state"], found[0]["reason"]) if found else ("none", None)


async def test_a_paused_playbook_calls_nothing_until_it_is_resumed_and_then_at_once(
    calling, namespace, mailbox, called
) -> None:
    shop = calling
    set_playbook(shop, "pause", "*")
    set_playbook(shop, "pause")
    shop.place()
    async with engine(shop, namespace, mailbox, own=called.own) as running:
        await until(lambda: call(shop)[0] == "open", "the pause to be met")
        set_playbook(shop, "resume", "*")
        await until(lambda: call(shop) == ("open", "playbook_paused"), "the other pause to be met")
        assert called.keys == []
        set_playbook(shop, "resume")
        assert await running.finished() == "ended"
    assert call(shop) == ("done", None)
    assert called.keys == [f"{shop.journey()['workflow_id']}/reward/1"]
    assert shop.row("select attempts from calls")["attempts"] == 1


async def test_a_paused_journey_calls_nothing_until_it_is_resumed(calling, namespace, mailbox, called) -> None:
    shop = calling
    shop.place()
    do(shop, "pause")
    async with engine(shop, namespace, mailbox, own=called.own) as running:
        await until(lambda: call(shop) == ("open", "journey_paused"), "the pause to be met")
        assert called.keys == []
        do(shop, "resume")
        assert await running.finished() == "ended"
    assert call(shop) == ("done", None)
    assert len(called.keys) == 1


async def test_points_are_given_only_when_a_pause_is_over(open_shop, namespace, mailbox) -> None:
    shop = open_shop(make_rules("steps: [{points: {id: earn, add: {of: order.total, per: 1 EUR}, expires: 365d}}]"))
    set_playbook(shop, "pause")
    shop.place()
    async with engine(shop, namespace, mailbox) as running:
        await until(lambda: call(shop) == ("open", "playbook_paused"), "the pause to be met")
        assert shop.rows("select points from points_entries") == []
        set_playbook(shop, "resume")
        assert await running.finished() == "ended"
    assert [row["points"] for row in shop.rows("select points from points_entries")] == [49]


@pytest.mark.parametrize("end", ["stopped", "cancelled"])
async def test_a_call_that_is_held_back_is_skipped_when_its_journey_is_over(
    calling, namespace, mailbox, called, end
) -> None:
    shop = calling
    set_playbook(shop, "pause")
    shop.place()
    async with engine(shop, namespace, mailbox, own=called.own) as running:
        await until(lambda: call(shop)[0] == "open", "the pause to be met")
        shop.pay() if end == "stopped" else do(shop, "cancel")
        assert call(shop) == ("skipped", end)
        set_playbook(shop, "resume")
        await until(lambda: running.closed(shop.journey()["workflow_id"]), "the workflow's end")
    assert [state for _, state, _ in shop.journeys()] == [end]
    assert called.keys == []


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("paused", ("open", "playbook_paused")),
        ("draft", ("open", "playbook_draft")),
        ("test", ("skipped", "no_test_recipient")),
    ],
)
async def test_the_status_in_force_decides_whether_something_is_called(
    calling, namespace, mailbox, called, status, expected
) -> None:
    shop = calling
    shop.place()
    shop.rules = make_rules(CALL, more=LOYALTY, head=f"{HEAD}status: {status}\n")
    async with engine(shop, namespace, mailbox, own=called.own):
        await until(lambda: call(shop) == expected, "what becomes of the call")
    assert called.keys == []


class Slow(Mailbox):
    """Takes a message and answers when it is let."""

    def __init__(self, directory) -> None:
        super().__init__(directory)
        self.asked, self.let = asyncio.Event(), asyncio.Event()

    async def deliver(self, message, key, before_commit):
        self.asked.set()
        await self.let.wait()
        return await super().deliver(message, key, before_commit)


async def test_a_cancellation_waits_for_what_is_being_sent_and_its_reason_stays_here(shop, namespace, tmp_path) -> None:
    provider = Slow(tmp_path / "mailbox")
    shop.place()
    async with engine(shop, namespace, provider) as running:
        await until(provider.asked.is_set, "the message at the provider")
        done = do(shop, "cancel", f"{ZENOBIA['given_name']} asked us to")

        def left():
            with shop.pool.connection() as connection:
                return outstanding(connection, done)

        await until(lambda: left().untold == 0, "Temporal to be told")
        assert left().sending == 1
        provider.let.set()
        await until(lambda: left().sending == 0, "the recorded result")
        await until(lambda: running.closed(shop.journey()["workflow_id"]), "the workflow's end")
        history = await running.history()
    assert message(shop) == ("sent", None)
    assert [state for _, state, _ in shop.journeys()] == ["cancelled"]
    assert ZENOBIA["given_name"] not in words(history)
    assert isinstance(shop.journey()["ended_at"], datetime)
