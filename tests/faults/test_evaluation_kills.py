"""An evaluation split over three workers, of which some are killed: the same as in one piece, and nothing twice."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType

from engine.composition import connect
from engine.evaluation.run import Asked, evaluate
from engine.evaluation.split import evaluate_split
from engine.evaluation.wire import workflow_id
from engine.language.rules import Rules
from tests.faults.workers import WorkerProcess, worker_process
from tests.standing.crowds import differing, fill, found
from tests.standing.shipped import LOOK_AGAIN, shipped_standing
from tests.workflows.namespaces import take_namespace
from tests.workflows.shop import now

pytestmark = pytest.mark.timeout(480)  # many processes, each as slow to start as the machine is busy

SLICES = 6
POINTS = ("in_a_slice", "after_the_journeys")


@pytest.fixture(scope="module")
def rules() -> Rules:
    """The shipped standing, and a playbook that does nothing yet: what is compared is what the evaluation has made."""
    return shipped_standing({"playbooks/look-again.yaml": LOOK_AGAIN})


@contextmanager
def some_workers(url: str, namespace: str, directory: Path, rules: Rules, point: str) -> Iterator[list[WorkerProcess]]:
    """Three; or two, the first of which is to be killed at the point."""
    places = {"one": point, "two": "slices", "three": "slices"}
    if point != "slices":
        del places["three"]
    environment = {"REGULARS_DATABASE_URL": url, "TEMPORAL_NAMESPACE": namespace}
    with ExitStack() as stack:
        yield [
            stack.enter_context(worker_process(directory / each, rules, at, **environment))
            for each, at in places.items()
        ]


async def in_workers(url: str, directory: Path, rules: Rules, at: datetime, point: str) -> Any:
    namespace = take_namespace()
    with some_workers(url, namespace, directory, rules, point) as workers:
        client = await connect(namespace)
        told = asyncio.create_task(evaluate_split(client, url, rules, at, SLICES, start_existing=True))
        if point != "slices":
            await workers[0].start_until_killed(seconds=240)  # it has the whole of an evaluation to do
        for each in workers:
            each.start()
        result = await told
        history = await client.get_workflow_handle(workflow_id(1)).fetch_history()
        return result, {
            event.activity_task_started_event_attributes.identity
            for event in history.events
            if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED
        }


@pytest.fixture
def expected(make_database: Callable[[], str], rules: Rules) -> tuple[datetime, Any, dict[str, Any]]:
    """The same in one piece."""
    at, url = now(), make_database()
    fill(url, at)
    result = evaluate(Asked(url, rules, at, at, write=True, start_existing=True))
    assert result.journeys > 0
    return at, result, found(url)


async def test_three_workers_share_it_and_it_is_the_same_as_in_one_piece(
    make_database, namespaces, tmp_path, rules, expected
):
    at, whole, kept = expected
    url = make_database()
    fill(url, at)
    result, identities = await in_workers(url, tmp_path, rules, at, "slices")
    assert differing(found(url), kept) == {}
    assert (result.tally.sizes, result.tally.changes) == (whole.tally.sizes, whole.tally.changes)
    assert result.cut_offs == whole.cut_offs
    assert len(identities) == 3, identities


async def test_a_worker_killed_in_it_leaves_its_slice_to_another(make_database, namespaces, tmp_path, rules, expected):
    at, whole, kept = expected

    async def killed(point: str) -> None:
        url = make_database()
        fill(url, at)
        result, _ = await in_workers(url, tmp_path / point, rules, at, point)
        assert differing(found(url), kept) == {}, point
        assert result.tally.changes == whole.tally.changes, point
        assert len(result.tally.started) == len(set(result.tally.started)) == len(whole.tally.started), point

    await asyncio.gather(*map(killed, POINTS))
