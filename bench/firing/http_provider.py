"""A service over HTTP that takes idempotency keys: what comes again under a key has no second effect."""

import asyncio
import json
import socket
import struct
from typing import Any

import h11

from bench.firing.answers import RETRY_AFTER_SECONDS, SLOW_SECONDS, Answer, answer
from bench.firing.ledger import Ledger

_HANG_SECONDS = 120.0
_PIECE = 65536


class HttpProvider:
    """Answers one request a connection."""

    def __init__(self, ledger: Ledger, seed: int) -> None:
        self._ledger = ledger
        self._seed = seed

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Reads the request and answers it as it was decided."""
        try:
            read = await _request(reader)
            if read is not None:
                await self._answer(reader, writer, *read)
        except (ConnectionError, h11.RemoteProtocolError):
            pass  # the worker was killed in the middle of it
        finally:
            writer.close()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str, body: dict[str, Any]
    ) -> None:
        recipient, message = body["to"], body["subject"]
        chosen = answer(self._seed, recipient, self._ledger.nth_contact(recipient))
        contact = self._ledger.contact("", recipient, chosen.kind, message)
        match chosen:
            case Answer("refused"):
                await self._say(writer, contact, 500, {"error": "something broke"})
            case Answer("busy"):
                retry = {"Retry-After": str(RETRY_AFTER_SECONDS)}
                await self._say(writer, contact, 429, {"error": "too many"}, retry)
            case Answer("reset", late=False):
                _reset(writer)
            case _:
                taken = self._ledger.accept(contact, recipient, message, key, keyed=True)
                await self._answer_taken(reader, writer, contact, chosen, taken)

    async def _answer_taken(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, contact: int, chosen: Answer, taken: int
    ) -> None:
        if chosen.kind == "reset":
            _reset(writer)
            return
        if chosen.kind in {"hung", "slow"} and await _left(
            reader, SLOW_SECONDS if chosen.kind == "slow" else _HANG_SECONDS
        ):
            return
        await self._say(writer, contact, 202, {"id": f"m{taken}"})

    async def _say(
        self,
        writer: asyncio.StreamWriter,
        contact: int,
        status: int,
        body: dict[str, str],
        headers: dict[str, str] | None = None,
    ) -> None:
        content = json.dumps(body).encode()
        given = {"Content-Type": "application/json", "Content-Length": str(len(content)), "Connection": "close"}
        server = h11.Connection(h11.SERVER)
        response = h11.Response(status_code=status, headers=list({**given, **(headers or {})}.items()))
        writer.write(b"".join(server.send(event) or b"" for event in (response, h11.Data(content), h11.EndOfMessage())))
        await writer.drain()
        self._ledger.answered(contact)


async def serve_http(ledger: Ledger, seed: int) -> asyncio.Server:
    """Listens on a free port of loopback."""
    return await asyncio.start_server(HttpProvider(ledger, seed).converse, "127.0.0.1", 0)


async def _request(reader: asyncio.StreamReader) -> tuple[str, dict[str, Any]] | None:
    """The key and the body of a request; none if the connection ends before its end."""
    connection, key, body = h11.Connection(h11.SERVER), "", b""
    while True:
        match connection.next_event():
            case h11.NEED_DATA:
                connection.receive_data(await reader.read(_PIECE))
            case h11.Request(headers=headers):
                key = dict(headers).get(b"idempotency-key", b"").decode()
            case h11.Data(data=data):
                body += bytes(data)
            case h11.EndOfMessage():
                return key, json.loads(body)
            case _:
                return None


async def _left(reader: asyncio.StreamReader, seconds: float) -> bool:
    """Waits, and says whether the other side has gone meanwhile."""
    try:
        return await asyncio.wait_for(reader.read(1), seconds) == b""
    except TimeoutError:
        return False


def _reset(writer: asyncio.StreamWriter) -> None:
    """Ends the connection by RST, as a crashed machine or a firewall does."""
    handle = writer.get_extra_info("socket")
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
