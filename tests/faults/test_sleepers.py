"""An attempt that sleeps until it is thought dead, and then goes on with what another has taken over."""

import asyncio

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.deliver import Deliver
from activities.providers.smtp import Smtp
from activities.providers.smtp_settings import SmtpSettings
from engine.composition import context
from engine.journeys.wire import Answer, DeliverRequest
from tests.activities.providers.servers import Inbox, smtp_server
from tests.workflows.rules import REMIND_AT_ONCE, make_rules, smtp_policy


class Sleepy(Smtp):
    """Falls asleep in its first delivery, right before or right after the mark that the message is in flight."""

    def __init__(self, port, *, after_mark):
        super().__init__(SmtpSettings("127.0.0.1", port, starttls="never", timeout=20))
        self.after_mark = after_mark
        self.asleep, self.awake = asyncio.Event(), asyncio.Event()

    async def deliver(self, message, key, before_commit):
        async def sleepily():
            if not self.after_mark:
                await self._sleep_once()
            await before_commit()
            if self.after_mark:
                await self._sleep_once()

        return await super().deliver(message, key, sleepily)

    async def _sleep_once(self):
        if not self.asleep.is_set():
            self.asleep.set()
            await self.awake.wait()


@pytest.fixture
def shop(open_shop):
    return open_shop(make_rules(REMIND_AT_ONCE, policy=smtp_policy("hold")))


@pytest.fixture
async def inbox_and_port():
    inbox = Inbox()
    async with smtp_server(inbox) as port:
        yield inbox, port


def attempts(shop, provider):
    """Makes attempts of the same send, each as an activity of its own."""
    shop.place()
    journey = shop.journey()
    request = DeliverRequest(
        journey=journey["id"],
        step="first",
        iteration=1,
        at=journey["started_at"],
        due=journey["started_at"],
        channels=["email"],
        template="reminder",
        clock="timers",
        ends="ended",
    )
    deliver = Deliver(context(shop.pool, shop.rules, {"email": provider}, shop.versions))
    return lambda: ActivityEnvironment().run(deliver.deliver, request)


async def test_one_that_wakes_before_its_mark_is_overtaken_and_sends_nothing(shop, inbox_and_port):
    inbox, port = inbox_and_port
    provider = Sleepy(port, after_mark=False)
    attempt = attempts(shop, provider)
    sleeper = asyncio.create_task(attempt())
    await provider.asleep.wait()
    answer = await attempt()
    assert (answer.outcome, len(inbox.mails)) == ("sent", 1)
    provider.awake.set()
    with pytest.raises(ApplicationError, match="overtaken"):
        await sleeper
    assert len(inbox.mails) == 1
    assert shop.messages() == [("first", "email", "sent", None)]


async def test_one_that_wakes_after_its_mark_sends_the_only_mail_and_settles_the_doubt(shop, inbox_and_port):
    inbox, port = inbox_and_port
    provider = Sleepy(port, after_mark=True)
    attempt = attempts(shop, provider)
    sleeper = asyncio.create_task(attempt())
    await provider.asleep.wait()
    answer = await attempt()
    assert (answer.outcome, answer.reason, inbox.mails) == ("in_doubt", "worker_died", [])
    provider.awake.set()
    assert isinstance(await sleeper, Answer)
    assert len(inbox.mails) == 1
    assert shop.messages() == [("first", "email", "sent", None)]


async def test_one_whose_order_is_paid_before_its_mark_sends_nothing(shop, inbox_and_port):
    inbox, port = inbox_and_port
    provider = Sleepy(port, after_mark=False)
    attempt = attempts(shop, provider)
    sleeper = asyncio.create_task(attempt())
    await provider.asleep.wait()
    shop.pay()
    provider.awake.set()
    with pytest.raises(ApplicationError, match="overtaken"):
        await sleeper
    answer = await attempt()
    assert (answer.outcome, answer.reason, answer.stopped) == ("skipped", "stopped", "order.paid")
    assert inbox.mails == []
