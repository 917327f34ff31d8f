"""Connections to a mail server serve several messages, and never one after a doubt."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from activities.providers import smtp_connections
from activities.providers.provider import DeliveryError, Final, InDoubt
from activities.providers.smtp import Smtp
from tests.activities.providers.letters import KEY, Commit, letter
from tests.activities.providers.servers import Inbox, agree_until, odd_server, say, server_tls, smtp_server
from tests.activities.providers.test_smtp import plain, secure


@asynccontextmanager
async def counted(inbox: Inbox, **options: object):
    """A real server behind a door that counts and can shut; gives the port, the connections and their sockets."""
    doors: list[asyncio.StreamWriter] = []
    async with smtp_server(inbox, **options) as inside:

        async def pass_on(reader, writer):
            doors.append(writer)
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", inside)
            await asyncio.gather(copy(reader, there_writer), copy(there_reader, writer))

        async def copy(source, target):
            try:
                while data := await source.read(65_536):
                    target.write(data)
                    await target.drain()
            finally:
                target.close()

        async with odd_server(pass_on) as port:
            yield port, doors


async def send(provider: Smtp, number: int, **changes: object) -> None:
    await provider.deliver(letter(**changes), f"{KEY}-{number}", Commit())


async def test_messages_one_after_the_other_go_over_one_connection():
    inbox = Inbox()
    async with counted(inbox) as (port, doors):
        provider = plain(port)
        for number in range(5):
            await send(provider, number, recipient=f"anna{number}@example.invalid")
    assert len(doors) == 1
    assert [mail["To"].addresses[0].addr_spec for mail in inbox.mails] == [
        f"anna{number}@example.invalid" for number in range(5)
    ]


async def test_an_encrypted_connection_serves_several_too():
    inbox = Inbox()
    async with counted(inbox, tls_context=server_tls(), require_starttls=True) as (port, doors):
        provider = secure(port)
        for number in range(3):
            await send(provider, number)
    assert (len(doors), len(inbox.mails)) == (1, 3)


async def test_messages_at_once_have_connections_of_their_own():
    inbox = Inbox()
    async with counted(inbox) as (port, doors):
        provider = plain(port)
        await asyncio.gather(*(send(provider, number) for number in range(12)))
        assert len(provider._connections._idle) <= smtp_connections.MOST_IDLE
        await send(provider, 12)
    assert (len(doors), len(inbox.mails)) == (12, 13)


async def test_a_connection_that_the_server_has_closed_costs_a_new_one_and_no_doubt():
    inbox = Inbox()
    async with counted(inbox) as (port, doors):
        provider = plain(port)
        await send(provider, 1)
        doors[0].transport.abort()
        await send(provider, 2)
    assert (len(doors), len(inbox.mails)) == (2, 2)


async def test_a_connection_is_not_used_again_after_a_refusal():
    inbox = Inbox(refuse={"eve@example.invalid": "550 5.1.1 unknown"})
    async with counted(inbox) as (port, doors):
        provider = plain(port)
        await send(provider, 1)
        with pytest.raises(Final):
            await send(provider, 2, recipient="eve@example.invalid")
        await send(provider, 3)
    assert (len(doors), len(inbox.mails)) == (2, 2)


async def test_a_connection_is_not_used_again_after_a_doubt():
    connections = []

    async def never_says(reader, writer):
        connections.append(writer)
        await agree_until("DATA", reader, writer)
        await say(writer, "354 go on")
        await asyncio.Event().wait()

    async with odd_server(never_says) as port:
        provider = plain(port, timeout=0.2)
        for number in range(2):
            with pytest.raises(DeliveryError) as caught:
                await send(provider, number)
            assert isinstance(caught.value, InDoubt)
    assert len(connections) == 2


async def test_a_connection_serves_a_bounded_number_of_messages(monkeypatch):
    monkeypatch.setattr(smtp_connections, "MOST_MESSAGES", 2)
    inbox = Inbox()
    async with counted(inbox) as (port, doors):
        provider = plain(port)
        for number in range(5):
            await send(provider, number)
    assert (len(doors), len(inbox.mails)) == (3, 5)


async def test_an_idle_connection_is_let_go(monkeypatch):
    monkeypatch.setattr(smtp_connections, "IDLE_SECONDS", 0.05)
    inbox = Inbox()
    async with counted(inbox) as (port, doors):
        provider = plain(port)
        await send(provider, 1)
        await asyncio.wait_for(doors[0].wait_closed(), 10)
        assert provider._connections._idle == []
        await send(provider, 2)
    assert len(doors) == 2


def test_a_connection_of_another_loop_is_left_alone():
    inbox = Inbox()
    providers = []

    async def one_loop() -> None:
        async with smtp_server(inbox) as port:
            providers.append(providers[0] if providers else plain(port))
            object.__setattr__(providers[0].settings, "port", port)
            await send(providers[0], len(inbox.mails))

    asyncio.run(one_loop())
    asyncio.run(one_loop())
    assert len(inbox.mails) == 2
