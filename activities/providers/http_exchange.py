"""One request over HTTP and its answer: bounded in time and size, to an address that was looked at, never redirected.

Every failure is told by how far the exchange had come. Until the request is begun nothing can have been accepted:
`Retryable`. From then on nobody knows unless an answer tells: `InDoubt`. Each request has a connection of its own, so
no doubt comes from one that had grown stale.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from activities.providers.addresses import AddressGuard, Blocked, Unresolved, resolved
from activities.providers.provider import BeforeCommit, DeliveryError, InDoubt, Retryable

MAX_ANSWER = 64 * 1024
"""Bytes of an answer's body that are read; a longer one is not looked into."""
_BEGUN = "http11.send_request_headers.started"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `body` is None where it was too long, packed, or broke off."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = b""


@dataclass(frozen=True, slots=True)
class Exchange:
    """How requests are made: who may be asked, within how many seconds, with which trust."""

    guard: AddressGuard
    seconds: float
    tls: ssl.SSLContext
    resolve: Any = resolved

    async def post(
        self, url: httpx.URL, content: bytes, headers: Mapping[str, str], before_commit: BeforeCommit | None = None
    ) -> Reply:
        """Posts the content and reads the answer, whatever its status. `before_commit` is awaited as it is begun.

        Raises:
            Retryable: nothing was sent.
            InDoubt: the request was begun and no answer came.
        """
        return await _Post(self, url, content, headers, before_commit).answer()


class _Post:
    """One request on its way."""

    def __init__(
        self,
        exchange: Exchange,
        url: httpx.URL,
        content: bytes,
        headers: Mapping[str, str],
        before_commit: BeforeCommit | None,
    ) -> None:
        self.exchange = exchange
        self.url = url
        self.content = content
        self.headers = headers
        self.before_commit = before_commit
        self.begun = False
        self._limit = asyncio.timeout(exchange.seconds)

    async def answer(self) -> Reply:
        try:
            async with self._limit:
                return await self._ask(await self._addresses())
        except TimeoutError:
            raise self._failure("no_answer", "no answer in time") from None

    async def _addresses(self) -> list[str]:
        port = self.url.port or {"https": 443, "http": 80}[self.url.scheme]
        try:
            found = await self.exchange.guard.addresses(self.url.host, port, self.exchange.resolve)
        except Blocked as blocked:
            raise Retryable("address_blocked", str(blocked)) from None
        except Unresolved:
            raise Retryable("server_unreachable", "its name has no address") from None
        return found

    async def _ask(self, addresses: list[str]) -> Reply:
        """Asks the first address that can be reached: the next one is tried only if nothing was sent."""
        for number, address in enumerate(addresses):
            try:
                return await self._ask_one(address)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                if self.begun or number == len(addresses) - 1:
                    raise self._unreachable(error) from None
            except httpx.TimeoutException:
                raise self._failure("no_answer", "no answer in time") from None
            except (httpx.RemoteProtocolError, httpx.LocalProtocolError, httpx.DecodingError):
                raise self._failure("connection_lost", "the connection ended without an answer") from None
            except httpx.HTTPError:
                raise self._failure("connection_lost", "the connection was lost") from None
        raise Retryable("server_unreachable", "its name has no address")

    async def _ask_one(self, address: str) -> Reply:
        """Connects to the address; the name is for the certificate and the server's choice of host alone."""
        host = f"[{address}]" if ":" in address else address
        transport = httpx.AsyncHTTPTransport(verify=self.exchange.tls, trust_env=False)
        async with httpx.AsyncClient(
            transport=transport, trust_env=False, follow_redirects=False, timeout=self.exchange.seconds
        ) as client:
            request = client.build_request(
                "POST",
                self.url.copy_with(host=host),
                content=self.content,
                headers={**self.headers, "Host": self.url.netloc.decode("ascii"), "Accept-Encoding": "identity"},
                extensions={"trace": self._trace, "sni_hostname": self.url.host},
            )
            response = await client.send(request, stream=True)
            try:
                return Reply(response.status_code, response.headers, await _body(response))
            finally:
                await response.aclose()

    async def _trace(self, event: str, _details: object) -> None:
        """Hears of each step of the exchange; the clock stands still while the point of no return is written down."""
        if event != _BEGUN or self.begun:
            return
        if self.before_commit is not None:
            self._limit.reschedule(None)
            await self.before_commit()
            self._limit.reschedule(asyncio.get_running_loop().time() + self.exchange.seconds)
        self.begun = True

    def _failure(self, reason: str, detail: str) -> DeliveryError:
        if self.begun:
            return InDoubt(reason, f"{detail}, after the request was begun")
        return Retryable(reason, f"{detail}, before the request was begun")

    def _unreachable(self, error: Exception) -> DeliveryError:
        if self.begun:
            return self._failure("connection_lost", "the connection was lost")
        if any(isinstance(cause, ssl.SSLError) for cause in _causes(error)):
            return Retryable("tls_failed", "the server's certificate is not trusted, or it speaks no TLS")
        return Retryable("server_unreachable", "the connection was refused or not answered")


async def _body(response: httpx.Response) -> bytes | None:
    """What the answer says, unless that is more than anybody needs to say it."""
    if response.headers.get("content-encoding", "identity") != "identity":
        return None
    read = bytearray()
    try:
        async for piece in response.aiter_raw():
            read += piece
            if len(read) > MAX_ANSWER:
                return None
    except httpx.HTTPError:  # the status has come, and it says enough for most
        return None
    return bytes(read)


def _causes(error: BaseException | None) -> list[BaseException]:
    causes = []
    while error is not None and error not in causes:
        causes.append(error)
        error = error.__cause__ or error.__context__
    return causes
