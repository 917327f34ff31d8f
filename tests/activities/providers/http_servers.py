"""HTTP servers on loopback: one that keeps what it is told and answers as it is told, and ways to misbehave."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import h11


@dataclass(frozen=True)
class Told:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True)
class Says:
    """An answer: a status, a body (JSON unless it is bytes) and headers."""

    status: int = 200
    body: object = b""
    headers: dict[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        content = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        lines = [f"HTTP/1.1 {self.status} Whatever", f"Content-Length: {len(content)}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + content


Misbehave = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Service:
    """Answers its requests in turn, the last answer for all that follow; keeps every request that came whole."""

    answers: Sequence[Says | Misbehave] = (Says(),)
    told: list[Told] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/messages?shop=1"

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told = await read_request(reader)
        if told is None:
            return
        answer = self.answers[min(len(self.told), len(self.answers) - 1)]
        self.told.append(told)
        if isinstance(answer, Says):
            writer.write(answer.to_bytes())
            await writer.drain()
        else:
            await answer(writer)


async def read_request(reader: asyncio.StreamReader) -> Told | None:
    """One request, whole; None if the connection ended before."""
    connection = h11.Connection(h11.SERVER)
    head, content = None, bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(65_536))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            content += event.data
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            headers = {name.decode().lower(): value.decode() for name, value in head.headers}
            return Told(head.method.decode(), head.target.decode(), headers, bytes(content))
        else:
            return None


@asynccontextmanager
async def serving(service: Service, tls: ssl.SSLContext | None = None) -> AsyncIterator[Service]:
    """The service at a free port of this machine."""
    talks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            await service(reader, writer)
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    service.port = server.sockets[0].getsockname()[1]
    try:
        yield service
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


async def hang(writer: asyncio.StreamWriter) -> None:
    """Takes the request and never answers."""
    await asyncio.Event().wait()


async def reset(writer: asyncio.StreamWriter) -> None:
    """Takes the request and slams the door."""
    writer.transport.abort()


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Takes the request and closes without a word."""


async def talk_without_end(writer: asyncio.StreamWriter) -> None:
    """Answers 200 and a body that never ends."""
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        writer.write(b" " * 65_536)
        await writer.drain()


async def break_off(writer: asyncio.StreamWriter) -> None:
    """Answers 200, promises a body, and goes."""
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"id": ')
    await writer.drain()


async def speak_another_language(writer: asyncio.StreamWriter) -> None:
    """Answers what is no HTTP."""
    writer.write(b"220 mail.test ESMTP\r\n" * 10)
    await writer.drain()
