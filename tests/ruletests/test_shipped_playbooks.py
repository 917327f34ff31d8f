"""Every way of every shipped playbook is tested beside it, and a changed playbook is noticed."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from engine.journeys.plan import Coupon, DateTrigger, EveryTrigger, Plan, Send, Task, Wait, WaitFor
from engine.ruletests.coverage import coverage
from engine.ruletests.playing import Playing
from tests.ruletests.test_shipped import RULES, RUNNER, SUITE

CASES = [case for case in SUITE.cases if case.scenario is not None]


def of(playbook: str):
    return [case for case in CASES if case.scenario.playbook == playbook]


@pytest.mark.parametrize("playbook", sorted(RULES.plans))
def test_every_shipped_playbook_has_its_tests_beside_it(playbook):
    assert {case.file for case in of(playbook)} == {f"playbooks/{playbook}.test.yaml"}


def test_every_way_through_the_shipped_playbooks_is_taken():
    found = coverage(RULES, [RUNNER(case) for case in CASES])
    assert [f"{each.file}:{each.line} {each.text}" for each in found.ways if not each.taken] == []
    assert len(found.ways) > 250


def mutants(plan: Plan) -> Iterator[tuple[str, Plan]]:
    """The plan with one thing changed: a time, a template, a team, a pool, a stop that is gone."""
    for place, step in enumerate(plan.code):
        match step:
            case Wait(seconds=seconds):
                changed = step.model_copy(update={"seconds": seconds + 3600})
            case WaitFor(within=within) if step.until is None:
                changed = step.model_copy(update={"within": within + 3600})
            case Send(template=str()):
                changed = step.model_copy(update={"template": "another"})
            case Task():
                changed = step.model_copy(update={"task": "another"})
            case Coupon():
                changed = step.model_copy(update={"given": {**step.given, "pool": "another"}})
            case _:
                continue
        code = (*plan.code[:place], changed, *plan.code[place + 1 :])
        yield step.id, plan.model_copy(update={"code": code})
    for place, stop in enumerate(plan.stop):
        yield f"stop {stop}", plan.model_copy(update={"stop": plan.stop[:place] + plan.stop[place + 1 :]})
    dated = any(isinstance(each, DateTrigger | EveryTrigger) for each in plan.start.any)
    if plan.start.once_per is not None and plan.start.once_per < 100 * 86400 and not dated:
        yield "once_per", plan.model_copy(update={"start": plan.start.model_copy(update={"once_per": None})})


@pytest.mark.parametrize("playbook", sorted(RULES.plans))
def test_the_tests_beside_a_playbook_notice_a_small_change_of_it(playbook):
    unnoticed = []
    for what, mutant in mutants(RULES.plans[playbook]):
        playing = Playing(replace(RULES, plans={**RULES.plans, playbook: mutant}))
        if all(playing(case, case.scenario).passed for case in of(playbook)):
            unnoticed.append(what)
    assert unnoticed == []
