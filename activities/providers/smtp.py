"""A plain SMTP server. It takes no idempotency key, so every failure is classified by how far the exchange had come.

Until the end of the message (the final dot) is written the server cannot have accepted it: whatever fails is
`Retryable` or, where the server refuses this recipient or message for good, `Final`. Once the dot may have left and no
answer came, nobody knows: `InDoubt`. The server's words are never passed on, as they often quote the recipient.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Mapping
from email.generator import BytesGenerator
from email.message import EmailMessage
from io import BytesIO

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)
from aiosmtplib.response import SMTPResponse

from activities.providers.provider import Accepted, BeforeCommit, DeliveryError, Final, InDoubt, Retryable
from activities.providers.smtp_settings import SmtpSettings, smtp_settings
from engine.messages.message import OutgoingMessage
from engine.messages.mime import POLICY, AddressError, message_id, recipient_address, sender_address, to_email

_FINAL_DOT = b".\r\n"
_LEADING_DOT = re.compile(rb"(?m)^\.")
_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_HELO = re.compile(r"[A-Za-z0-9.\-]{1,253}")


class Smtp:
    """Hands each message to one server, over a connection of its own."""

    name = "smtp"
    takes_idempotency_key = False

    def __init__(self, settings: SmtpSettings) -> None:
        self.settings = settings
        encrypted = settings.implicit_tls or settings.starttls == "require"
        self._tls = settings.tls_context() if encrypted else None

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
        client = self._client()
        try:
            await self._connect(client)
            content = await self._envelope(client, message, mail)
            await _open_data(client)
            await before_commit()
            await self._content(client, content)
            _say_goodbye(client)
        finally:
            client.close()
        return Accepted(message_id(key, sender_address(message).domain))

    def _client(self) -> SMTP:
        settings = self.settings
        return SMTP(
            hostname=settings.host,
            port=settings.port,
            local_hostname=settings.helo or _own_name(),
            timeout=settings.timeout,
            use_tls=settings.implicit_tls,
            start_tls=False,
            tls_context=self._tls,
        )

    async def _connect(self, client: SMTP) -> None:
        """Greets, encrypts and logs in. Whatever fails here is no message's fault."""
        settings = self.settings
        try:
            await client.connect()
            await client.ehlo()
            if settings.starttls == "require" and not settings.implicit_tls:
                _require(client, "starttls")
                await client.starttls()
                await client.ehlo()
            if settings.user is not None:
                _require(client, "auth")
                await client.login(settings.user, settings.password or "")
        except ssl.SSLError as error:
            raise Retryable("tls_failed", error.reason or "the certificate is not trusted") from None
        except (SMTPException, OSError) as error:
            raise _not_connected(error) from None

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
            raise Retryable("connection_lost", f"{_kind(error)} before the message's end was written") from None
        try:
            response = await _commit(client, self.settings.timeout)
        except _NotWritten:
            raise Retryable("connection_lost", "before the message's end was written") from None
        except SMTPTimeoutError:
            raise InDoubt("no_answer", "the server took the whole message and did not answer in time") from None
        except (SMTPException, OSError) as error:
            raise InDoubt("connection_lost", f"{_kind(error)} after the whole message was written") from None
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


def _say_goodbye(client: SMTP) -> None:
    """Takes leave without waiting for the answer: the message is accepted whatever comes now."""
    if client.protocol is not None and client.protocol.is_connected:
        client.protocol.write(b"QUIT\r\n")


def _require(client: SMTP, extension: str) -> None:
    if not client.supports_extension(extension):
        detail = f"the server offers no {extension.upper()} here: see starttls= and the user in REGULARS_SMTP_URL"
        raise Retryable("not_supported", detail)


def _not_connected(error: Exception) -> DeliveryError:
    match error:
        case SMTPAuthenticationError():
            return Retryable("login_refused", f"{_codes(error.code, error.message)}: check the user and the password")
        case SMTPTimeoutError():
            return Retryable("no_answer", "the server did not answer in time")
        case SMTPResponseException():
            return Retryable("server_unavailable", _codes(error.code, error.message))
        case SMTPConnectError(__cause__=ssl.SSLError()):
            return Retryable("tls_failed", "the server's certificate is not trusted, or it speaks no TLS")
        case SMTPConnectError():
            return Retryable("server_unreachable", "the connection was refused or lost before the greeting")
    return Retryable("connection_lost", f"{_kind(error)} before the message")


def _refused(error: Exception) -> DeliveryError:
    match error:
        case SMTPSenderRefused(code=552):
            return Final("message_refused", f"{_codes(error.code, error.message)}: it is too large for the server")
        case SMTPSenderRefused():  # our own address: mending it helps, giving the message up does not
            return Retryable("sender_refused", _codes(error.code, error.message))
        case SMTPRecipientRefused() if error.code == 530 or _codes(error.code, error.message)[4:].startswith("5.7."):
            # A login that is missing or a relay that is closed to us would else count as everybody's bounce.
            return Retryable("policy_refused", f"{_codes(error.code, error.message)}: may we send through this server?")
        case SMTPRecipientRefused():
            return _answer("recipient_refused", error.code, error.message)
        case SMTPTimeoutError():
            return Retryable("no_answer", "the server did not answer in time, before the message was written")
        case SMTPResponseException():
            return Retryable("server_unavailable", _codes(error.code, error.message))
    return Retryable("connection_lost", f"{_kind(error)} before the message was written")


def _answer(what: str, code: int, text: str) -> DeliveryError:
    if 500 <= code < 600:
        return Final(what, _codes(code, text))
    if 400 <= code < 500:
        return Retryable("try_later", _codes(code, text))
    return InDoubt("strange_answer", _codes(code, text))


def _codes(code: int, text: str) -> str:
    """The reply's numbers without its words."""
    enhanced = _ENHANCED.search(text)
    return f"{code} {enhanced[1]}" if enhanced else str(code)


def _kind(error: Exception) -> str:
    return "no answer in time" if isinstance(error, TimeoutError) else "the connection was lost"


def _own_name() -> str:
    name = socket.gethostname()
    return name if _HELO.fullmatch(name) else "localhost"
