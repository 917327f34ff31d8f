"""The schedule of the worker judges whoever is due, and goes on after a failure."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from engine.dispatch.match import Matcher
from engine.evaluation.minute import Minute
from engine.facts.pool import open_pool
from tests.standing.conftest import matching
from tests.standing.test_events import order


async def _until(holds) -> None:
    async with asyncio.timeout(30):
        while not await asyncio.to_thread(holds):  # noqa: ASYNC110 -- the database sets no event
            await asyncio.sleep(0.02)


def _stage(database: str, customer: int) -> str | None:
    with psycopg.connect(database) as connection:
        row = connection.execute("select stage from standings where customer_id = %s", (customer,)).fetchone()
    return row[0] if row else None


@pytest.fixture
def asleep(connection: psycopg.Connection, shop, rules) -> tuple[int, Matcher]:
    """Somebody whose last order is a hundred days old, judged when it was paid."""
    matcher = matching(connection, rules)
    return order(connection, matcher, "1", datetime.now(UTC) - timedelta(days=100)), matcher


async def test_whoever_is_due_is_judged_until_the_worker_stops(database, asleep) -> None:
    customer, matcher = asleep
    assert _stage(database, customer) == "new"
    stop = asyncio.Event()
    with open_pool(database) as pool:
        schedule = asyncio.create_task(Minute(pool, lambda _connection: matcher, seconds=0.05).run(stop))
        await _until(lambda: _stage(database, customer) == "sleeping")
        stop.set()
        await schedule


async def test_a_failure_is_said_and_the_next_minute_is_tried(database, connection, asleep, caplog) -> None:
    customer, matcher = asleep
    connection.execute("alter table standing_changes rename to away")
    connection.commit()
    stop = asyncio.Event()
    with caplog.at_level(logging.WARNING), open_pool(database) as pool:
        schedule = asyncio.create_task(Minute(pool, lambda _connection: matcher, seconds=0.05).run(stop))
        await _until(lambda: "could not be judged: UndefinedTable" in caplog.text)
        assert _stage(database, customer) == "new"
        connection.execute("alter table away rename to standing_changes")
        connection.commit()
        await _until(lambda: _stage(database, customer) == "sleeping")
        stop.set()
        await schedule
