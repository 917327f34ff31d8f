"""Both servers restarted in mid-journey, as roughly as can be: the journey ends with each message sent once."""

import asyncio
import os

import pytest

from bench.firing.servers import own_servers
from tests.activities.providers.servers import agree_until, odd_server, say
from tests.workflows.rules import REMIND_AT_ONCE, make_rules, smtp_policy
from tests.workflows.running import engine, mails, until
from tests.workflows.shop import Shop
from tests.workflows.test_mail import smtp

pytestmark = pytest.mark.timeout(240)  # servers start as slowly as the machine is busy

TWICE = """
steps:
  - send: {id: first, channel: email, template: reminder}
  - wait: 4s
  - send: {id: second, channel: email, template: reminder}
"""


@pytest.fixture(scope="module")
def servers():
    with own_servers("regulars-test-") as own:
        os.environ["TEMPORAL_ADDRESS"] = own.address
        yield own
        del os.environ["TEMPORAL_ADDRESS"]


@pytest.fixture
def shop(servers):
    opened = []

    def open_(rules):
        opened.append(Shop(servers.url, rules))
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


async def first_is_sent(shop, number):
    await until(lambda: (shop.journey(number), sent(shop, number))[1] == ["first"], "the first message")


def sent(shop, number):
    rows = shop.rows(
        "select step from messages m join journeys j on j.id = m.journey_id join orders o on o.id = j.order_id"
        " where o.number = %s and m.state = 'sent' order by m.id",
        number,
    )
    return [row["step"] for row in rows]


async def test_postgresql_crashes_while_a_journey_waits(servers, shop, mailbox):
    made = shop(make_rules(TWICE))
    async with engine(made, "default", mailbox) as running:
        made.place("P-1", "p1")
        await first_is_sent(made, "P-1")
        await asyncio.to_thread(servers.crash_postgres)
        await asyncio.to_thread(servers.restart_postgres)
        assert await running.finished("P-1", seconds=60) == "ended"
    assert sent(made, "P-1") == ["first", "second"]
    assert len(mails(mailbox)) == 2


async def test_postgresql_is_away_when_the_reminder_falls_due(servers, shop, mailbox):
    made = shop(make_rules(TWICE))
    async with engine(made, "default", mailbox) as running:
        made.place("P-2", "p2")
        await first_is_sent(made, "P-2")
        handle = running.handle("P-2")
        await asyncio.to_thread(servers.crash_postgres)

        async def tried():
            return list((await handle.describe()).raw_description.pending_activities)

        await until(tried, "an attempt without a database", seconds=60)
        await asyncio.to_thread(servers.restart_postgres)
        assert await running.finished("P-2", seconds=60) == "ended"
    assert sent(made, "P-2") == ["first", "second"]
    assert len(mails(mailbox)) == 2


async def test_postgresql_crashes_while_the_mail_server_has_the_mail_and_the_send_is_still_put_on_record(servers, shop):
    made = shop(make_rules(REMIND_AT_ONCE, policy=smtp_policy("hold")))
    taken, let_go = asyncio.Event(), asyncio.Event()

    async def slow(reader, writer):
        await agree_until("DATA", reader, writer)
        await say(writer, "354 go on")
        while await reader.readline() != b".\r\n":
            pass
        taken.set()
        await let_go.wait()
        await say(writer, "250 taken")

    async with odd_server(slow) as port, engine(made, "default", smtp(port, timeout=40)) as running:
        made.place("P-3", "p3")
        await asyncio.wait_for(taken.wait(), 30)
        await asyncio.to_thread(servers.crash_postgres)
        let_go.set()
        await asyncio.to_thread(servers.restart_postgres)
        assert await running.finished("P-3", seconds=60) == "ended"
    assert sent(made, "P-3") == ["first"]


async def test_temporal_is_killed_while_a_journey_waits_and_while_another_starts(servers, shop, mailbox):
    made = shop(make_rules(TWICE))
    async with engine(made, "default", mailbox) as running:
        made.place("T-1", "t1")
        await first_is_sent(made, "T-1")
        await asyncio.to_thread(servers.kill_temporal)
        made.place("T-2", "t2")
        await until(
            lambda: made.rows("select from outbox where done_at is null and attempts > 0"), "a failed start", seconds=60
        )
        await asyncio.to_thread(servers.restart_temporal)
        assert await running.finished("T-1", seconds=60) == "ended"
        assert await running.finished("T-2", seconds=60) == "ended"
    assert sent(made, "T-1") == sent(made, "T-2") == ["first", "second"]
    assert len(mails(mailbox)) == 4


async def test_temporal_is_killed_between_a_payment_and_its_signal(servers, shop, mailbox):
    made = shop(make_rules(TWICE))
    async with engine(made, "default", mailbox) as running:
        made.place("T-3", "t3")
        await first_is_sent(made, "T-3")
        await asyncio.to_thread(servers.kill_temporal)
        made.pay("T-3")
        await asyncio.to_thread(servers.restart_temporal)
        assert await running.finished("T-3", seconds=60) == "stopped: order.paid"
    assert len(mails(mailbox)) == 1
