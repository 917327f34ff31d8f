"""Histories of journeys that have run: the workflow of today must take each to the same end.

Those of the scenes lie in `histories`, those that a released version has made below it, each version in a directory.
"""

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

import workflows.campaign
import workflows.journey
from engine.composition import journey_runner
from engine.journeys.plan import Plan
from engine.language.steps.registry import KINDS
from tests.replay.portable import is_campaign, is_edit, names, read
from tests.replay.scenes import SCENES
from tests.workflows.rules import WAIT_AND_REMIND, make_rules
from tests.workflows.running import engine, words
from tests.workflows.shop import ZENOBIA
from workflows.campaign import Campaign
from workflows.edits import Edits
from workflows.journey import Journey

SAVED = names()
OF_SCENES = [name for name in SAVED if "/" not in name]
JOURNEYS = [name for name in SAVED if not is_campaign(name) and not is_edit(name)]


def replayer(journey: type = Journey) -> Replayer:
    return Replayer(workflows=[journey, Campaign, Edits], workflow_runner=journey_runner())


@pytest.mark.parametrize("name", SAVED)
async def test_a_saved_history_replays(name):
    await replayer().replay_workflow(read(name))


def test_every_scene_is_saved_and_nothing_else():
    assert sorted(SCENES) == OF_SCENES


def test_the_saved_histories_have_every_kind_of_step_and_disturbance():
    instructions = {"if": "branch"}
    plans = [_plan(read(name)) for name in JOURNEYS]
    seen = {step.op for plan in plans for step in plan.code}
    assert seen >= {instructions.get(kind, kind) for kind in KINDS} | {"wait_until", "again", "join"}
    kinds = {event["eventType"] for name in SAVED for event in read(name).to_json_dict()["events"]}
    assert kinds >= {
        f"EVENT_TYPE_{kind}"
        for kind in (
            "ACTIVITY_TASK_COMPLETED",
            "ACTIVITY_TASK_FAILED",
            "TIMER_FIRED",
            "TIMER_CANCELED",
            "WORKFLOW_EXECUTION_SIGNALED",
            "WORKFLOW_EXECUTION_CANCEL_REQUESTED",
            "WORKFLOW_EXECUTION_UPDATE_ACCEPTED",
            "WORKFLOW_EXECUTION_UPDATE_COMPLETED",
            "WORKFLOW_EXECUTION_COMPLETED",
            "WORKFLOW_EXECUTION_CONTINUED_AS_NEW",
            "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES",
        )
    }
    activities = {
        event["activityTaskScheduledEventAttributes"]["activityType"]["name"]
        for name in SAVED
        for event in read(name).to_json_dict()["events"]
        if "activityTaskScheduledEventAttributes" in event
    }
    assert activities == {
        "deliver",
        "decide",
        "choose",
        "look_up",
        "open_task",
        "change_tags",
        "give_up",
        "call/loyalty-points",
        "webhook",
        "update",
        "coupon",
        "points",
        "move",
        "start",
        "close_journey",
        "plan_wave",
        "send_wave",
        "look_at_campaign",
        "end_wave",
        "end_campaign",
        "tell_edit",
        "end_edit",
        "adopt",
    }


def _plan(history: WorkflowHistory) -> Plan:
    (start,) = history.events[0].workflow_execution_started_event_attributes.input.payloads
    return Plan.from_json(json.loads(start.data)["plan"])


def test_no_saved_history_holds_personal_data():
    personal = [value for name, value in ZENOBIA.items() if name not in ("locale", "zone", "country")]
    for name in SAVED:
        text = words(read(name)).lower()
        assert ("winter" if is_campaign(name) else "payment-reminder") in text
        assert [each for each in (*personal, "N-1001", "Dear") if each.lower() in text] == []


def test_a_saved_history_names_no_machine():
    for name in SAVED:
        assert set(_identities(read(name).to_json_dict())) == {"recorder"}, name


def _identities(part: Any) -> Iterator[str]:
    match part:
        case list():
            yield from (found for each in part for found in _identities(each))
        case dict():
            yield from [str(part["identity"])] if "identity" in part else []
            yield from (found for each in part.values() for found in _identities(each))


async def test_a_journey_of_today_replays(open_shop, namespace, mailbox):
    shop = open_shop(make_rules(WAIT_AND_REMIND))
    async with engine(shop, namespace, mailbox) as running:
        shop.place()
        await running.finished()
        await replayer().replay_workflow(await running.history())


CAMPAIGN = Path(workflows.campaign.__file__).read_text()


async def test_a_change_of_a_campaigns_commands_fails_in_replay(tmp_path, monkeypatch):
    before, after = '"end_campaign", request', '"finish_campaign", request'
    assert before in CAMPAIGN
    (tmp_path / "campaign_with_another_end.py").write_text(CAMPAIGN.replace(before, after))
    monkeypatch.syspath_prepend(str(tmp_path))
    changed = import_module("campaign_with_another_end").Campaign
    with pytest.raises(NondeterminismError):
        await Replayer(workflows=[changed], workflow_runner=journey_runner()).replay_workflow(
            read("campaign-that-came-late")
        )


SOURCE = Path(workflows.journey.__file__).read_text()
CHANGES = {
    "an activity of another name": ('"deliver"', '"hand_over"'),
    "another activity before a task": (
        'return await self._ask(start, plan, "open_task"',
        'await workflow.sleep(1)\n                return await self._ask(start, plan, "open_task"',
    ),
    "a step no longer shown while waiting": ("if step != self._shown_step:", "if False:"),
    "a second timer": (
        "if remaining > timedelta(0):",
        "if remaining > timedelta(0):\n            await workflow.sleep(1)",
    ),
    "an end that is always recorded": ("if not finish.recorded:", "if False:"),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_deliberate_change_of_commands_fails_in_replay(change, tmp_path, monkeypatch):
    before, after = CHANGES[change]
    source = SOURCE
    assert source.count(before) >= 1
    module = f"journey_with_{abs(hash(change))}"
    (tmp_path / f"{module}.py").write_text(source.replace(before, after))
    monkeypatch.syspath_prepend(str(tmp_path))
    changed = import_module(module).Journey
    failed = []
    for name in JOURNEYS:
        try:
            await replayer(changed).replay_workflow(read(name))
        except NondeterminismError:
            failed.append(name)
    assert failed
    sys.modules.pop(module)
