"""Connections to one mail server, kept for the next message: greeting, TLS and login cost more than a message does.

A connection is kept only after a message that the server accepted, and only for seconds; whatever else happened on it,
it is closed. Before it is used again the server is asked (RSET) whether it still listens: that cannot have sent
anything, so a connection that has gone stale costs a new one and no doubt.
"""

import asyncio
import contextlib
import re
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPException,
    SMTPResponseException,
    SMTPTimeoutError,
)

from activities.providers.provider import DeliveryError, Retryable
from activities.providers.smtp_settings import SmtpSettings

IDLE_SECONDS = 10.0
"""Servers hang up on silence after minutes; ours is shorter."""
MOST_IDLE = 8
MOST_MESSAGES = 100
"""Over one connection; some servers allow no more."""
_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_HELO = re.compile(r"[A-Za-z0-9.\-]{1,253}")


@dataclass(slots=True)
class _Kept:
    client: SMTP
    messages: int
    loop: asyncio.AbstractEventLoop
    expiry: asyncio.TimerHandle | None = None


class Connections:
    """New connections, and idle ones."""

    def __init__(self, settings: SmtpSettings) -> None:
        self.settings = settings
        encrypted = settings.implicit_tls or settings.starttls == "require"
        self._tls = settings.tls_context() if encrypted else None
        self._idle: list[_Kept] = []

    @contextlib.asynccontextmanager
    async def one(self) -> AsyncIterator[SMTP]:
        """A connection that is ready for a message; kept if the block ends well, else closed.

        Raises:
            Retryable: none can be had.
        """
        kept = await self._awake() or await self._new()
        try:
            yield kept.client
        except BaseException:
            kept.client.close()
            raise
        self._keep(kept)

    async def _awake(self) -> _Kept | None:
        """An idle connection whose server answers."""
        while self._idle:
            kept = self._idle.pop()
            if kept.loop is not asyncio.get_running_loop():
                continue  # of a loop that is gone, and its connections with it
            if kept.expiry is not None:
                kept.expiry.cancel()
            try:
                await kept.client.rset()
            except (SMTPException, OSError):
                kept.client.close()
            except BaseException:
                kept.client.close()
                raise
            else:
                return kept
        return None

    async def _new(self) -> _Kept:
        client = self._client()
        try:
            await self._connect(client)
        except BaseException:
            client.close()
            raise
        return _Kept(client, 0, asyncio.get_running_loop())

    def _keep(self, kept: _Kept) -> None:
        kept.messages += 1
        if kept.messages >= MOST_MESSAGES or len(self._idle) >= MOST_IDLE:
            _say_goodbye(kept.client)
            return
        kept.expiry = kept.loop.call_later(IDLE_SECONDS, self._expire, kept)
        self._idle.append(kept)

    def _expire(self, kept: _Kept) -> None:
        if kept in self._idle:
            self._idle.remove(kept)
            _say_goodbye(kept.client)

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


def codes(code: int, text: str) -> str:
    """A reply's numbers without its words, which often quote the recipient."""
    enhanced = _ENHANCED.search(text)
    return f"{code} {enhanced[1]}" if enhanced else str(code)


def kind(error: Exception) -> str:
    """What ended an exchange, in words."""
    return "no answer in time" if isinstance(error, TimeoutError) else "the connection was lost"


def _say_goodbye(client: SMTP) -> None:
    """Takes leave without waiting for the answer: what was accepted is accepted whatever comes now."""
    if client.protocol is not None and client.protocol.is_connected:
        client.protocol.write(b"QUIT\r\n")
    client.close()


def _require(client: SMTP, extension: str) -> None:
    if not client.supports_extension(extension):
        detail = f"the server offers no {extension.upper()} here: see starttls= and the user in REGULARS_SMTP_URL"
        raise Retryable("not_supported", detail)


def _not_connected(error: Exception) -> DeliveryError:
    match error:
        case SMTPAuthenticationError():
            return Retryable("login_refused", f"{codes(error.code, error.message)}: check the user and the password")
        case SMTPTimeoutError():
            return Retryable("no_answer", "the server did not answer in time")
        case SMTPResponseException():
            return Retryable("server_unavailable", codes(error.code, error.message))
        case SMTPConnectError(__cause__=ssl.SSLError()):
            return Retryable("tls_failed", "the server's certificate is not trusted, or it speaks no TLS")
        case SMTPConnectError():
            return Retryable("server_unreachable", "the connection was refused or lost before the greeting")
    return Retryable("connection_lost", f"{kind(error)} before the message")


def _own_name() -> str:
    name = socket.gethostname()
    return name if _HELO.fullmatch(name) else "localhost"
