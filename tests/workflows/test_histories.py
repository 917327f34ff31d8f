"""Histories of every version replay with this one's code: else journeys under way would stand still after an update.

`tools/histories/save.py` saves them. Those of a version that is not released yet may be saved anew, others never.
"""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner
from temporalio.workflow import NondeterminismError

from tests.workflows.rules import WAIT_AND_REMIND, make_rules
from tests.workflows.running import engine
from workflows.journey import Journey

SAVED = sorted((Path(__file__).parent / "histories").rglob("*.json.gz"))


def load(file: Path) -> dict[str, Any]:
    return json.loads(gzip.decompress(file.read_bytes()))


async def replay(saved: dict[str, Any]) -> None:
    replayer = Replayer(workflows=[Journey], workflow_runner=UnsandboxedWorkflowRunner())
    await replayer.replay_workflow(WorkflowHistory.from_json(saved["id"], saved["history"]))


@pytest.mark.parametrize("file", SAVED, ids=lambda file: f"{file.parent.name}/{file.name}")
async def test_a_saved_history_replays(file: Path) -> None:
    await replay(load(file))


def test_the_saved_histories_took_different_ways() -> None:
    assert len(SAVED) >= 5
    text = "".join(json.dumps(load(file)) for file in SAVED)
    for kind in (
        "TIMER_STARTED",
        "WORKFLOW_EXECUTION_CANCEL_REQUESTED",
        "WORKFLOW_EXECUTION_SIGNALED",
        "WORKFLOW_EXECUTION_UPDATE_ACCEPTED",
        '"decide"',
        '"open_task"',
        '"close_journey"',
    ):
        assert kind in text


def test_saved_histories_name_no_machine() -> None:
    for file in SAVED:
        assert set(identities(load(file))) == {"worker"}


def identities(value: Any) -> list[str]:
    if isinstance(value, list):
        return [found for each in value for found in identities(each)]
    if not isinstance(value, dict):
        return []
    own = [str(value["identity"])] if "identity" in value else []
    return own + [found for each in value.values() for found in identities(each)]


async def test_a_history_with_another_command_does_not_replay() -> None:
    saved = load(next(file for file in SAVED if '"deliver"' in json.dumps(load(file))))
    changed = json.loads(json.dumps(saved).replace('"deliver"', '"dispatch_by_pigeon"'))
    with pytest.raises(NondeterminismError):
        await replay(changed)


async def test_a_journey_of_today_replays(open_shop, namespace, mailbox) -> None:
    shop = open_shop(make_rules(WAIT_AND_REMIND))
    async with engine(shop, namespace, mailbox) as running:
        shop.place()
        await running.finished()
        history = await running.history()
    await replay({"id": history.workflow_id, "history": json.loads(history.to_json())})
