"""What goes on at once: branches of a journey, each a state of its own, until all of them have joined.

An input is offered to the branches in the order of their writing, and their commands come in that order. A branch that
ends the journey, fails or finds it stopped ends all of it.
"""

from collections.abc import Callable

from engine.journeys.commands import Command
from engine.journeys.inputs import Input, Told
from engine.journeys.plan import Parallel
from engine.journeys.state import Position, State

Result = tuple[State, tuple[Command, ...]]
Advance = Callable[[State, Input], Result]
Run = Callable[[State, int], Result]


def part(state: State, index: int, step: Parallel, run: Run) -> Result:
    """Begins all branches of the instruction at an index."""
    alone = state._replace(position=Position(index, "join"), pending=())
    begun = [run(alone, place) for place in step.branches]
    standing = state._replace(position=Position(index, "join"))
    together, all_commands = _together(standing, [each for each, _ in begun], [more for _, more in begun], step, run)
    return together._replace(path=(*state.path, *together.path)), all_commands


def advance_branches(state: State, happened: Input, step: Parallel, advance: Advance, run: Run) -> Result:
    """Offers one input to all branches."""
    branches: list[State] = []
    commands: list[tuple[Command, ...]] = []
    over = False
    for branch in state.branches:
        moved, more = (branch, ()) if branch.joined or over else _offer(branch, happened, advance)
        over = over or moved.finished
        branches.append(moved)
        commands.append(more)
    return _together(state, branches, commands, step, run)


def _offer(branch: State, happened: Input, advance: Advance) -> Result:
    """One branch's part. What it is told while its own command is out waits for the answer."""
    if isinstance(happened, Told) and branch.position is not None and branch.position.awaiting == "answer":
        return branch._replace(pending=(*branch.pending, happened)), ()
    moved, commands = advance(branch, happened)
    while moved.pending and not moved.joined and moved.position is not None and moved.position.awaiting != "answer":
        first, *rest = moved.pending
        standing = moved._replace(pending=tuple(rest))
        moved, more = advance(standing, first)
        commands = commands if moved == standing else more
    return moved, commands


def _together(
    state: State, branches: list[State], commands: list[tuple[Command, ...]], step: Parallel, run: Run
) -> Result:
    """The journey's state with its branches, or after them."""
    merged = _merged(state, branches)
    ended = next((number for number, each in enumerate(branches) if each.finished), None)
    if ended is not None:
        return merged._replace(position=None, finished=True, branches=()), commands[ended]
    if all(each.joined for each in branches):
        joined, following = run(merged._replace(position=None, branches=()), step.join)
        return joined._replace(path=(*merged.path, *joined.path)), following
    return merged._replace(branches=tuple(branches)), tuple(command for each in commands for command in each)


def _merged(state: State, branches: list[State]) -> State:
    """The latest instant of any branch, and what became of the steps of all."""
    before = set(state.outcomes)
    outcomes, reasons = dict(state.outcomes), dict(state.reasons)
    for branch in branches:
        outcomes.update({step: outcome for step, outcome in branch.outcomes if (step, outcome) not in before})
        reasons.update(branch.reasons)
    now = max([state.now, *(each.now for each in branches)])
    path = tuple(way for branch in branches for way in branch.path)
    return state._replace(now=now, outcomes=tuple(outcomes.items()), reasons=tuple(reasons.items()), path=path)
