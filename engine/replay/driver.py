"""The replay's driver: it owns the shop's clock, lets recorded facts in, judges who flips, and ends waits that are due.

The clock goes to the next due instant only when every earlier event, flip and wait has been acknowledged, so each
decision uses its logical instant on any machine. At one instant facts precede flips, these precede moments of the
calendar, and these precede waits. Nothing
due at or after the window's end happens: what is open then ends as `replay-ended`.
"""

import asyncio
import heapq
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from engine.dispatch import outbox
from engine.dispatch.calendar import Calendar
from engine.dispatch.dispatcher import Dispatcher
from engine.dispatch.match import Happening, Matcher, stop_journey
from engine.dispatch.outbox import Row
from engine.dispatch.versions import StoredVersions
from engine.facts.matching import Fields
from engine.journeys import wire
from engine.journeys.interpreter import first_wait
from engine.journeys.plan import Coupon, Plan, Points, StartPlaybook, Tag, Update
from engine.replay.calendar import Moments
from engine.replay.standing import Standing
from engine.replay.stream import WHOLE, Lane, Recorded, stream

ENDED = "replay-ended"
_AT_ONCE = 20
_TELLING = (Coupon, Points, StartPlaybook, Tag, Update)
"""Steps after which journeys may start or hear of something, beside their own."""
FACT, FLIP, MOMENT, WAIT = range(4)
"""What happens on the shop's clock; at one instant in this order."""

Connection = psycopg.Connection[Any]
Progress = Callable[[datetime, int, int], None]


@dataclass(frozen=True)
class Window:
    """The replayed part of the past: [start, to)."""

    start: datetime
    to: datetime


@dataclass
class Driver:
    """Drives one replay. `fields` gives what an event offers to a trigger's `where`.

    Where a playbook uses standing, the matcher's rules decide it and everybody has been judged before the window.
    Several drivers may share a replay, each with the customers of its own lane, where nothing couples customers.
    """

    client: Client
    pool: ConnectionPool
    versions: StoredVersions
    matcher: Matcher
    window: Window
    fields: Callable[[Connection, Recorded], Fields]
    progress: Progress = lambda _at, _facts, _waits: None
    lane: Lane = WHOLE
    dues: list[tuple[datetime, int, str]] = field(default_factory=list)
    standing: dict[int, str] = field(default_factory=dict)
    """The wait that each open journey stands at; a due that is not its journey's present wait is void."""
    untouched: set[int] = field(default_factory=set)
    """Journeys that lie in their start delay: nobody has woken them yet."""
    ids: dict[int, str] = field(default_factory=dict)
    acted: dict[int, datetime] = field(default_factory=dict)
    """Journeys whose steps may have judged or changed their customers, since that was looked up, and when."""
    closing: list[str] = field(default_factory=list)
    facts: int = 0
    waits: int = 0
    flips: int = 0

    def __post_init__(self) -> None:
        """The dispatcher's way of starting is the engine's own."""
        self.dispatcher = Dispatcher(self.client, self.pool, self.versions, clock="held")
        self.judging = Standing(self.matcher, self.window.to) if self.matcher.standings.any else None
        calendar = Calendar(self.matcher)
        self.moments = Moments(calendar, self.window.to) if calendar.triggers else None
        self.tells = any(
            isinstance(step, _TELLING)
            for plan in self.matcher.rules.plans.values()
            if plan.starts
            for step in plan.code
        )
        self.updates = any(isinstance(step, Update) for plan in self.matcher.rules.plans.values() for step in plan.code)
        self.named = frozenset(kind for plan in self.matcher.rules.plans.values() for kind in plan.events())

    async def run(self) -> None:
        """Replays the window to its end."""
        if self.judging is not None:
            await asyncio.to_thread(self._begin, self.judging)
        if self.moments is not None:
            await asyncio.to_thread(self._begin_moments, self.moments)
        kinds = None if self.judging or self.moments else sorted(self.named)
        with _facts(self.pool, kinds, self.window, self.lane) as facts:
            upcoming = await asyncio.to_thread(next, facts, None)
            while (turn := self._turn(upcoming.at if upcoming else None)) is not None:
                if turn == FLIP:
                    await self._flip()
                elif turn == MOMENT:
                    await self._come()
                elif turn == WAIT:
                    await self._wake(*heapq.heappop(self.dues))
                elif upcoming is not None:
                    await self._enter(upcoming)
                    upcoming = await asyncio.to_thread(next, facts, None)
                await self._follow()
        await self._end()

    def _begin(self, judging: Standing) -> None:
        with self.pool.connection() as connection:
            judging.begin(connection)

    def _begin_moments(self, moments: Moments) -> None:
        with self.pool.connection() as connection:
            moments.begin(connection, self.window.start)

    def _turn(self, fact: datetime | None) -> int | None:
        """What happens next on the shop's clock: at one instant facts, flips, moments of the calendar, waits."""
        flip = self.judging.due() if self.judging else None
        moment = self.moments.due() if self.moments else None
        first = (
            (fact, FACT),
            (flip[0] if flip else None, FLIP),
            (moment[0] if moment else None, MOMENT),
            (self.dues[0][0] if self.dues else None, WAIT),
        )
        return min(((at, turn) for at, turn in first if at is not None), default=(None, None))[1]

    async def _enter(self, fact: Recorded) -> None:
        """Lets a fact in and waits until every journey it concerns has taken it."""
        self.facts += 1
        await self._told(await asyncio.to_thread(self._match, fact))
        self.progress(fact.at, self.facts, self.waits)

    async def _flip(self) -> None:
        """Judges the next customer whose standing turns with time alone."""
        assert self.judging is not None  # it was its turn
        due = self.judging.due()
        assert due is not None  # likewise
        self.flips += 1
        await self._told(await asyncio.to_thread(self._turned, self.judging, *due))
        self.progress(due[0], self.facts, self.waits)

    async def _come(self) -> None:
        """Takes up the next moment of the calendar."""
        assert self.moments is not None  # it was its turn
        due = self.moments.due()
        assert due is not None  # likewise
        await self._told(await asyncio.to_thread(self._started, self.moments, *due))
        self.progress(due[0], self.facts, self.waits)

    async def _follow(self) -> None:
        """Tells what steps have brought about: journeys that they start, changes of standing that others hear of."""
        while self.tells and (rows := await asyncio.to_thread(self._open_rows)):
            await self._told(rows)
        if self.acted:
            await asyncio.to_thread(self._look_up)

    def _look_up(self) -> None:
        """When customers of whom steps have changed something flip next, and when their moments come."""
        with self.pool.connection() as connection:
            if self.judging is not None:
                self.judging.acted(connection, sorted(self.acted))
            if self.moments is not None and self.updates:
                self.moments.acted(connection, self.acted)
        self.acted.clear()

    async def _told(self, rows: list[Row]) -> None:
        for row in rows:
            await self._tell(row)
        if rows:
            await asyncio.to_thread(self._done, rows)

    def _match(self, fact: Recorded) -> list[Row]:
        with self.pool.connection() as connection:
            # The lock a live event's intake takes; its journeys and messages are decided one after the other.
            connection.execute("select from customers where id = %s for update", (fact.customer_id,))
            event = _event(connection, fact) if fact.kind in self.named else None
            changed = self.judging and self.judging.happened(connection, fact.customer_id, fact.at, event)
            if event is not None:
                fields = partial(self.fields, connection, fact)
                self.matcher.match(connection, _happening(fact, event, fields))
            if changed:
                self.matcher.match(connection, changed)
            if self.moments is not None:
                self.moments.happened(connection, fact.customer_id, fact.at)
        return self._open_rows() if event is not None or changed else []

    def _started(self, moments: Moments, at: datetime, customer: int, digest: str) -> list[Row]:
        with self.pool.connection() as connection:
            started = moments.come(connection, at, customer, digest)
        return self._open_rows() if started else []

    def _turned(self, judging: Standing, at: datetime, customer: int) -> list[Row]:
        with self.pool.connection() as connection:
            changed = judging.flip(connection, at, customer)
            if changed:
                self.matcher.match(connection, changed)
        return self._open_rows() if changed else []

    def _open_rows(self) -> list[Row]:
        with self.pool.connection() as connection:
            return outbox.claim(connection, limit=1000, lane=self.lane.number, lanes=self.lane.of)

    def _done(self, rows: list[Row]) -> None:
        with self.pool.connection() as connection:
            outbox.done(connection, [row.id for row in rows])

    async def _tell(self, row: Row) -> None:
        if row.kind == "start":
            await self._start(row)
        elif row.journey_id in self.untouched:
            # It has not been woken: what the stop decided stands in the database, the workflow only has to go.
            await self._cancel(row.journey_id, wire.stop_reason(row.payload["event"], row.at))
        else:
            payload = row.payload
            await self._take(
                row.journey_id, row.at, wire.Tell("told", row.at, payload["event"], payload["stop"], payload["steps"])
            )

    async def _start(self, row: Row) -> None:
        plan = await asyncio.to_thread(self._plan, row)
        await self.dispatcher.tell(row, plan)
        self.ids[row.journey_id] = row.workflow_id
        hold = first_wait(plan, row.started_at)
        if hold is None:
            await self._take(row.journey_id, row.started_at, None)
        else:
            self.untouched.add(row.journey_id)
            self._stands(row.journey_id, hold.wait, hold.due)

    def _plan(self, row: Row) -> Plan:
        with self.pool.connection() as connection:
            return self.versions.plan(connection, row.version, row.playbook)

    async def _wake(self, due: datetime, journey: int, wait: str) -> None:
        if self.standing.get(journey) != wait:
            return
        self.waits += 1
        await self._take(journey, due, wire.Tell("due", due, wait=wait))
        self.progress(due, self.facts, self.waits)

    async def _take(self, journey: int, at: datetime, told: wire.Tell | None) -> None:
        """Gives a journey an input, at its logical instant, and waits until it has carried out what follows."""
        self.untouched.discard(journey)
        if self.tells:
            self.acted[journey] = at
        try:
            standing = await self._handle(journey).execute_update("take", told, result_type=wire.Standing)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            standing = wire.Standing(finished=True)
        if standing.finished or standing.wait is None or standing.due is None:
            self.standing.pop(journey, None)
            self.closing.append(self.ids[journey])
        else:
            self._stands(journey, standing.wait, standing.due)

    def _stands(self, journey: int, wait: str, due: datetime) -> None:
        self.standing[journey] = wait
        if due < self.window.to:
            heapq.heappush(self.dues, (due, journey, wait))

    def _handle(self, journey: int) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(self.ids[journey])

    async def _cancel(self, journey: int, reason: str) -> None:
        self.untouched.discard(journey)
        self.standing.pop(journey, None)
        self.closing.append(self.ids[journey])
        await self._handle(journey).cancel(reason=reason)

    async def _end(self) -> None:
        """Ends what is open at the window's end, and waits until every workflow is closed."""
        await asyncio.to_thread(self._end_journeys)
        limit = asyncio.Semaphore(_AT_ONCE)

        async def cancel(journey: int) -> None:
            async with limit:
                await self._cancel(journey, wire.stop_reason(ENDED, self.window.to))

        async def closed(workflow_id: str) -> None:
            async with limit:
                await self.client.get_workflow_handle(workflow_id).result()

        await asyncio.gather(*(cancel(journey) for journey in list(self.standing)))
        await asyncio.gather(*(closed(workflow_id) for workflow_id in self.closing))

    def _end_journeys(self) -> None:
        with self.pool.connection() as connection:
            for journey in self.standing:
                stop_journey(connection, journey, ENDED, self.window.to, reason=ENDED)


@contextmanager
def _facts(
    pool: ConnectionPool, kinds: Sequence[str] | None, window: Window, lane: Lane
) -> Iterator[Iterator[Recorded]]:
    with pool.connection() as connection:
        yield stream(connection, kinds, window.start, window.to, lane)


def _happening(fact: Recorded, event: int, fields: Callable[[], Fields]) -> Happening:
    return Happening(
        event_id=event,
        kind=fact.kind,
        at=fact.at,
        recorded_at=fact.at,
        customer_id=fact.customer_id,
        order_id=fact.order_id,
        fields=fields,
        shipment_id=fact.shipment_id,
        case_id=fact.case_id,
    )


def _event(connection: Connection, fact: Recorded) -> int:
    """The number of the happening's row in `events`, made where the facts alone tell it.

    A site event keeps its key, by which the two are known to be one.
    """
    if fact.event_id is not None:
        return fact.event_id
    row = connection.execute(
        """insert into events (shop_id, key, kind, customer_id, order_id, at, data, recorded_at)
           values (%s, %s, %s, %s, %s, %s, %s, %s)
           on conflict (shop_id, key) do update set kind = events.kind returning id""",
        (
            fact.shop_id,
            fact.key if fact.kind.startswith("site.") else f"{fact.kind}:{fact.key}",
            fact.kind,
            fact.customer_id,
            fact.order_id,
            fact.at,
            Jsonb(fact.data),
            fact.at,
        ),
    ).fetchone()
    if row is None:
        raise LookupError("an upsert always returns its row")
    return int(row[0])
