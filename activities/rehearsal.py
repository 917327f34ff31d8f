"""The world outside in a test on the real path: a provider, activities and a web server that answer as it says."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from activities.context import Context
from activities.providers.addresses import AddressGuard
from activities.providers.http_exchange import Exchange
from activities.providers.provider import Accepted, BeforeCommit, Final, Provider
from activities.providers.webhook import Content, Webhooks
from activities.webhook import Webhook
from engine.messages.message import OutgoingMessage
from engine.own import Call, OwnActivity, Refused
from engine.rehearsal.terms import UNANSWERED

_HOST = "127.0.0.1"
_SECONDS = 10.0
_REFUSED, _TAKEN = "422 Unprocessable Content", "204 No Content"


@dataclass(frozen=True)
class Outside:
    """What the test says of the world outside: steps that fail for good, with the reason, and answers by field."""

    failing: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def step_of(key: str) -> str:
    """The step of an idempotency key: workflow id (three parts), step, iteration, and of a message the channel."""
    return key.split("/")[3]


@dataclass(frozen=True)
class ToldProvider:
    """A provider that refuses for good what the test says, and hands everything else on; `delivered` are its keys."""

    provider: Provider
    outside: Outside
    delivered: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """That of the provider behind it."""
        return self.provider.name

    @property
    def takes_idempotency_key(self) -> bool:
        """As the provider behind it."""
        return self.provider.takes_idempotency_key

    async def deliver(self, message: OutgoingMessage, key: str, before_commit: BeforeCommit) -> Accepted:
        """Delivers.

        Raises:
            Final: the test says that this step fails.
        """
        reason = self.outside.failing.get(step_of(key))
        if reason is not None:
            raise Final(reason, "as the test says")
        accepted = await self.provider.deliver(message, key, before_commit)
        self.delivered.append(key)
        return accepted


def told_activity(own: OwnActivity, outside: Outside) -> OwnActivity:
    """An activity of the project's own with its types, which calls nobody and answers as the test says."""

    async def answer(_given: Any, call: Call) -> Any:  # noqa: ANN401 - the activity's own types
        step = step_of(call.key)
        if step in outside.failing:
            raise Refused(outside.failing[step])
        if own.answer is type(None):
            return None
        try:
            return own.gives.validate_python(dict(outside.answers.get(step, {})))
        except ValidationError:
            raise Refused(UNANSWERED) from None

    return replace(own, function=answer)


class _Here(Webhooks):
    """Webhooks whose receiver is here, wherever the rules send them."""

    here: str = ""

    async def post(self, url: str, content: Content, key: str) -> int:
        del url  # nobody outside is told
        return await super().post(self.here, content, key)


@asynccontextmanager
async def told_webhook(context: Context, outside: Outside) -> AsyncIterator[Webhook]:
    """The activity `webhook`, and a server on this machine that answers in place of everybody outside."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = await _body(reader)
        status = _REFUSED if json.loads(body).get("step") in outside.failing else _TAKEN
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, _HOST, 0)
    port = server.sockets[0].getsockname()[1]
    guard = AddressGuard.from_environment({"REGULARS_ALLOWED_ADDRESSES": f"{_HOST}:{port}"})
    here = _Here(Exchange(guard, _SECONDS, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)), "rehearsal")
    object.__setattr__(here, "here", f"http://{_HOST}:{port}/")
    async with server:
        yield Webhook(context, _Anywhere(), here)


class _Anywhere(dict[str, str]):
    """Settings in which every webhook has an address, which is not asked."""

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401, ARG002 - as dict has it
        return f"https://{key.lower()}.invalid/"


async def _body(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = next((line.partition(":")[2] for line in head.splitlines() if line.startswith("content-length:")), "0")
    return await reader.readexactly(int(length))
