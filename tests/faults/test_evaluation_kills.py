"""An evaluation split over three workers, of which some are killed: the same as in one piece, and nothing twice."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from temporalio.api.enums.v1 import EventType

from engine.composition import connect
from engine.evaluation.run import Asked, evaluate
from engine.evaluation.split import evaluate_split
from engine.evaluation.wire import workflow_id
from engine.facts.pool import connect as connect_database
from engine.language.files import read_directory
from engine.language.rules import Rules, compile_rules
from tests.facts.shop import Shop, put
from tests.faults.workers import ROOT, WorkerProcess, worker_process
from tests.workflows.namespaces import take_namespace
from tests.workflows.shop import now

pytestmark = pytest.mark.timeout(240)  # many processes, each as slow to start as the machine is busy

PEOPLE, SLICES = 90, 6
POINTS = ("in_a_slice", "after_the_journeys")


WAITING = """
playbook: look-again
title: Look again
for: customer
start: {enters: {stage: pre-churn}}
controls: {purpose: service}
steps:
  - wait: 30d
"""


@pytest.fixture(scope="module")
def rules() -> Rules:
    """The shipped standing, and a playbook that does nothing yet: what is compared is what the evaluation has made."""
    shipped = read_directory(ROOT / "rules")
    kept = {path: text for path, text in shipped.items() if not path.startswith(("playbooks/", "campaigns/"))}
    made = compile_rules({**kept, "playbooks/look-again.yaml": WAITING})
    assert made.plans, made.issues
    return made


def fill(url: str, at: datetime) -> None:
    """Customers who bought between never and three times, some long ago."""
    with connect_database(url) as connection:
        shop = Shop(connection)
        for person in range(1, PEOPLE):
            shop.customer = put(connection, "customers", key=f"p{person:02}", email=f"p{person:02}@example.net")
            for number in range(person % 4):
                days = timedelta(days=(person * 7 + number * 90) % 400)
                order = put(
                    connection, "orders", shop_id=shop.id, number=f"{person}-{number}", customer_id=shop.customer,
                    placed_at=at - days, paid_at=at - days, currency="EUR", total_minor=100 * person,
                    recorded_at=at - days,
                )  # fmt: skip
                shop.payment(order, 100 * person)


def found(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """What an evaluation leaves in the database, without numbers that differ from run to run."""
    queries = {
        "standings": """select customer_id, tags, segments, stage, tier, rfm_group, rfm_recency, rfm_frequency,
                               rfm_monetary, version, fact_version, evaluated_at, next_flip
                          from standings order by 1""",
        "changes": """select customer_id, kind, "from", "to", at, cause, version, evidence::text
                        from standing_changes order by 1, 2, 3, 4""",
        "journeys": "select workflow_id, state, started_at from journeys order by 1",
        "outbox": """select j.workflow_id, o.kind, o.at
                       from outbox o join journeys j on j.id = o.journey_id order by 1, 2""",
        "cut-offs": 'select as_of, "values", judged_at is not null from cut_offs order by id',
    }
    with psycopg.connect(url) as connection:
        return {name: connection.execute(query).fetchall() for name, query in queries.items()}


def differing(one: dict[str, list[Any]], other: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The rows that only one of both has."""
    apart = {
        name: [row for row in [*one[name], *other[name]] if (row in one[name]) != (row in other[name])] for name in one
    }
    return {name: rows for name, rows in apart.items() if rows}


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
            await workers[0].start_until_killed()
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
