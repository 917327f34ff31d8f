"""Drives a test on the real path: the replay's driver, and what becomes of messages, coupons and tasks as the test says.

Facts are rows of the test's schema and enter at their instants; what follows from a message is told by events, through
the intake, as a provider would.
"""

import asyncio
import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg

from engine.dispatch.accept import accept
from engine.facts.events import Event, Refused
from engine.rehearsal.facts import CUSTOMER, SHOP
from engine.rehearsal.recorder import Change, changes
from engine.replay.driver import FLIP, MOMENT, WAIT, Driver
from engine.replay.stream import Recorded, stream
from engine.simulation.journey import Assumed

Connection = psycopg.Connection[Any]
_TICK = timedelta(microseconds=1)


class UntoldError(Exception):
    """What the test says of the world outside cannot be told to the engine."""


@dataclass(frozen=True, slots=True, order=True)
class Response:
    """What becomes of something at an instant; `key` is the message's, the coupon's call's or the task's."""

    at: datetime
    kind: str
    key: str = field(compare=False)


@dataclass
class Rehearsal(Driver):
    """Drives one test, in a schema whose only customer it is about."""

    assumed: Assumed = field(default_factory=Assumed)
    responses: list[Response] = field(default_factory=list)
    seen: int = 0
    """The number of the last change that was looked at."""
    known: set[tuple[str, str]] = field(default_factory=set)

    async def run(self) -> None:
        """Lives through the test's time."""
        facts = await asyncio.to_thread(self._prepare)
        facts.reverse()
        while (turn := self._turn(self._next(facts))) is not None:
            if turn == FLIP:
                await self._flip()
            elif turn == MOMENT:
                await self._come()
            elif turn == WAIT:
                await self._wake(*heapq.heappop(self.dues))
            elif self.responses and (not facts or self.responses[0].at < facts[-1].at):
                await self._told(await asyncio.to_thread(self._respond, heapq.heappop(self.responses)))
            else:
                await self._enter(facts.pop())
            await self._follow()
            await asyncio.to_thread(self._look)
        await self._end()

    def _next(self, facts: list[Recorded]) -> datetime | None:
        coming = [each[-1].at for each in (facts,) if each] + [each.at for each in self.responses[:1]]
        return min((at for at in coming if at < self.window.to), default=None)

    def _prepare(self) -> list[Recorded]:
        """The customer as of just before the test begins, and the facts of its time."""
        before = self.window.start - _TICK
        with self.pool.connection() as connection:
            if self.judging is not None:
                # Whoever is known to a shop is judged: it is no newcomer whose first standing would start anything.
                self.matcher.standings.reevaluate(
                    connection, CUSTOMER, before, cause="event", recorded_at=before, newcomer=False
                )
                self.judging.begin(connection)
            if self.moments is not None:
                self.moments.happened(connection, CUSTOMER, before)
            kinds = None if self.judging or self.moments else sorted(self.named)
            return list(stream(connection, kinds, self.window.start, self.window.to))

    def _respond(self, response: Response) -> Any:  # noqa: ANN401 - rows of the outbox
        with self.pool.connection() as connection:
            if response.kind == "closed":
                close = "update tasks set closed_at = %s, closed_by = 'test' where key = %s and closed_at is null"
                connection.execute(close, (response.at, response.key))
            else:
                event = _event(connection, response)
                told = accept(connection, self.matcher, event, response.at)
                if isinstance(told, Refused):
                    raise UntoldError(f"{event.kind} is refused: {told.reason}")
            if self.moments is not None:
                self.moments.happened(connection, CUSTOMER, response.at)
        return self._open_rows()

    def _look(self) -> None:
        """Looks at what has changed: what becomes of new messages, and when the customer flips next."""
        with self.pool.connection() as connection:
            for change in changes(connection, self.seen):
                self.seen = change.number
                self._await(change)
            if self.judging is not None:
                self.judging.begin(connection)

    def _await(self, change: Change) -> None:
        row = change.row
        match change.table:
            case "messages" if row["state"] == "sent":
                self._answer(row, row["step"], row["at"], ("redeemed", "closed"))
            case "calls" if row["activity"] == "coupon" and row["state"] == "done":
                self._answer(row, row["step"], row["at"], (), only="redeemed")
            case "tasks":
                self._answer(row, row["task"], row["opened_at"], (), only="closed")

    def _answer(
        self, row: Mapping[str, Any], step: str, at: str, never: tuple[str, ...], only: str | None = None
    ) -> None:
        for kind, seconds in self.assumed.responses.get(step, {}).items():
            if kind in never or (only is not None and kind != only) or (kind, row["key"]) in self.known:
                continue
            self.known.add((kind, row["key"]))
            due = datetime.fromisoformat(at) + timedelta(seconds=seconds)
            heapq.heappush(self.responses, Response(due, kind, row["key"]))


def _event(connection: Connection, response: Response) -> Event:
    if response.kind != "redeemed":
        kind = f"message.{response.kind}"
        return Event(kind, f"{response.key}/{response.kind}", response.at, SHOP, data={"message": response.key})
    code = connection.execute("select code from coupons where key = %s", (response.key,)).fetchone()
    order = connection.execute(
        "select number from orders where placed_at <= %s order by placed_at desc limit 1", (response.at,)
    ).fetchone()
    if code is None or order is None:
        raise UntoldError("a coupon is redeemed for an order, and the customer has none by then")
    data = {"coupon": code[0]}
    return Event("coupon.redeemed", response.key, response.at, SHOP, order=order[0], data=data)
