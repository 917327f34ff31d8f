"""Where in a plan an instruction lies, and every way in which a journey can stand there."""

from collections.abc import Iterator
from datetime import datetime

from engine.journeys.plan import (
    Again,
    Calling,
    First,
    Parallel,
    Plan,
    Repeat,
    Send,
    Step,
    Wait,
    WaitFor,
    WaitUntil,
)
from engine.journeys.state import Awaiting, Position, Round, State


def index_of(plan: Plan, step: str) -> int | None:
    """Where the step of that id is."""
    return next((index for index, each in enumerate(plan.code) if each.id == step), None)


def parallels_around(plan: Plan, index: int) -> tuple[int, ...]:
    """The places of the `Parallel`s in whose branches an instruction lies, the outermost first."""
    code = enumerate(plan.code[:index])
    return tuple(at for at, step in code if isinstance(step, Parallel) and at < index < step.join)


def branch_around(plan: Plan, parallel: int, index: int) -> int:
    """Which of a `Parallel`'s branches an instruction lies in, from 0."""
    step = plan.code[parallel]
    assert isinstance(step, Parallel)  # the caller asks of such alone
    return sum(start <= index for start in step.branches) - 1


def repeats_around(plan: Plan, index: int) -> tuple[int, ...]:
    """The places of the repetitions that an instruction lies in, the outermost first."""
    code = enumerate(plan.code[:index])
    return tuple(at for at, step in code if isinstance(step, Repeat) and at < index <= step.last)


def stands(state: State) -> bool:
    """Whether a journey waits in all its places, so that nothing that it has asked for is under way."""
    if state.branches:
        return all(branch.joined or stands(branch) for branch in state.branches)
    return state.position is not None and state.position.awaiting != "answer"


def awaiting_at(step: Step) -> Awaiting | None:
    """What a journey can wait for at an instruction; none where it passes, or only asks."""
    match step:
        case Wait() | WaitUntil() | Again():
            return "timer"
        case WaitFor() | First():
            return "event"
        case Send() | Calling():
            return "release"
        case _:
            return None


def standing(plan: Plan, started_at: datetime, due: datetime) -> Iterator[tuple[str, State]]:
    """Every state in which a journey of the plan can stand, with the step that is shown of it.

    Args:
        plan: any.
        started_at: when the journey began; it has done nothing since but to come there.
        due: when the wait is over.
    """
    for index, step in enumerate(plan.code):
        awaiting = awaiting_at(step)
        if awaiting is not None:
            state = _at(plan, index, Position(index, awaiting, due), started_at)
            around = parallels_around(plan, index)
            for parallel in reversed(around):
                state = _beside(plan, parallel, index, state)
            yield plan.code[around[0] if around else index].id, state


def _at(plan: Plan, index: int, position: Position, started_at: datetime) -> State:
    rounds = tuple(Round(each, 1, started_at) for each in repeats_around(plan, index))
    return State(started_at, started_at, position, started_at, rounds=rounds)


def _beside(plan: Plan, parallel: int, index: int, branch: State) -> State:
    """The journey whose branch stands so, and whose other branches have come to their end."""
    step = plan.code[parallel]
    assert isinstance(step, Parallel)  # `parallels_around` gives no others
    mine = branch_around(plan, parallel, index)
    joined = branch._replace(position=None, branches=(), joined=True)
    branches = tuple(branch if number == mine else joined for number in range(len(step.branches)))
    whole = _at(plan, parallel, Position(parallel, "join"), branch.started_at)
    return whole._replace(branches=branches)
