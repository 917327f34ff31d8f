"""Whether a worker does its work: its database and Temporal answer, it polls, and its outbox is not behind."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from psycopg_pool import ConnectionPool
from temporalio.client import Client

from engine.dispatch import outbox

_PATIENCE = 3.0
_FRESH = 1.0
"""Seconds for which an answer is given again: whoever asks more often learns no more and costs nothing."""


@dataclass(frozen=True)
class Part:
    """One part of readiness: whether it is well, and what was found, without personal data."""

    ok: bool
    reason: str


@dataclass
class Readiness:
    """Looks at the parts of one worker.

    Args:
        pool: of the facts' database.
        client: of Temporal.
        polls: whether the worker's pollers run.
        stopping: whether the worker has been told to end.
        most_lag: the seconds that the outbox may be behind.
    """

    pool: ConnectionPool
    client: Client
    polls: Callable[[], bool]
    stopping: Callable[[], bool]
    most_lag: float
    _last: tuple[float, dict[str, Part]] | None = None
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _asked: "dict[str, asyncio.Future[str]]" = field(default_factory=dict)

    async def look(self) -> dict[str, Part]:
        """Each part by its name; the worker is ready if all are well."""
        if self.stopping():
            return {"worker": Part(ok=False, reason="it has been told to end and finishes what it has begun")}
        async with self._looking:
            if self._last is None or time.monotonic() - self._last[0] > _FRESH:
                found = await asyncio.gather(
                    self._part("database", lambda: asyncio.to_thread(self._database)),
                    self._part("temporal", self._temporal),
                    self._part("outbox", lambda: asyncio.to_thread(self._outbox)),
                )
                names = ("database", "temporal", "outbox")
                self._last = time.monotonic(), {**dict(zip(names, found, strict=True)), "pollers": self._pollers()}
            return self._last[1]

    async def _part(self, name: str, ask: Callable[[], Awaitable[str]]) -> Part:
        """The answer within bounds. What does not answer is not asked again before it has: it would only pile up."""
        asked = self._asked.get(name)
        if asked is None:
            asked = self._asked[name] = asyncio.ensure_future(ask())
        await asyncio.wait([asked], timeout=_PATIENCE)
        if not asked.done():
            return Part(ok=False, reason=f"no answer within {_PATIENCE:.0f} s")
        del self._asked[name]
        try:
            return Part(ok=True, reason=asked.result())
        except _BehindError as behind:
            return Part(ok=False, reason=str(behind))
        except Exception as error:  # noqa: BLE001 - whatever it is, the part is not well; its text may tell too much
            return Part(ok=False, reason=type(error).__name__)

    def _database(self) -> str:
        began = time.monotonic()
        with self.pool.connection(timeout=_PATIENCE) as connection:
            connection.execute("select 1")
        return f"answers in {(time.monotonic() - began) * 1000:.0f} ms"

    async def _temporal(self) -> str:
        began = time.monotonic()
        if not await self.client.service_client.check_health():
            raise _BehindError("it says that it does not serve")
        return f"answers in {(time.monotonic() - began) * 1000:.0f} ms"

    def _outbox(self) -> str:
        with self.pool.connection(timeout=_PATIENCE) as connection:
            lag = outbox.lag_seconds(connection)
        if lag > self.most_lag:
            raise _BehindError(f"{lag:.0f} s behind, expected at most {self.most_lag:.0f} s")
        return f"{lag:.0f} s behind"

    def _pollers(self) -> Part:
        return Part(ok=True, reason="running") if self.polls() else Part(ok=False, reason="not running")


class _BehindError(Exception):
    """A part answers and is not well; the text says why."""


def as_json(parts: dict[str, Part]) -> dict[str, Any]:
    """Readiness for whoever asks."""
    ready = all(part.ok for part in parts.values())
    return {"ready": ready, "parts": {name: {"ok": part.ok, "reason": part.reason} for name, part in parts.items()}}
