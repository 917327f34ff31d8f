"""A worker killed anywhere in a campaign: it goes on at the right customer, and nobody gets anything twice."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from engine.campaigns.wire import workflow_id
from engine.composition import connect
from tests.activities.providers.servers import Inbox, smtp_server
from tests.faults.workers import WorkerProcess, worker_process
from tests.workflows.campaigning import NAME, campaign_rules, people, run_of, told, wave
from tests.workflows.namespaces import take_namespace
from tests.workflows.rules import smtp_policy
from tests.workflows.running import CLOSED, mails, status, until
from tests.workflows.shop import Shop

pytestmark = pytest.mark.timeout(240)  # many processes, each as slow to start as the machine is busy

NAMES = [f"c{number:02}" for number in range(24)]
POINTS = (
    "before_the_campaign_is_told",
    "after_the_campaign_is_told",
    "after_planned",
    "in_a_batch",
    "after_batch",
    "before_end",
)


async def killed_once(url: str, directory: Path, point: str, **more: str) -> tuple[Shop, WorkerProcess]:
    """A campaign whose worker is killed at the point and started again, to its end."""
    policy = {"policy": smtp_policy("hold")} if more else {}
    rules = campaign_rules(wave("opening", -1), **policy)
    shop, namespace = Shop(url, rules), take_namespace()
    people(shop, *NAMES)
    told_ = {"REGULARS_DATABASE_URL": url, "TEMPORAL_NAMESPACE": namespace, **more}
    with worker_process(directory, rules, point, **told_) as worker:
        await worker.start_until_killed()
        worker.start()
        client = await connect(namespace)

        async def closed() -> bool:
            return await status(client, workflow_id(NAME)) in CLOSED

        await until(closed, f"the campaign's end after the kill at {point}", seconds=120)
    return shop, worker


async def test_through_the_mailbox_everybody_gets_it_once(make_database, namespaces, tmp_path):
    played = await asyncio.gather(*(killed_once(make_database(), tmp_path / point, point) for point in POINTS))
    for point, (shop, worker) in zip(POINTS, played, strict=True):
        assert set(told(shop).values()) == {("sent", None)}, point
        assert len(told(shop)) == 24, point
        got = Counter(mail["To"].partition("@")[0] for mail in mails(worker.directory / "mailbox"))
        assert got == dict.fromkeys(NAMES, 1), point
        assert run_of(shop)["state"] == "ended", point
        outcomes = {row["outcome"] for row in shop.rows("select outcome from journeys where playbook = %s", NAME)}
        assert outcomes == {"ended"}, point
        shop.close()


async def test_through_a_plain_mail_server_none_is_there_twice_and_every_doubt_is_listed(
    make_database, namespaces, tmp_path
):
    inbox = Inbox()
    async with smtp_server(inbox) as port:
        url = f"smtp://127.0.0.1:{port}?starttls=never"
        shop, _ = await killed_once(make_database(), tmp_path, "in_flight", REGULARS_SMTP_URL=url)
    states = Counter(told(shop).values())
    doubts = states.pop(("in_doubt", "worker_died"))
    assert 1 <= doubts <= 6  # as many as are under way at once
    assert states == {("sent", None): 24 - doubts}
    assert max(Counter(mail["To"] for mail in inbox.mails).values()) == 1
    assert 24 - doubts <= len(inbox.mails) <= 24
    shop.close()
