"""Three playbooks and a driver with a shop's clock, as somebody would write them by hand with Temporal's SDK.

One workflow for each order or parcel, with its waits held by the driver: it goes to the next instant only when every
earlier one has been answered. Activities ask PostgreSQL and write messages into a table, kept back in quiet hours.
"""

import asyncio
import contextlib
import hashlib
import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    import psycopg
    from psycopg.rows import tuple_row
    from psycopg_pool import ConnectionPool

    from bench.replaying.wire import About, Facts, Sent, Standing, Told

QUEUE = "replay-by-hand"
ZONE = ZoneInfo("America/Sao_Paulo")
_BEGINS, _ENDS, _SPREAD = time(21), time(8), 30 * 60
_SECOND = timedelta(seconds=10)
_NEVER = datetime(2200, 1, 1, tzinfo=UTC)


class Stopped(Exception):  # noqa: N818 - a way out
    """The order was paid or cancelled, or the window is over."""


@workflow.defn
class ByHand:
    """One order's or parcel's way through a playbook."""

    def __init__(self) -> None:
        self._told: list[Told] = []
        self._due: datetime | None = None
        self._now = _NEVER
        self._over = self._stopped = False

    @workflow.run
    async def run(self, about: About) -> str:
        """Runs the playbook."""
        self._about, self._now = about, about.started
        ways = {"payment-reminder": self._remind, "shipment-notice": self._notify, "review-request": self._ask}
        with contextlib.suppress(Stopped):
            await ways[about.playbook]()
        self._over = True
        await workflow.wait_condition(workflow.all_handlers_finished)
        return "over"

    @workflow.update
    async def take(self, told: Told | None) -> Standing:
        """Takes what came, goes on, and answers until when it waits then."""
        if told is not None:
            self._told.append(told)
        await workflow.wait_condition(lambda: self._over or (self._due is not None and not self._told))
        return Standing(None if self._over else self._due)

    @workflow.signal
    async def stop(self) -> None:
        """The window is over."""
        self._stopped = True

    async def _wait(self, until: datetime, *kinds: str) -> bool:
        """Whether one of these events came before the instant."""
        self._due = until
        try:
            while True:
                await workflow.wait_condition(lambda: self._stopped or bool(self._told))
                if self._stopped:
                    raise Stopped
                told = self._told.pop(0)
                self._now = max(self._now, told.at)
                if told.kind in ("order.paid", "order.cancelled"):
                    raise Stopped
                if told.kind in kinds:
                    return True
                if not told.kind and told.at >= until:
                    return False
        finally:
            self._due = None

    async def _facts(self) -> Facts:
        return await workflow.execute_activity(
            "facts", args=[self._about.order, self._now], result_type=Facts, start_to_close_timeout=_SECOND
        )

    async def _send(self, step: str) -> None:
        while True:
            sent = await workflow.execute_activity(
                "send", args=[self._about, step, self._now], result_type=Sent, start_to_close_timeout=_SECOND
            )
            if sent.until is None:
                return
            await self._wait(sent.until)

    async def _remind(self) -> None:
        for step, hours in (("first", 24), ("second", 48)):
            await self._wait(self._now + timedelta(hours=hours))
            await self._send(step)
        await self._wait(self._now + timedelta(hours=24))
        if (await self._facts()).spent >= 250_000:
            await self._send("call")

    async def _notify(self) -> None:
        if (facts := await self._facts()).cancelled:
            return
        await self._send("shipped")
        for _ in range(8):
            facts = await self._facts()
            if facts.delivered or (facts.promised is not None and facts.promised <= self._now):
                break
            longest = self._now + timedelta(days=7)
            await self._wait(min(longest, facts.promised or longest), "shipment.delivered")
        if facts.promised is not None and facts.promised <= self._now and not facts.delivered:
            await self._send("late")
            if not (await self._facts()).delivered:
                await self._wait(self._now + timedelta(days=14), "shipment.delivered")
        if (await self._facts()).delivered:
            await self._send("delivered")

    async def _ask(self) -> None:
        await self._wait(self._now + timedelta(days=5))
        if (await self._facts()).score is not None:
            return
        await self._send("ask")
        if (await self._facts()).score is None and not await self._wait(
            self._now + timedelta(days=7), "review.created"
        ):
            await self._send("again")
            if (await self._facts()).score is None:
                await self._wait(self._now + timedelta(days=14), "review.created")
        if ((await self._facts()).score or 0) >= 4:
            await self._send("thanks")


_FACTS = """
select o.cancelled_at <= %(at)s or o.closed is not null, coalesce(h.delivered_at, o.delivered_at) <= %(at)s,
       coalesce(h.estimated_at, o.estimated_at),
       (select score from reviews where order_id = o.id and created_at <= %(at)s order by created_at, id limit 1),
       (select count(*) from orders p where p.customer_id = o.customer_id and p.paid_at <= %(at)s),
       (select coalesce(sum(y.amount_minor), 0) from payments y join orders p on p.id = y.order_id
         where p.customer_id = o.customer_id and p.paid_at <= %(at)s)
  from orders o left join shipments h on h.order_id = o.id where o.id = %(order)s limit 1
"""
_PAID = "select paid_at <= %s or cancelled_at <= %s from orders where id = %s for update"


@dataclass
class Activities:
    """What the workflows ask of the database."""

    pool: ConnectionPool
    to: datetime

    @activity.defn
    async def facts(self, order: int, at: datetime) -> Facts:
        """The order as of an instant."""
        return await asyncio.to_thread(self._facts, order, at)

    @activity.defn
    async def send(self, about: About, step: str, at: datetime) -> Sent:
        """Writes a message, or says until when it is kept back."""
        return await asyncio.to_thread(self._send, about, step, at)

    def _facts(self, order: int, at: datetime) -> Facts:
        with self.pool.connection() as connection:
            row = connection.execute(_FACTS, {"order": order, "at": at}).fetchone()
        assert row is not None
        cancelled, delivered, promised, score, orders, spent = row
        return Facts(bool(cancelled), bool(delivered), promised, score, orders, int(spent))

    def _send(self, about: About, step: str, at: datetime) -> Sent:
        with self.pool.connection() as connection:
            row = connection.execute(_PAID, (at, at, about.order)).fetchone()
            if about.playbook == "payment-reminder" and row is not None and row[0]:
                return Sent(None)
            until = awake(at, f"{about.playbook}/{about.order}/{step}")
            if until > at:
                return Sent(until)
            connection.execute(
                "insert into by_hand (playbook, order_id, step, at) values (%s, %s, %s, %s) on conflict do nothing",
                (about.playbook, about.order, step, at),
            )
        return Sent(None)


def awake(at: datetime, key: str) -> datetime:
    """At once, or in the morning, spread over half an hour."""
    local = at.astimezone(ZONE)
    if _ENDS <= local.time() < _BEGINS:
        return at
    day = local.date() + timedelta(days=1) if local.time() >= _BEGINS else local.date()
    morning = datetime.combine(day, _ENDS, ZONE).astimezone(UTC)
    return morning + timedelta(seconds=int.from_bytes(hashlib.sha256(key.encode()).digest()) % _SPREAD)


_AT_ONCE = 50
"""Requests that wait for a workflow's end: a server takes only so many of one namespace."""
_STREAM = """
select * from (
    select 'order.placed' as kind, placed_at as at, id, payment_method from orders
    union all select 'order.paid', paid_at, id, payment_method from orders
    union all select 'order.cancelled', cancelled_at, id, payment_method from orders
    union all select 'order.delivered', delivered_at, id, payment_method from orders
    union all select 'shipment.shipped', h.shipped_at, h.order_id, '' from shipments h
    union all select 'shipment.delivered', h.delivered_at, h.order_id, '' from shipments h
    union all select 'review.created', created_at, order_id, '' from reviews
) e where at >= %s and at < %s order by at, kind, id
"""
_STARTS = {
    "order.placed": "payment-reminder",
    "shipment.shipped": "shipment-notice",
    "order.delivered": "review-request",
}
_HEARD = {
    "order.paid": ("payment-reminder",),
    "order.cancelled": ("payment-reminder", "review-request"),
    "shipment.delivered": ("shipment-notice",),
    "review.created": ("review-request",),
}


async def replay(client: Client, pool: ConnectionPool, start: datetime, to: datetime) -> int:
    """Replays the window in one line; gives how many messages were written."""
    with pool.connection() as connection:
        connection.execute("drop table if exists by_hand")
        connection.execute(
            "create table by_hand (playbook text, order_id bigint, step text, at timestamptz,"
            " primary key (playbook, order_id, step))"
        )
        facts = connection.cursor(row_factory=tuple_row).execute(_STREAM, (start, to)).fetchall()
    work = Activities(pool, to)
    async with Worker(client, task_queue=QUEUE, workflows=[ByHand], activities=[work.facts, work.send]):
        await _drive(client, facts, to)
    with pool.connection() as connection:
        row = connection.execute("select count(*) from by_hand").fetchone()
    assert row is not None
    return int(row[0])


async def _drive(client: Client, facts: Sequence[tuple[str, datetime, int, str]], to: datetime) -> None:
    waiting: dict[str, datetime] = {}
    dues: list[tuple[datetime, str]] = []
    started: list[str] = []

    async def take(journey: str, told: Told | None) -> None:
        standing: Standing = await client.get_workflow_handle(journey).execute_update(
            "take", told, result_type=Standing
        )
        waiting.pop(journey, None)
        if standing.due is not None:
            waiting[journey] = standing.due
            if standing.due < to:
                heapq.heappush(dues, (standing.due, journey))

    async def until(instant: datetime) -> None:
        while dues and dues[0][0] < instant:
            due, journey = heapq.heappop(dues)
            if waiting.get(journey) == due:
                await take(journey, Told(due))

    for kind, at, order, method in facts:
        await until(at)
        for playbook in _HEARD.get(kind, ()):
            if (journey := f"{playbook}-{order}") in waiting:
                await take(journey, Told(at, kind))
        playbook = _STARTS.get(kind, "")
        if playbook and (playbook != "payment-reminder" or method == "bank_slip"):
            journey = f"{playbook}-{order}"
            await client.start_workflow(ByHand.run, About(playbook, order, at), id=journey, task_queue=QUEUE)
            started.append(journey)
            await take(journey, None)
    await until(to)
    for journey in waiting:
        await client.get_workflow_handle(journey).signal("stop")
    turns = asyncio.Semaphore(_AT_ONCE)

    async def ended(journey: str) -> None:
        async with turns:
            await client.get_workflow_handle(journey).result()

    await asyncio.gather(*(ended(journey) for journey in started))


def messages(connection: psycopg.Connection[Any]) -> set[tuple[str, str, str]]:
    """Order, step and playbook of each message that was written."""
    rows = connection.execute(
        "select o.number, b.step, b.playbook from by_hand b join orders o on o.id = b.order_id"
    ).fetchall()
    return {(number, step, playbook) for number, step, playbook in rows}
