"""Mail over SMTP, against a real server and against every way in which one fails."""

import asyncio
import socket
import time
from urllib.parse import quote

import pytest
from aiosmtpd.smtp import Envelope

from activities.providers.provider import DeliveryError, Final, InDoubt, Retryable
from activities.providers.smtp import Smtp
from tests.activities.providers.letters import KEY, Commit, letter
from tests.activities.providers.servers import (
    CERTIFICATE,
    PASSWORD,
    USER,
    Inbox,
    agree_until,
    knows_the_shop,
    odd_server,
    say,
    server_tls,
    smtp_server,
)


def plain(port: int, timeout: float = 10) -> Smtp:
    url = f"smtp://127.0.0.1:{port}?starttls=never&timeout={timeout}"
    return Smtp.from_environment({"REGULARS_SMTP_URL": url})


def secure(port: int, *, user: str = "", scheme: str = "smtp", trust: bool = True, host: str = "localhost") -> Smtp:
    query = f"?timeout=10{f'&ca={CERTIFICATE}' if trust else ''}"
    return Smtp.from_environment({"REGULARS_SMTP_URL": f"{scheme}://{user}{host}:{port}{query}"})


async def failure(provider: Smtp, commit: Commit | None = None, **changes: object) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await provider.deliver(letter(**changes), KEY, commit or Commit())
    assert "anna" not in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value


# --- accepted -------------------------------------------------------------------------------------------------------


async def test_a_mail_arrives_whole_in_text_and_html():
    inbox, commit = Inbox(), Commit()
    async with smtp_server(inbox) as port:
        accepted = await plain(port).deliver(letter(), KEY, commit)
    (mail,) = inbox.mails
    assert mail["Subject"] == "Ihre Bestellung 1001: für Sie"
    assert mail["To"].addresses[0].display_name == "Änne Müller"
    assert mail["From"].addresses[0].display_name == "Linden & Sühne"
    assert mail["Date"].datetime == letter().at
    assert mail["Content-Language"] == "de"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    text, html = (part.get_content().replace("\r\n", "\n") for part in mail.iter_parts())
    assert (text, html) == (letter().content.text, letter().content.html)
    assert accepted.provider_id == mail["Message-ID"]
    assert inbox.senders == ["shop@linden.example"]
    assert commit.times == 1


async def test_the_same_key_gives_the_same_bytes_and_another_key_another_id():
    inbox = Inbox()
    async with smtp_server(inbox) as port:
        for key in (KEY, KEY, KEY + "2"):
            await plain(port).deliver(letter(), key, Commit())
    assert inbox.raw[0] == inbox.raw[1]
    assert inbox.mails[0]["Message-ID"] != inbox.mails[2]["Message-ID"]
    assert "1001" not in inbox.mails[0]["Message-ID"]


async def test_only_seven_bit_bytes_go_over_the_wire():
    inbox = Inbox()
    async with smtp_server(inbox) as port:
        await plain(port).deliver(letter(), KEY, Commit())
    assert inbox.raw[0].isascii()
    assert max(map(len, inbox.raw[0].split(b"\r\n"))) <= 998


async def test_the_mail_is_encrypted_by_starttls():
    inbox = Inbox()
    async with smtp_server(inbox, tls_context=server_tls(), require_starttls=True) as port:
        await secure(port).deliver(letter(), KEY, Commit())
    assert len(inbox.mails) == 1


async def test_the_mail_is_encrypted_from_the_first_byte():
    inbox = Inbox()
    async with smtp_server(inbox, implicit_tls=True) as port:
        await secure(port, scheme="smtps").deliver(letter(), KEY, Commit())
    assert len(inbox.mails) == 1


async def test_the_user_logs_in():
    inbox = Inbox()
    options = {"authenticator": knows_the_shop, "auth_required": True, "tls_context": server_tls()}
    async with smtp_server(inbox, **options) as port:
        await secure(port, user=f"{USER}:{quote(PASSWORD, safe='')}@").deliver(letter(), KEY, Commit())
    assert len(inbox.mails) == 1


async def test_an_international_address_is_used_where_the_server_takes_it():
    inbox = Inbox()
    async with smtp_server(inbox, enable_SMTPUTF8=True) as port:
        await plain(port).deliver(letter(recipient="änne@example.invalid"), KEY, Commit())
    assert "änne@example.invalid" in inbox.mails[0]["To"]


async def test_a_large_mail_arrives():
    inbox = Inbox()
    async with smtp_server(inbox) as port:
        await plain(port).deliver(letter(text="Grüße\n" * 60_000), KEY, Commit())
    assert inbox.mails[0].get_body(("plain",)).get_content().count("Grüße") == 60_000


# --- refused --------------------------------------------------------------------------------------------------------


async def test_a_refused_recipient_is_final_and_stops_nobody_else():
    inbox, commit = Inbox(refuse={"anna@example.invalid": "550 5.1.1 <anna@example.invalid> unknown"}), Commit()
    async with smtp_server(inbox) as port:
        error = await failure(plain(port), commit)
        await plain(port).deliver(letter(recipient="bert@example.invalid"), KEY + "b", Commit())
    assert isinstance(error, Final)
    assert (error.reason, error.detail) == ("recipient_refused", "550 5.1.1")
    assert commit.times == 0
    assert len(inbox.mails) == 1


@pytest.mark.parametrize("reply", ["554 5.7.1 Relay access denied", "530 5.7.0 Authentication required", "530 Log in"])
async def test_a_server_closed_to_us_is_the_shops_to_mend_and_no_recipients_bounce(reply):
    async with smtp_server(Inbox(refuse={"anna@example.invalid": reply})) as port:
        error = await failure(plain(port))
    assert isinstance(error, Retryable)
    assert error.reason == "policy_refused"


@pytest.mark.parametrize("reply", ["451 4.7.1 Greylisted, anna@example.invalid", "452 4.2.2 full", "421 4.3.2 closing"])
async def test_a_recipient_deferred_is_tried_again(reply):
    inbox, commit = Inbox(refuse={"anna@example.invalid": reply}), Commit()
    async with smtp_server(inbox) as port:
        error = await failure(plain(port), commit)
    assert isinstance(error, Retryable)
    assert (error.reason, error.detail) == ("try_later", reply[:9])
    assert commit.times == 0


@pytest.mark.parametrize(
    ("where", "reply", "kind", "reason"),
    [
        ("DATA", "554 5.7.1 spam", Final, "message_refused"),
        ("DATA", "451 4.3.0 later", Retryable, "try_later"),
        ("MAIL", "550 5.7.1 who are you", Retryable, "sender_refused"),
        ("MAIL", "552 5.3.4 too large", Final, "message_refused"),
        ("MAIL", "451 4.3.0 later", Retryable, "sender_refused"),
    ],
)
async def test_a_refusal_is_told_by_its_kind(where, reply, kind, reason):
    async with smtp_server(Inbox(refuse={where: reply})) as port:
        error = await failure(plain(port))
    assert type(error) is kind
    assert (error.reason, error.detail[:9]) == (reason, reply[:9])


@pytest.mark.parametrize(
    "recipient",
    [
        "",
        "anna",
        "anna@",
        "@x",
        "anna@x y",
        "anna@x\r\nBcc: b@y",
        "anna@x,b@y",
        "<anna@x>",
        "anna\0@x",
        "anna@" + "x" * 300,
    ],
)
async def test_a_recipient_that_is_no_address_is_final(recipient):
    inbox = Inbox()
    async with smtp_server(inbox) as port:
        error = await failure(plain(port), recipient=recipient)
    assert isinstance(error, Final)
    assert error.reason == "invalid_address"
    assert inbox.mails == []


async def test_an_international_address_is_final_where_the_server_does_not_take_it():
    async with smtp_server(Inbox()) as port:
        error = await failure(plain(port), recipient="änne@example.invalid")
    assert isinstance(error, Final)
    assert error.reason == "address_not_supported"


@pytest.mark.parametrize("sender", ["", "The Shop", "shop@x\r\nBcc: b@y.example"])
async def test_a_wrong_sender_is_the_shops_to_mend(sender):
    async with smtp_server(Inbox()) as port:
        error = await failure(plain(port), sender=sender)
    assert isinstance(error, Retryable)
    assert error.reason == "invalid_sender"


@pytest.mark.parametrize("field", ["subject", "recipient_name"])
@pytest.mark.parametrize(
    "text", ["x\r\nBcc: b@y.example", "x\nBcc: b@y.example", "x\rBcc: b", "x\r\n\r\n<b>", "x\0\x85y"]
)
async def test_no_value_can_add_a_header(field, text):
    inbox = Inbox()
    async with smtp_server(inbox) as port:
        await plain(port).deliver(letter(**{field: text}), KEY, Commit())
    (mail,) = inbox.mails
    assert mail["Bcc"] is None
    assert len(mail["To"].addresses) == 1
    assert mail.get_body(("plain",)).get_content().startswith("Grüß Gott!")


# --- servers that cannot be reached, or do not do their part --------------------------------------------------------


async def test_a_refused_connection_is_tried_again():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = await failure(plain(port))
    assert isinstance(error, Retryable)
    assert error.reason == "server_unreachable"


async def test_a_host_without_an_address_is_tried_again():
    provider = Smtp.from_environment({"REGULARS_SMTP_URL": "smtp://no-such-host.invalid:25?starttls=never&timeout=10"})
    error = await failure(provider)
    assert isinstance(error, Retryable)


@pytest.mark.parametrize("command", ["", "EHLO", "MAIL", "RCPT", "DATA"])
async def test_a_server_that_hangs_before_the_message_is_given_up_in_time(command):
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if command:
            await agree_until(command, reader, writer)
        await asyncio.Event().wait()

    commit, began = Commit(), time.monotonic()
    async with odd_server(hang) as port:
        error = await failure(plain(port, timeout=0.3), commit)
    assert time.monotonic() - began < 5
    assert isinstance(error, Retryable)
    assert error.reason in {"no_answer", "server_unreachable"}
    assert commit.times == 0


@pytest.mark.parametrize("command", ["", "EHLO", "MAIL", "RCPT", "DATA"])
async def test_a_server_that_dies_before_the_message_is_tried_again(command):
    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if command:
            await agree_until(command, reader, writer)

    commit = Commit()
    async with odd_server(die) as port:
        error = await failure(plain(port), commit)
    assert isinstance(error, Retryable)
    assert commit.times == 0


async def test_a_server_that_greets_with_a_refusal_is_tried_again():
    async def busy(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await say(writer, "554 5.3.2 no service here")

    async with odd_server(busy) as port:
        error = await failure(plain(port))
    assert isinstance(error, Retryable)
    assert error.detail == "554 5.3.2"


@pytest.mark.parametrize("line", ["what?", "x" * 100_000, "\0\xff"])
async def test_a_server_that_talks_nonsense_is_tried_again(line):
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await say(writer, line)
        await reader.read()

    async with odd_server(babble) as port:
        assert isinstance(await failure(plain(port, timeout=2)), Retryable)


async def test_data_refused_is_told_before_the_point_of_no_return():
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await agree_until("DATA", reader, writer)
        await say(writer, "554 5.5.1 no valid recipients")
        await reader.read()

    commit = Commit()
    async with odd_server(refuse) as port:
        error = await failure(plain(port), commit)
    assert isinstance(error, Final)
    assert commit.times == 0


# --- the message itself: before and after its end -------------------------------------------------------------------


async def test_a_server_that_dies_in_the_middle_of_the_message_has_not_accepted_it():
    async def die_in_data(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await agree_until("DATA", reader, writer)
        await say(writer, "354 go on")
        await reader.readexactly(1000)
        writer.transport.abort()

    commit = Commit()
    async with odd_server(die_in_data) as port:
        error = await failure(plain(port), commit, text="a line of a long letter\n" * 300_000)
    assert isinstance(error, Retryable)
    assert error.reason == "connection_lost"
    assert commit.times == 1


async def test_a_server_that_stops_reading_has_not_accepted_the_message():
    async def stop_reading(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await agree_until("DATA", reader, writer)
        await say(writer, "354 go on")
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    async with odd_server(stop_reading) as port:
        error = await failure(plain(port, timeout=0.5), text="a line of a long letter\n" * 300_000)
    assert isinstance(error, Retryable)
    assert error.reason == "connection_lost"


async def _take_message(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await agree_until("DATA", reader, writer)
    await say(writer, "354 go on")
    await reader.readuntil(b"\r\n.\r\n")


async def test_a_server_that_dies_after_the_message_leaves_a_doubt():
    commit = Commit()
    async with odd_server(_take_message) as port:
        error = await failure(plain(port), commit)
    assert isinstance(error, InDoubt)
    assert error.reason == "connection_lost"
    assert commit.times == 1


async def test_a_server_that_hangs_after_the_message_leaves_a_doubt():
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _take_message(reader, writer)
        await asyncio.Event().wait()

    began = time.monotonic()
    async with odd_server(hang) as port:
        error = await failure(plain(port, timeout=0.3))
    assert time.monotonic() - began < 5
    assert isinstance(error, InDoubt)
    assert error.reason == "no_answer"


@pytest.mark.parametrize("reply", ["nonsense", "999 what", "200 hm"])
async def test_a_strange_answer_to_the_message_leaves_a_doubt(reply):
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _take_message(reader, writer)
        await say(writer, reply)
        await reader.read()

    async with odd_server(answer) as port:
        assert isinstance(await failure(plain(port)), InDoubt)


async def test_a_server_that_accepts_and_dies_has_accepted():
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _take_message(reader, writer)
        await say(writer, "250 queued")

    async with odd_server(accept) as port:
        assert (await plain(port).deliver(letter(), KEY, Commit())).provider_id


async def test_nothing_is_sent_if_the_point_of_no_return_cannot_be_marked():
    inbox, commit = Inbox(), Commit(error=RuntimeError("the database is gone"))
    async with smtp_server(inbox) as port:
        with pytest.raises(RuntimeError, match="the database is gone"):
            await plain(port).deliver(letter(), KEY, commit)
        await plain(port).deliver(letter(), KEY + "2", Commit())
    assert len(inbox.mails) == 1


async def test_the_mark_is_set_before_a_byte_of_the_message_leaves():
    seen: list[str] = []

    class Watching(Inbox):
        async def handle_DATA(self, server, session, envelope: Envelope) -> str:  # noqa: N802 -- aiosmtpd's
            seen.append("accepted")
            return "250 OK"

    async def mark() -> None:
        await asyncio.sleep(0)
        seen.append("marked")

    async with smtp_server(Watching()) as port:
        await plain(port).deliver(letter(), KEY, mark)
    assert seen == ["marked", "accepted"]


# --- encryption and login -------------------------------------------------------------------------------------------


async def test_a_server_without_starttls_gets_no_mail_where_it_is_required():
    inbox = Inbox()
    async with smtp_server(inbox) as port:
        error = await failure(secure(port))
    assert isinstance(error, Retryable)
    assert error.reason == "not_supported"
    assert "STARTTLS" in error.detail
    assert inbox.senders == []


@pytest.mark.parametrize(
    ("scheme", "options"), [("smtp", {"tls_context": server_tls()}), ("smtps", {"implicit_tls": True})]
)
async def test_a_certificate_that_is_not_trusted_gets_no_mail(scheme, options):
    inbox = Inbox()
    async with smtp_server(inbox, **options) as port:
        error = await failure(secure(port, scheme=scheme, trust=False))
    assert isinstance(error, Retryable)
    assert error.reason == "tls_failed"
    assert inbox.senders == []


async def test_a_server_that_speaks_no_tls_gets_no_mail():
    inbox = Inbox()
    async with smtp_server(inbox) as port:
        error = await failure(secure(port, scheme="smtps"))
    assert isinstance(error, Retryable)
    assert inbox.senders == []


async def test_a_wrong_password_is_the_shops_to_mend_and_is_not_told():
    options = {"authenticator": knows_the_shop, "auth_required": True, "tls_context": server_tls()}
    async with smtp_server(Inbox(), **options) as port:
        error = await failure(secure(port, user=f"{USER}:wrong-secret@"))
    assert isinstance(error, Retryable)
    assert error.reason == "login_refused"
    assert "wrong-secret" not in str(error)


async def test_a_server_that_offers_no_login_is_told():
    async with smtp_server(Inbox()) as port:
        provider = Smtp.from_environment({"REGULARS_SMTP_URL": f"smtp://shop:x@127.0.0.1:{port}?starttls=never"})
        error = await failure(provider)
    assert isinstance(error, Retryable)
    assert error.reason == "not_supported"
    assert "AUTH" in error.detail
