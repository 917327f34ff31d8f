"""Rounds of repetitions: where a journey is in them, and when the next one begins."""

from datetime import datetime

from engine.calendar.durations import later
from engine.journeys.plan import Again, Plan, Repeat
from engine.journeys.state import Round, State


def inside(plan: Plan, state: State, index: int) -> State:
    """The state at an instruction: repetitions that have been left are forgotten."""
    if not state.rounds:
        return state
    kept = tuple(each for each in state.rounds if each.index < index <= _repeat(plan, each).last)
    return state if kept == state.rounds else state._replace(rounds=kept)


def begin_round(state: State, index: int) -> State:
    """The first round of the repetition that begins here."""
    return state._replace(rounds=(*state.rounds, Round(index, 1, state.now)))


def next_round(state: State, index: int, again: Again) -> tuple[State, int] | None:
    """Where the journey goes on at the end of a round; none while the next round is not yet due."""
    present = _present(state, again)
    if present is None or present.number >= again.times:
        return state, index + 1
    if again_due(state, again) > state.now:
        return None
    following = Round(present.index, present.number + 1, state.now)
    return state._replace(rounds=(*state.rounds[:-1], following)), present.index + 1


def again_due(state: State, again: Again) -> datetime:
    """When the next round may begin."""
    present = _present(state, again)
    if present is None or again.every is None:
        return state.now
    return later(present.began, again.every)


def iteration(plan: Plan, state: State) -> int:
    """The number of a step's execution, from 1: part of the key of whatever it does, so no two rounds share one."""
    number = 1
    for each in state.rounds:
        number = (number - 1) * _repeat(plan, each).times + each.number
    return number


def _present(state: State, again: Again) -> Round | None:
    return state.rounds[-1] if state.rounds and state.rounds[-1].index == again.repeat else None


def _repeat(plan: Plan, each: Round) -> Repeat:
    step = plan.code[each.index]
    assert isinstance(step, Repeat)  # rounds begin nowhere else
    return step
