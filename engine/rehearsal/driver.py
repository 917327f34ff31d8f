"""Drives a test on the real path: the replay's driver, and what the test says becomes of messages, coupons, tasks.

Facts are rows of the test's schema and enter at their instants; what follows from a message is told by events, through
the intake, as a provider would.
"""

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import psycopg

from engine.dispatch.accept import accept
from engine.dispatch.match import Matcher
from engine.dispatch.outbox import Row
from engine.facts.events import Event, Refused
from engine.rehearsal.facts import CUSTOMER, SHOP, UntoldError
from engine.rehearsal.recorder import Change, changes
from engine.replay.driver import FLIP, MOMENT, WAIT, Driver
from engine.replay.stream import Recorded, stream
from engine.simulation.journey import Assumed

Connection = psycopg.Connection[Any]
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, order=True)
class Response:
    """What happens at an instant that no row of facts tells: `tell` writes it, by the rules in force."""

    at: datetime
    number: int
    tell: Callable[[Connection, Matcher], None] = field(compare=False)


@dataclass
class Rehearsal(Driver):
    """Drives one test, in a schema whose only customer it is about."""

    assumed: Assumed = field(default_factory=Assumed)
    responses: list[Response] = field(default_factory=list)
    seen: int = 0
    """The number of the last change that was looked at."""
    known: set[tuple[str, str]] = field(default_factory=set)
    number: int = 0

    def later(self, at: datetime, tell: Callable[[Connection, Matcher], None]) -> None:
        """Has something told when its instant comes."""
        self.number += 1
        heapq.heappush(self.responses, Response(at, self.number, tell))

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

    def _respond(self, response: Response) -> list[Row]:
        with self.pool.connection() as connection:
            response.tell(connection, self.matcher)
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
                for kind in self.assumed.responses.get(row["step"], {}).keys() - {"redeemed", "closed"}:
                    self._answer(row["step"], row["at"], kind, row["key"])
            case "calls" if row["activity"] == "coupon" and row["state"] == "done":
                self._answer(row["step"], row["at"], "redeemed", row["key"])
            case "tasks":
                self._answer(row["task"], row["opened_at"], "closed", row["key"])

    def _answer(self, step: str, at: str, kind: str, key: str) -> None:
        seconds = self.assumed.responses.get(step, {}).get(kind)
        if seconds is None or (kind, key) in self.known:
            return
        self.known.add((kind, key))
        due = datetime.fromisoformat(at) + timedelta(seconds=seconds)
        tell = _close if kind == "closed" else _redeem if kind == "redeemed" else partial(_respond, kind=kind)
        self.later(due, partial(tell, at=due, key=key))


def _close(connection: Connection, _: Matcher, *, at: datetime, key: str) -> None:
    close = "update tasks set closed_at = %s, closed_by = 'test' where key = %s and closed_at is null"
    connection.execute(close, (at, key))


def _redeem(connection: Connection, matcher: Matcher, *, at: datetime, key: str) -> None:
    code = connection.execute("select code from coupons where key = %s", (key,)).fetchone()
    placed = "select number from orders where placed_at <= %s order by placed_at desc limit 1"
    order = connection.execute(placed, (at,)).fetchone()
    if code is None or order is None:
        raise UntoldError("a coupon is redeemed for an order, and by then the customer has none")
    _accept(connection, matcher, Event("coupon.redeemed", key, at, SHOP, order=order[0], data={"coupon": code[0]}))


def _respond(connection: Connection, matcher: Matcher, *, at: datetime, key: str, kind: str) -> None:
    _accept(connection, matcher, Event(f"message.{kind}", f"{key}/{kind}", at, SHOP, data={"message": key}))


def _accept(connection: Connection, matcher: Matcher, event: Event) -> None:
    told = accept(connection, matcher, event, event.at)
    if isinstance(told, Refused):
        raise UntoldError(f"{event.kind} is refused: {told.reason}")
