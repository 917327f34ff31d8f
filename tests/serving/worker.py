"""A worker as a process of its own that serves over HTTP, for tests that ask it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from engine.language.rules import Rules
from tests.activities.providers.servers import Inbox
from tests.faults.workers import WorkerProcess, worker_process
from tests.workflows.running import until

TOKEN = "0123456789abcdef0123456789abcdef"


@dataclass
class Serving:
    """A running worker and a client of its HTTP server."""

    worker: WorkerProcess
    client: httpx.AsyncClient

    @property
    def address(self) -> str:
        return str(self.client.base_url).rstrip("/")

    async def ready(self) -> httpx.Response:
        return await self.client.get("/health/ready")

    async def tell(self, *events: dict[str, Any]) -> dict[str, Any]:
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        return (await self.client.post("/events", json=list(events), headers=bearer)).json()


@asynccontextmanager
async def serving_worker(directory: Path, rules: Rules, **environment: str) -> AsyncIterator[Serving]:
    """Starts one on a free port; it is killed in the end if it still runs."""
    told = {"REGULARS_WORKER_PORT": "0", "REGULARS_EVENTS_TOKEN": TOKEN, **environment}
    with worker_process(directory, rules, **told) as worker:
        worker.start()
        await worker.ready()
        ready = await until(lambda: [each for each in lines(worker.log) if each["event"] == "ready"], "its address")
        async with httpx.AsyncClient(base_url=ready[-1]["address"]) as client:
            yield Serving(worker, client)


def lines(log: str) -> list[dict[str, Any]]:
    """What a worker logged; its one line on standard output is for its supervisor."""
    whole = log.split("\n")[:-1]
    return [json.loads(line) for line in whole if not line.startswith("worker ready")]


@dataclass
class SlowInbox(Inbox):
    """A mail server that takes a message and answers only when it is let."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    let: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 -- aiosmtpd's
        self.asked.set()
        await self.let.wait()
        return await super().handle_DATA(server, session, envelope)
