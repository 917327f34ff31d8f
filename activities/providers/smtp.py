"""A plain SMTP server. It takes no idempotency key, so every failure is classified by how far the exchange had come.

Until the end of the message (the final dot) is written the server cannot have accepted it: whatever fails is
`Retryable` or, where the server refuses this recipient or message for good, `Final`. Once the dot may have left and no
answer came, nobody knows: `InDoubt`. The server's words are never passed on, as they often quote the recipient.
"""

import asyncio
import re
from collections.abc import Mapping
from email.generator import BytesGenerator
from email.message import EmailMessage
from io import BytesIO

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)
from aiosmtplib.response import SMTPResponse

from activities.providers.provider import Accepted, BeforeCommit, DeliveryError, Final, InDoubt, Retryable
from activities.providers.smtp_connections import Connections, codes, kind
from activities.providers.smtp_settings import SmtpSettings, smtp_settings
from engine.messages.message import OutgoingMessage
from engine.messages.mime import POLICY, AddressError, message_id, recipient_address, sender_address, to_email

_FINAL_DOT = b".\r\n"
_LEADING_DOT = re.compile(rb"(?m)^\.")


class Smtp:
    """Hands each message to one server, over a connection that may have served others before."""

    name = "smtp"
    takes_idempotency_key = False

    def __init__(self, settings: SmtpSettings) -> None:
        self.settings = settings
        self._connections = Connections(settings)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Smtp":
        """Reads `REGULARS_SMTP_URL`.

        Raises:
            ProviderSettingError: the settings are absent or wrong.
        """
        return cls(smtp_settings(environment))

    async def deliver(self, message: OutgoingMessage, key: str, before_commit: BeforeCommit) -> Accepted:
        """Sends the mail; bounded by the settings' timeout for each exchange.

        Raises:
            Retryable: the server was not reached, was not ready, or is not set up as it should be.
            Final: it refuses this recipient or this message for good.
            InDoubt: the whole message was written and no answer came.
        """
        mail = _mail(message, key)
        async with self._connections.one() as client:
            content = await self._envelope(client, message, mail)
            await _open_data(client)
            await before_commit()
            await self._content(client, content)
        return Accepted(message_id(key, sender_address(message).domain))

    async def _envelope(self, client: SMTP, message: OutgoingMessage, mail: EmailMessage) -> bytes:
        """Announces sender and recipient, and gives the mail's bytes as this server can take them."""
        recipient = recipient_address(message)
        international = not recipient.isascii()
        if international and not client.supports_extension("smtputf8"):
            raise Final("address_not_supported", "the server takes no international addresses")
        content = _content(mail, international=international)
        options = [f"SIZE={len(content)}"] if client.supports_extension("size") else []
        try:
            await client.mail(
                sender_address(message).addr_spec,
                options=[*options, "SMTPUTF8"] if international else options,
                encoding="utf-8" if international else "ascii",
            )
            await client.rcpt(recipient, encoding="utf-8" if international else "ascii")
        except (SMTPException, OSError) as error:
            raise _refused(error) from None
        return content

    async def _content(self, client: SMTP, content: bytes) -> None:
        """Writes the message, then the dot that commits it, and reads the answer."""
        try:
            await asyncio.wait_for(_write_all(client, content), self.settings.timeout)
        except (SMTPException, OSError) as error:  # a TimeoutError is an OSError
            raise Retryable("connection_lost", f"{kind(error)} before the message's end was written") from None
        try:
            response = await _commit(client, self.settings.timeout)
        except _NotWritten:
            raise Retryable("connection_lost", "before the message's end was written") from None
        except SMTPTimeoutError:
            raise InDoubt("no_answer", "the server took the whole message and did not answer in time") from None
        except (SMTPException, OSError) as error:
            raise InDoubt("connection_lost", f"{kind(error)} after the whole message was written") from None
        if response.code != 250:
            raise _answer("message_refused", response.code, response.message)


def _mail(message: OutgoingMessage, key: str) -> EmailMessage:
    try:
        sender_address(message)
    except AddressError as error:
        raise Retryable("invalid_sender", f"{error}: see channels in policy.yaml") from None
    try:
        return to_email(message, key)
    except AddressError as error:
        raise Final("invalid_address", str(error)) from None


def _content(mail: EmailMessage, *, international: bool) -> bytes:
    """The mail as it goes over the wire, without the final dot."""
    buffer = BytesIO()
    policy = POLICY.clone(utf8=True) if international else POLICY
    BytesGenerator(buffer, mangle_from_=False, policy=policy).flatten(mail)
    content = buffer.getvalue()
    return _LEADING_DOT.sub(b"..", content if content.endswith(b"\r\n") else content + b"\r\n")


async def _open_data(client: SMTP) -> None:
    try:
        response = await client.execute_command(b"DATA")
    except (SMTPException, OSError) as error:
        raise _refused(error) from None
    if response.code != 354:
        raise _answer("message_refused", response.code, response.message)


async def _write_all(client: SMTP, content: bytes) -> None:
    """Returns when the operating system has taken every byte, so that a slow server is noticed before the dot."""
    protocol, transport = client.protocol, client.transport
    if protocol is None or not isinstance(transport, asyncio.WriteTransport):
        raise SMTPServerDisconnected("not connected")
    protocol.write(content)
    while protocol.is_connected and transport.get_write_buffer_size():  # noqa: ASYNC110 -- a transport has no such event
        await asyncio.sleep(0.005)


class _NotWritten(Exception):  # noqa: N818 -- a way out of `_commit`, seen nowhere else
    """The connection was gone before the dot was written."""


async def _commit(client: SMTP, timeout: float) -> SMTPResponse:  # noqa: ASYNC109 -- aiosmtplib's own argument
    if client.protocol is None or not client.protocol.is_connected:
        raise _NotWritten
    client.protocol.write(_FINAL_DOT)
    return await client.protocol.read_response(timeout=timeout)


def _refused(error: Exception) -> DeliveryError:
    match error:
        case SMTPSenderRefused(code=552):
            return Final("message_refused", f"{codes(error.code, error.message)}: it is too large for the server")
        case SMTPSenderRefused():  # our own address: mending it helps, giving the message up does not
            return Retryable("sender_refused", codes(error.code, error.message))
        case SMTPRecipientRefused() if error.code == 530 or codes(error.code, error.message)[4:].startswith("5.7."):
            # A login that is missing or a relay that is closed to us would else count as everybody's bounce.
            return Retryable("policy_refused", f"{codes(error.code, error.message)}: may we send through this server?")
        case SMTPRecipientRefused():
            return _answer("recipient_refused", error.code, error.message)
        case SMTPTimeoutError():
            return Retryable("no_answer", "the server did not answer in time, before the message was written")
        case SMTPResponseException():
            return Retryable("server_unavailable", codes(error.code, error.message))
    return Retryable("connection_lost", f"{kind(error)} before the message was written")


def _answer(what: str, code: int, text: str) -> DeliveryError:
    if 500 <= code < 600:
        return Final(what, codes(code, text))
    if 400 <= code < 500:
        return Retryable("try_later", codes(code, text))
    return InDoubt("strange_answer", codes(code, text))
