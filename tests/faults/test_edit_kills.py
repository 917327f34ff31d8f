"""A worker killed anywhere in an edit: every journey follows once, at its due, and nobody gets anything twice."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from engine.composition import connect
from engine.dispatch.dispatcher import Dispatcher
from tests.edits.editing import apply, became, edited, skip_waits
from tests.faults.workers import WorkerProcess, worker_process
from tests.workflows.namespaces import take_namespace
from tests.workflows.rules import make_rules
from tests.workflows.running import Running, mails, until
from tests.workflows.shop import ZENOBIA, Shop

pytestmark = pytest.mark.timeout(240)  # many processes, each as slow to start as the machine is busy

MANY = 12
SEND = "  - send: {id: %s, title: A reminder, channel: email, template: reminder}\n"
BEFORE = "steps:\n" + SEND % "first" + "  - wait: {id: patience, for: 20h}\n" + SEND % "second"
AFTER = "steps:\n" + SEND % "first" + "  - wait: {id: patience, for: 2h}\n" + SEND % "second" + SEND % "third"
POINTS = (
    "before_the_edit_is_told",
    "after_the_edit_is_told",
    "among_journeys_that_are_told",
    "after_an_edits_batch",
    "before_adopting",
    "after_adopting",
)


async def killed_once(url: str, directory: Path, point: str) -> tuple[Shop, WorkerProcess]:
    """An edit whose worker is killed at the point and started again, until all journeys are over."""
    shop, namespace = Shop(url, make_rules(BEFORE)), take_namespace()
    with worker_process(
        directory, shop.rules, point, REGULARS_DATABASE_URL=url, TEMPORAL_NAMESPACE=namespace
    ) as worker:
        process = worker.start()
        for number in range(MANY):
            shop.place(f"N-{number}", f"c{number}", person={**ZENOBIA, "email": f"c{number}@example.net"})
        client = await connect(namespace)
        running = Running(client, shop, Dispatcher(client, shop.pool, shop.versions))
        await until(lambda: Counter(shop.messages())["first", "email", "sent", None] == MANY, "the first", 120)
        await apply(running, edited("migrate", AFTER))
        await until(lambda: process.poll() is not None, f"the kill at {point}: {worker.log[-2000:]}", 120)
        worker.start()
        await until(lambda: Counter(became(shop)) == {("migrated", "patience", "patience"): MANY}, point, 120)
        await skip_waits(running)
        await until(lambda: {row[1] for row in shop.journeys()} == {"ended"}, f"the ends after {point}", 120)
    return shop, worker


async def test_every_journey_follows_once_and_nobody_gets_a_reminder_twice(make_database, namespaces, tmp_path):
    played = await asyncio.gather(*(killed_once(make_database(), tmp_path / point, point) for point in POINTS))
    for point, (shop, worker) in zip(POINTS, played, strict=True):
        got = Counter(mail["To"] for mail in mails(worker.directory / "mailbox"))
        assert set(got.values()) == {3}, point
        assert len(got) == MANY, point
        assert Counter(row[0] for row in shop.messages()) == dict.fromkeys(("first", "second", "third"), MANY), point
        versions = {row["version"] for row in shop.rows("select version from journeys")}
        assert versions == {shop.rules.version}, point
        shop.close()
