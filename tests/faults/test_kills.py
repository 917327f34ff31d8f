"""A worker killed by SIGKILL between any two steps: nothing is lost and nothing is sent twice."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from engine.composition import connect
from engine.own.load import declarations
from tests.activities.providers.servers import Inbox, smtp_server
from tests.faults.workers import WorkerProcess, worker_process
from tests.replay.scenes import GIFTS, GIVING, fill
from tests.workflows.namespaces import take_namespace
from tests.workflows.rules import REMIND_AT_ONCE, make_rules, smtp_policy
from tests.workflows.running import CLOSED, events, mails, status, timeline, until
from tests.workflows.shop import ZENOBIA, Shop

pytestmark = pytest.mark.timeout(240)  # many processes, each as slow to start as the machine is busy

OWN = Path(__file__).parent / "own"
IN_A_CALL = ("before_call", "before_effect", "after_effect", "after_call")
IN_A_SEND = ("before_reserve", "after_reserve", "in_flight", "accepted", "after_record")
ENDED = {None, *CLOSED}
"""Of a journey paid before its start was told at all there is no workflow."""
DECISIONS = """
steps:
  - send: {id: first, channel: email, template: reminder}
  - if: {order.total: {gte: 10 EUR}}
    then: [{task: {id: call, team: sales}}]
"""


@dataclass
class Scene:
    """One worker that is killed at one point, with a database and a namespace of its own."""

    point: str
    shop: Shop
    worker: WorkerProcess
    namespace: str

    async def played(self) -> Client:
        """Somebody orders; the worker is killed at its point and started again; the journey ends."""
        self.shop.place(person={**ZENOBIA, "email": f"{self.point}@example.net"})
        await self.worker.start_until_killed()
        self.worker.start()
        client = await connect(self.namespace)
        workflow_id = self.shop.journey()["workflow_id"]

        async def closed():
            return await status(client, workflow_id) in CLOSED

        try:
            await until(closed, f"the journey's end after the kill at {self.point}", seconds=100)
        except AssertionError:
            print(self.point, await timeline(client, workflow_id), self.worker.log)
            raise
        await until(lambda: not self.shop.open_rows(), "the outbox")
        return client

    @property
    def ledger(self):
        """The keys that the activities of the project's own have noted outside, in order."""
        file = self.worker.directory / "ledger"
        return file.read_text("utf-8").splitlines() if file.exists() else []

    @property
    def call(self):
        """State and reason of the one call."""
        row = self.shop.row("select state, reason from calls")
        return row["state"], row["reason"]

    @property
    def state(self):
        (message,) = self.shop.messages()
        return message[2:]


@pytest.fixture
def stage(make_database, namespaces, tmp_path):
    """Sets a scene for each point, and clears all away."""
    scenes: list[Scene] = []
    contexts = []

    def set_(rules, points, own=None, **environment):
        for point in points:
            namespace, url = take_namespace(), make_database()
            told = {"REGULARS_DATABASE_URL": url, "TEMPORAL_NAMESPACE": namespace, **environment}
            context = worker_process(
                tmp_path / point, rules, point, own, LEDGER=str(tmp_path / point / "ledger"), **told
            )
            contexts.append(context)
            scenes.append(Scene(point, Shop(url, rules), context.__enter__(), namespace))
        return scenes

    yield set_
    for context in contexts:
        context.__exit__(None, None, None)
    for scene in scenes:
        scene.shop.close()


async def play(scenes):
    clients = await asyncio.gather(*(scene.played() for scene in scenes))
    return dict(zip((scene.point for scene in scenes), clients, strict=True))


async def test_through_the_mailbox_each_message_is_there_once(stage):
    scenes = stage(make_rules(REMIND_AT_ONCE), IN_A_SEND)
    await play(scenes)
    for scene in scenes:
        assert scene.state == ("sent", None), scene.point
        assert len(mails(scene.worker.directory / "mailbox")) == 1, scene.point
        assert [state for _, state, _ in scene.shop.journeys()] == ["ended"]


async def test_through_a_plain_mail_server_under_hold_none_is_there_twice_and_every_doubt_is_listed(stage):
    inbox = Inbox()
    async with smtp_server(inbox) as port:
        url = f"smtp://127.0.0.1:{port}?starttls=never"
        scenes = stage(make_rules(REMIND_AT_ONCE, policy=smtp_policy("hold")), IN_A_SEND, REGULARS_SMTP_URL=url)
        await play(scenes)
    accepted = [mail["To"] for mail in inbox.mails]
    assert {scene.point: (accepted.count(f"{scene.point}@example.net"), scene.state) for scene in scenes} == {
        "before_reserve": (1, ("sent", None)),
        "after_reserve": (1, ("sent", None)),
        "in_flight": (0, ("in_doubt", "worker_died")),
        "accepted": (1, ("in_doubt", "worker_died")),
        "after_record": (1, ("sent", None)),
    }
    assert {state for scene in scenes for _, state, _ in scene.shop.journeys()} == {"ended"}


async def test_through_a_plain_mail_server_under_resend_none_is_lost(stage):
    inbox = Inbox()
    async with smtp_server(inbox) as port:
        url = f"smtp://127.0.0.1:{port}?starttls=never"
        rules = make_rules(REMIND_AT_ONCE, policy=smtp_policy("resend"))
        scenes = stage(rules, ("in_flight", "accepted"), REGULARS_SMTP_URL=url)
        await play(scenes)
    accepted = [mail["To"] for mail in inbox.mails]
    assert {scene.point: (accepted.count(f"{scene.point}@example.net"), scene.state) for scene in scenes} == {
        "in_flight": (1, ("sent", None)),
        "accepted": (2, ("sent", None)),  # the risk that `resend` takes
    }


async def test_whatever_else_is_interrupted_happens_once(stage):
    """Around the dispatcher's telling, a decision and a task."""
    scenes = stage(make_rules(DECISIONS), ("before_tell", "after_tell", "after_decide", "after_task"))
    clients = await play(scenes)
    for scene in scenes:
        assert scene.state == ("sent", None), scene.point
        assert len(mails(scene.worker.directory / "mailbox")) == 1, scene.point
        assert [task for task, _, _ in scene.shop.tasks()] == ["call"], scene.point
        client = clients[scene.point]
        assert len([one async for one in client.list_workflows()]) == 1, scene.point
        history = await client.get_workflow_handle(scene.shop.journey()["workflow_id"]).fetch_history()
        assert events(history)[-1] == "WORKFLOW_EXECUTION_COMPLETED"


async def test_coupons_points_and_started_playbooks_are_given_once(stage):
    scenes = stage(make_rules(GIVING, more=GIFTS), ("after_coupon", "after_points", "after_start"))
    for scene in scenes:
        fill(scene.shop, "CODE-1", "CODE-2")
    await play(scenes)
    for scene in scenes:
        given = scene.shop.rows("select code from coupons where customer_id is not null")
        assert [row["code"] for row in given] == ["CODE-1"], scene.point
        assert [row["points"] for row in scene.shop.rows("select points from points_entries")] == [49], scene.point
        assert len(scene.shop.journeys()) == 2, scene.point
        assert scene.state == ("sent", None), scene.point


async def test_an_activity_of_the_projects_own_that_is_keyed_is_called_again_under_its_key(stage):
    rules = make_rules("steps: [{call: {id: note, activity: note-keyed}}]", more=declarations(OWN))
    scenes = stage(rules, IN_A_CALL, own=OWN)
    await play(scenes)
    for scene in scenes:
        assert scene.call == ("done", None), scene.point
        assert set(scene.ledger) == {f"{scene.shop.journey()['workflow_id']}/note/1"}, scene.point
        assert [state for _, state, _ in scene.shop.journeys()] == ["ended"]
    told = {scene.point: len(scene.ledger) for scene in scenes}
    assert told == {"before_call": 1, "before_effect": 1, "after_effect": 2, "after_call": 1}


async def test_an_activity_of_the_projects_own_that_is_done_once_is_not_called_again_and_every_doubt_is_listed(stage):
    rules = make_rules("steps: [{call: {id: note, activity: note-once}}]", more=declarations(OWN))
    scenes = stage(rules, IN_A_CALL, own=OWN)
    await play(scenes)
    assert {scene.point: (len(scene.ledger), scene.call) for scene in scenes} == {
        "before_call": (1, ("done", None)),
        "before_effect": (0, ("failed", "in_doubt")),
        "after_effect": (1, ("failed", "in_doubt")),
        "after_call": (1, ("done", None)),
    }
    for scene in scenes:
        doubtful = scene.call[1] == "in_doubt"
        assert [state for _, state, _ in scene.shop.journeys()] == ["failed" if doubtful else "ended"], scene.point
        assert len(scene.shop.tasks()) == doubtful, scene.point


async def test_a_worker_that_is_stopped_ends_what_it_has_begun(make_database, namespace, tmp_path: Path):
    rules = make_rules(REMIND_AT_ONCE)
    url = make_database()
    shop = Shop(url, rules)
    told = {"REGULARS_DATABASE_URL": url, "TEMPORAL_NAMESPACE": namespace}
    with worker_process(tmp_path, rules, **told) as worker:
        process = worker.start()
        await worker.ready()
        shop.place()
        await until(lambda: shop.messages() and shop.messages()[0][2] == "sent", "the message")
        process.terminate()
        await until(lambda: process.poll() is not None, "the worker's end", seconds=40)
        assert process.returncode == 0, worker.log
    shop.close()


async def test_starts_that_were_told_and_not_marked_are_told_again_by_two_workers_and_nothing_starts_twice(stage):
    """The whole batch is told anew, half of it paid meanwhile: those orders' journeys end, the others go on waiting."""
    (scene,) = stage(make_rules("steps: [{wait: 1h}, {send: {id: first, channel: email, template: reminder}}]"),
                     ["after_tell"])  # fmt: skip
    numbers = [f"N-{number}" for number in range(20)]
    for number in numbers:
        scene.shop.place(number, customer=number)
    await scene.worker.start_until_killed()
    assert scene.shop.open_rows() == len(numbers)
    paid = numbers[::2]
    for number in paid:
        scene.shop.pay(number)
    for _ in range(2):
        scene.worker.start()
    await until(lambda: not scene.shop.open_rows(), "the outbox", seconds=100)
    client = await connect(scene.namespace)
    for number in numbers:
        journey = scene.shop.journey(number)

        async def stands(journey=journey):
            found = await status(client, journey["workflow_id"])
            return found is WorkflowExecutionStatus.RUNNING if journey["state"] == "running" else found in ENDED

        await until(stands, f"what becomes of {number}", seconds=100)
    runs = [one.id async for one in client.list_workflows()]
    assert len(runs) == len(set(runs))
    assert mails(scene.worker.directory / "mailbox") == []
