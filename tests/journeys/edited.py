"""Playbooks before and after an edit, as an operator makes it: steps taken out, put in, moved, made longer."""

import copy
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from engine.journeys.plan import END, Plan
from tests.journeys.playbooks import Writing, compiled
from tests.workflows.rules import HEAD

_LENGTHS = st.sampled_from(["1s", "30m", "3d", "12mo"])
_NESTED = ("then", "else", "got", "steps", "on_failure")
_NAMED = ("cases", "arms", "parallel")


def blocks(steps: list[Any]) -> list[list[Any]]:
    """All lists of steps in a playbook, the outermost first."""
    found = [steps]
    for step in steps:
        if not isinstance(step, dict):
            continue
        below = [step[key] for key in _NESTED if key in step]
        below += [each for key in _NAMED if key in step for each in step[key].values()]
        below += [way["then"] for way in step.get("first", ()) if "then" in way]
        found += [each for block in below for each in blocks(block)]
    return found


def _take_out(draw: st.DrawFn, steps: list[Any], _new: str) -> None:
    block = draw(st.sampled_from([each for each in blocks(steps) if len(each) > 1] or [steps]))
    if len(block) > 1:
        del block[draw(st.integers(0, len(block) - 1))]


def _put_in(draw: st.DrawFn, steps: list[Any], new: str) -> None:
    block = draw(st.sampled_from(blocks(steps)))
    made = [
        {"wait": {"id": new, "for": draw(_LENGTHS)}},
        {"wait_for": {"id": new, "event": "case.opened", "within": draw(_LENGTHS)}},
        {"send": {"id": new, "channel": "email", "template": "reminder"}},
    ]
    block.insert(draw(st.integers(0, len(block) - 1)), draw(st.sampled_from(made)))


def _move(draw: st.DrawFn, steps: list[Any], _new: str) -> None:
    source = draw(st.sampled_from([each for each in blocks(steps) if len(each) > 1] or [steps]))
    if len(source) < 2:
        return
    step = source.pop(draw(st.integers(0, len(source) - 1)))
    target = draw(st.sampled_from(blocks(steps)))
    target.insert(draw(st.integers(0, len(target))), step)


def _change_lengths(draw: st.DrawFn, steps: list[Any], _new: str) -> None:
    for block in blocks(steps):
        for step in block:
            for settings in step.values() if isinstance(step, dict) else ():
                for key in ("for", "within", "every", "times"):
                    if isinstance(settings, dict) and key in settings:
                        settings[key] = draw(st.integers(1, 3)) if key == "times" else draw(_LENGTHS)


_EDITS: tuple[Callable[[st.DrawFn, list[Any], str], None], ...] = (_take_out, _put_in, _move, _change_lengths)


@st.composite
def edits(draw: st.DrawFn) -> tuple[Plan, Plan]:
    """A plan, and the plan after one to three edits, with moves for some of the steps that are gone."""
    steps = Writing(draw).block(0)
    after = copy.deepcopy(steps)
    for number in range(draw(st.integers(1, 3))):
        draw(st.sampled_from(_EDITS))(draw, after, f"new-{number}")
    old, new = compiled(HEAD, steps), compiled(HEAD, after)
    known = [step.id for step in new.code]
    gone = [step.id for step in old.code if step.id not in known]
    moves = {step: draw(st.sampled_from([*known, END])) for step in gone if draw(st.booleans())}
    return old, new.model_copy(update={"moves": moves})
