"""Whole journeys through real SMTP servers that refuse, hang or die."""

import asyncio
from contextlib import asynccontextmanager

import psycopg
from aiosmtpd.smtp import SMTP

from activities.providers.smtp import Smtp
from activities.providers.smtp_settings import SmtpSettings
from engine.servers.ports import free_port
from tests.activities.providers.servers import Inbox, agree_until, odd_server, say, smtp_server
from tests.workflows.rules import REMIND_AT_ONCE, WAIT_AND_REMIND, impatient, make_rules, smtp_policy
from tests.workflows.running import engine, events, summaries, until, words
from tests.workflows.shop import ZENOBIA

TWO_STEPS = REMIND_AT_ONCE + "  - task: {id: call, team: sales}\n"
WAITING = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
RECIPIENT = ZENOBIA["email"]


def smtp(port, timeout=1.0):
    return Smtp(SmtpSettings("127.0.0.1", port, starttls="never", timeout=timeout))


@asynccontextmanager
async def first_then(talk, inbox):
    """A server that misbehaves on its first connection and is a sound one on all later; gives port and connections."""
    connections = []
    async with smtp_server(inbox) as sound:

        async def either(reader, writer):
            connections.append(reader)
            if len(connections) == 1:
                await talk(reader, writer)
            else:
                await _pass_on(reader, writer, sound)

        async with odd_server(either) as port:
            yield port, connections


async def _pass_on(reader, writer, port):
    there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)

    async def copy(source, target):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
        target.close()

    await asyncio.gather(copy(reader, there_writer), copy(there_reader, writer))


async def read_mail(reader, writer):
    """Reads a mail as a server that is ready for it, up to its final dot."""
    await agree_until("DATA", reader, writer)
    await say(writer, "354 go on")
    while (line := await reader.readline()) != b".\r\n":
        if not line:
            return


async def test_a_mail_that_the_server_takes_is_sent_once(open_shop, namespace):
    shop = open_shop(make_rules(REMIND_AT_ONCE, policy=smtp_policy()))
    inbox = Inbox()
    async with smtp_server(inbox) as port, engine(shop, namespace, smtp(port)) as running:
        shop.place()
        assert await running.finished() == "ended"
    assert [mail["To"] for mail in inbox.mails] == [RECIPIENT]
    message = shop.row("select * from messages")
    assert message["provider_id"] == inbox.mails[0]["Message-ID"]


async def test_a_recipient_who_is_refused_fails_her_journey_and_is_suppressed(open_shop, namespace):
    shop = open_shop(make_rules(REMIND_AT_ONCE, policy=smtp_policy()))
    inbox = Inbox(refuse={RECIPIENT: f"550 5.1.1 <{RECIPIENT}> Zenobia has left us"})
    async with smtp_server(inbox) as port, engine(shop, namespace, smtp(port)) as running:
        shop.place()
        assert await running.finished() == "failed: recipient_refused"
        shop.place("N-2")
        assert await running.finished("N-2") == "ended"
        seen = words(await running.history())
    assert RECIPIENT not in seen
    assert "Zenobia" not in seen
    assert shop.messages() == [
        ("first", "email", "failed", "recipient_refused"),
        ("first", "email", "skipped", "suppressed"),
    ]
    assert shop.row("select channel, reason from suppressions") == {"channel": "email", "reason": "bounced"}
    assert [task for task, _, _ in shop.tasks()] == ["journey-failed"]
    assert inbox.mails == []


async def test_a_server_that_is_busy_is_asked_again_and_the_mail_is_sent_once(open_shop, namespace):
    shop = open_shop(make_rules(REMIND_AT_ONCE, policy=smtp_policy()))
    inbox = Inbox(refuse={RECIPIENT: "451 4.7.1 greylisted"})
    async with smtp_server(inbox) as port, engine(shop, namespace, smtp(port)) as running:
        shop.place()
        await until(lambda: shop.rows("select from messages where attempts >= 2"), "the second attempt")
        inbox.refuse.clear()
        assert await running.finished() == "ended"
    assert len(inbox.mails) == 1
    assert shop.messages() == [("first", "email", "sent", None)]


async def test_an_order_paid_while_the_server_is_busy_is_not_reminded_by_the_next_attempt(open_shop, namespace):
    shop = open_shop(make_rules(REMIND_AT_ONCE, policy=smtp_policy()))
    inbox = Inbox(refuse={RECIPIENT: "451 4.7.1 greylisted"})
    async with smtp_server(inbox) as port, engine(shop, namespace, smtp(port)) as running:
        shop.place()
        await until(lambda: shop.rows("select from messages where attempts >= 1"), "the first attempt")
        shop.pay()
        inbox.refuse.clear()
        assert await running.finished() == "stopped: order.paid"
    assert inbox.mails == []
    assert shop.messages() == [("first", "email", "skipped", "stopped")]


async def test_a_server_that_is_not_there_yet_gets_the_mail_once(open_shop, namespace):
    shop = open_shop(make_rules(REMIND_AT_ONCE, policy=smtp_policy()))
    inbox = Inbox()
    port = free_port()
    async with engine(shop, namespace, smtp(port)) as running:
        shop.place()
        await until(lambda: shop.rows("select from messages where attempts >= 1"), "the first attempt")
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(inbox, loop=loop, hostname="mail.test"), "127.0.0.1", port)
        assert await running.finished() == "ended"
        server.close()
    assert len(inbox.mails) == 1


async def test_a_server_that_dies_in_data_gets_the_mail_again_whole(open_shop, namespace):
    shop = open_shop(make_rules(REMIND_AT_ONCE, policy=smtp_policy()))
    inbox = Inbox()

    async def dies(reader, writer):
        """Lets the message begin and is gone before its end: the mark that it is in flight is held until then."""
        await agree_until("DATA", reader, writer)
        with psycopg.connect(shop.url) as holding:
            holding.execute("select from messages for update")
            await say(writer, "354 go on")
            await until(lambda: shop.rows(WAITING), "the mark")
            writer.transport.abort()
            for _ in range(10):
                await asyncio.sleep(0)  # the client, in this same loop, loses its connection

    async with first_then(dies, inbox) as (port, connections), engine(shop, namespace, smtp(port)) as running:
        shop.place()
        assert await running.finished() == "ended"
    assert len(connections) == 2
    assert len(inbox.mails) == 1
    assert shop.messages() == [("first", "email", "sent", None)]


async def test_a_server_that_takes_the_mail_and_never_answers_leaves_a_doubt_that_is_listed(open_shop, namespace):
    shop = open_shop(make_rules(TWO_STEPS, policy=smtp_policy("hold")))
    taken = []

    async def hangs(reader, writer):
        await read_mail(reader, writer)
        taken.append(1)
        await asyncio.sleep(60)

    async with odd_server(hangs) as port, engine(shop, namespace, smtp(port)) as running:
        shop.place()
        assert await running.finished() == "ended"
        details = await running.details()
    assert taken == [1]
    assert shop.messages() == [("first", "email", "in_doubt", "no_answer")]
    assert "First reminder by email: in doubt" in details
    assert [task for task, _, _ in shop.tasks()] == ["call"]  # the doubt is listed and the journey goes on


async def test_a_connection_lost_after_the_last_dot_leaves_a_doubt_that_is_listed(open_shop, namespace):
    shop = open_shop(make_rules(REMIND_AT_ONCE, policy=smtp_policy("hold")))
    taken = []

    async def dies(reader, writer):
        await read_mail(reader, writer)
        taken.append(1)
        writer.transport.abort()

    async with odd_server(dies) as port, engine(shop, namespace, smtp(port)) as running:
        shop.place()
        assert await running.finished() == "ended"
    assert taken == [1]
    assert shop.messages() == [("first", "email", "in_doubt", "connection_lost")]
    assert shop.journey()["state"] == "ended"


async def test_a_doubtful_mail_is_sent_again_where_policy_says_so(open_shop, namespace):
    shop = open_shop(make_rules(REMIND_AT_ONCE, policy=smtp_policy("resend")))
    inbox = Inbox()

    async def dies(reader, writer):
        await read_mail(reader, writer)
        writer.transport.abort()

    async with first_then(dies, inbox) as (port, connections), engine(shop, namespace, smtp(port)) as running:
        shop.place()
        assert await running.finished() == "ended"
    assert len(connections) == 2
    assert len(inbox.mails) == 1
    assert shop.messages() == [("first", "email", "sent", None)]


async def test_a_server_that_stays_away_fails_the_journey_when_the_retries_are_used_up(open_shop, namespace):
    shop = open_shop(impatient(make_rules(REMIND_AT_ONCE, policy=smtp_policy())))
    async with engine(shop, namespace, smtp(free_port())) as running:
        shop.place()
        assert await running.finished() == "failed: server_unreachable"
    assert shop.messages() == [("first", "email", "failed", "server_unreachable")]
    assert [task for task, _, _ in shop.tasks()] == ["journey-failed"]
    assert [(state, outcome) for _, state, outcome in shop.journeys()] == [("failed", "server_unreachable")]


CAUGHT = REMIND_AT_ONCE + "    on_failure: [{task: {id: call, team: sales}}]\n  - wait: 1s\n"


async def test_a_server_that_stays_away_lets_the_journey_go_on_with_the_steps_for_a_failure(open_shop, namespace):
    shop = open_shop(impatient(make_rules(CAUGHT, policy=smtp_policy())))
    async with engine(shop, namespace, smtp(free_port())) as running:
        shop.place()
        assert await running.finished() == "ended"
        seen = [summary for _, summary in summaries(await running.history())]
    assert shop.messages() == [("first", "email", "failed", "server_unreachable")]
    assert [task for task, _, _ in shop.tasks()] == ["call"]
    assert seen == [
        "First reminder by email",
        "giving up: First reminder by email",
        "task for sales: Call",
        "waiting 1 s",
        "closing the journey: ended",
    ]


async def test_a_message_that_may_have_left_stays_in_doubt_where_its_journey_goes_on(open_shop, namespace):
    shop = open_shop(impatient(make_rules(CAUGHT, policy=smtp_policy("resend"))))

    async def dies(reader, writer):
        await read_mail(reader, writer)
        writer.transport.abort()

    async with odd_server(dies) as port, engine(shop, namespace, smtp(port)) as running:
        shop.place()
        assert await running.finished() == "ended"
    assert [state for _, _, state, _ in shop.messages()] == ["in_doubt"]
    assert [task for task, _, _ in shop.tasks()] == ["call"]


async def test_a_recipient_refused_for_good_is_called_instead(open_shop, namespace):
    shop = open_shop(make_rules(CAUGHT, policy=smtp_policy()))
    async with (
        smtp_server(Inbox(refuse={RECIPIENT: "550 5.1.1 no such user"})) as port,
        engine(shop, namespace, smtp(port)) as running,
    ):
        shop.place()
        assert await running.finished() == "ended"
        assert "- First reminder by email: failed (recipient refused)" in await running.details()
    assert shop.messages() == [("first", "email", "failed", "recipient_refused")]
    assert [task for task, _, _ in shop.tasks()] == ["call"]


async def test_a_doubt_that_cannot_be_resent_stays_a_doubt_when_the_retries_are_used_up(open_shop, namespace):
    shop = open_shop(impatient(make_rules(REMIND_AT_ONCE, policy=smtp_policy("resend"))))

    async def dies(reader, writer):
        await read_mail(reader, writer)
        writer.transport.abort()

    async def away(reader, writer):
        writer.transport.abort()

    connections = []

    async def talk(reader, writer):
        connections.append(1)
        await (dies if len(connections) == 1 else away)(reader, writer)

    async with odd_server(talk) as port, engine(shop, namespace, smtp(port)) as running:
        shop.place()
        assert (await running.finished()).startswith("failed: ")
    assert len(connections) > 1
    assert [state for _, _, state, _ in shop.messages()] == ["in_doubt"]


async def test_cancelling_waits_for_the_recorded_result_of_a_send_under_way(open_shop, namespace):
    shop = open_shop(make_rules(TWO_STEPS, policy=smtp_policy()))
    let_go = asyncio.Event()
    reached = asyncio.Event()

    async def slow(reader, writer):
        await read_mail(reader, writer)
        reached.set()
        await let_go.wait()
        await say(writer, "250 taken")

    async with odd_server(slow) as port, engine(shop, namespace, smtp(port, timeout=20)) as running:
        shop.place()
        await asyncio.wait_for(reached.wait(), 20)
        await running.handle().cancel(reason="by Anna")

        async def cancel_was_heard():
            history = events(await running.history())
            asked = history.index("WORKFLOW_EXECUTION_CANCEL_REQUESTED")
            return "WORKFLOW_TASK_COMPLETED" in history[asked:]

        await until(cancel_was_heard, "the cancellation to be heard")
        assert shop.journey()["state"] == "running"
        let_go.set()
        result = await running.finished()
    assert result == "cancelled: by Anna"
    assert shop.messages() == [("first", "email", "sent", None)]
    assert shop.tasks() == []
    assert [state for _, state, _ in shop.journeys()] == ["cancelled"]


async def test_a_mail_server_that_is_slow_for_one_customer_holds_no_other_back(open_shop, namespace):
    shop = open_shop(make_rules(WAIT_AND_REMIND.replace("2s", "1s"), policy=smtp_policy()))
    inbox = Inbox()

    async def hangs(reader, writer):
        await agree_until("DATA", reader, writer)
        await asyncio.sleep(60)

    async with first_then(hangs, inbox) as (port, _), engine(shop, namespace, smtp(port, timeout=3)) as running:
        for number in range(4):
            shop.place(f"N-{number}", f"c{number}")
        await until(lambda: len(inbox.mails) == 3, "the others' mails")
        for number in range(4):
            assert await running.finished(f"N-{number}") == "ended"
    assert len(inbox.mails) == 4
