"""A journey under way goes on by another plan: `(old plan, state, new plan) -> state in the new plan | why not`, pure.

Places are found by the ids of steps: the same id, or what the new plan's `moves` says of a step that is gone. Whoever
waits goes on waiting until the same instant, whatever the new plan's waits are long. What has become of steps stays
known under their ids, and with the ids the keys of what was sent stay the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from engine.journeys.places import branch_around, index_of, parallels_around, repeats_around
from engine.journeys.plan import (
    END,
    Again,
    Calling,
    End,
    First,
    Join,
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

DRAINED = "drained"
"""The outcome of a journey that an edit has ended."""
_WAITS = (Wait, WaitUntil, WaitFor, First)


@dataclass(frozen=True, slots=True)
class Moved:
    """The journey's state in the new plan. `ended`: the move ends it, with this outcome."""

    state: State
    ended: str | None = None


@dataclass(frozen=True, slots=True)
class NoPlace:
    """The new plan has no place for whoever stands at this step of the old one."""

    step: str
    why: str


def migrate(old: Plan, state: State, new: Plan) -> Moved | NoPlace:
    """The state of a journey that waits, in another plan of its playbook.

    Args:
        old: the plan that it goes by.
        state: where it stands; no command of it is out (`engine.journeys.places.stands`).
        new: the plan to go on by, with its `moves`.
    """
    if state.position is None:
        return NoPlace("", "the journey is over")
    if old.subject != new.subject:
        return NoPlace(old.code[state.position.index].id, f"the playbook is for each {new.subject} now")
    return _Moving(old, new).moved(state, ())


def shown(plan: Plan, moved: Moved) -> str:
    """The step at which it stands then, as people see it."""
    position = moved.state.position
    return END if moved.ended is not None or position is None else plan.code[position.index].id


def held_back(plan: Plan, state: State) -> list[str]:
    """The steps of which something is held back and still wanted."""
    below = [step for branch in state.branches for step in held_back(plan, branch)]
    position = state.position
    return [plan.code[position.index].id] if position and position.awaiting == "release" else below


@dataclass(frozen=True, slots=True)
class _Moving:
    """One migration."""

    old: Plan
    new: Plan

    def moved(self, state: State, around: tuple[str, ...]) -> Moved | NoPlace:
        """As `migrate`; `around` are the ids of what the journey is in the branches of, the outermost first."""
        position = state.position
        assert position is not None  # asked before, and of branches that have not joined
        step = self.old.code[position.index]
        name = self._name(step)
        target = self._target(step)
        if target is None:
            return NoPlace(name, "the step is gone, and moves does not say where to go on")
        if target == END:
            return Moved(state, "ended")
        index = index_of(self.new, target)
        if index is None:
            return NoPlace(name, f"there is no step {target}")
        there = self.new.code[index]
        if isinstance(there, End):
            return Moved(state, there.outcome)
        if self._around(index) != around:
            return NoPlace(name, f"{target} is among other steps that go on at once")
        if isinstance(step, Parallel) and isinstance(there, Parallel):
            return self._branches(state, step, index, there, around)
        return self._at(state, position, step, index)

    def _name(self, step: Step) -> str:
        """The step as its author calls it: the end of a round is the repetition's."""
        return self.old.code[step.repeat].id if isinstance(step, Again) else step.id

    def _target(self, step: Step) -> str | None:
        if index_of(self.new, step.id) is not None:
            return step.id
        return self.new.moves.get(self._name(step))

    def _around(self, index: int) -> tuple[str, ...]:
        return tuple(self.new.code[each].id for each in parallels_around(self.new, index))

    def _at(self, state: State, position: Position, step: Step, index: int) -> Moved | NoPlace:
        rounds = self._rounds(state, index)
        if isinstance(rounds, NoPlace):
            return rounds
        due = position.due or max(_dues(state), default=state.now)
        placed = Position(index, _awaiting(position, step, self.new.code[index]), due)
        return Moved(state._replace(position=placed, rounds=rounds, branches=(), path=()))

    def _branches(
        self, state: State, step: Parallel, index: int, there: Parallel, around: tuple[str, ...]
    ) -> Moved | NoPlace:
        """Each branch goes on in one of its own; one that there was not is not begun."""
        rounds = self._rounds(state, index)
        if isinstance(rounds, NoPlace):
            return rounds
        branches: list[State] = []
        taken: set[int] = set()
        for number, branch in enumerate(state.branches):
            if branch.joined:
                branches.append(branch._replace(rounds=(), path=()))
                taken |= self._joined(step, number, index)
                continue
            moved = self.moved(branch, (*around, there.id))
            if isinstance(moved, NoPlace) or moved.ended is not None:
                return moved
            assert moved.state.position is not None  # it has just been placed
            mine = branch_around(self.new, index, moved.state.position.index)
            if mine in taken:
                return NoPlace(self._shown(branch), "another branch goes on there")
            taken.add(mine)
            branches.append(moved.state)
        ending = self._ending(there)
        if ending and not ending & taken:
            return NoPlace(self._name(step), "a branch that ends the journey is not begun, and nothing comes after")
        placed = state._replace(position=Position(index, "join"), rounds=rounds, path=())
        return Moved(placed._replace(branches=tuple(branches)))

    def _ending(self, there: Parallel) -> set[int]:
        """The branches of the new plan that end the journey: with one of them there are no steps after all."""
        ends = (*there.branches[1:], there.join)
        return {number for number, end in enumerate(ends) if not isinstance(self.new.code[end - 1], Join)}

    def _joined(self, step: Parallel, number: int, index: int) -> set[int]:
        """The branch of the new plan that a branch which has come to its end was, if there is one."""
        ends = (*step.branches[1:], step.join)[number] - 1
        end = self.old.code[ends]
        found = index_of(self.new, end.id) if isinstance(end, Join) else None
        return set() if found is None else {branch_around(self.new, index, found)}

    def _shown(self, branch: State) -> str:
        assert branch.position is not None  # asked of branches that have not joined
        return self._name(self.old.code[branch.position.index])

    def _rounds(self, state: State, index: int) -> tuple[Round, ...] | NoPlace:
        """The repetitions around the new place: those that the journey is in go on, others begin."""
        known = {self.old.code[each.index].id: each for each in state.rounds}
        around = [(each, known.get(self.new.code[each].id)) for each in repeats_around(self.new, index)]
        for place, present in around:
            if present is not None and _inside(self.old, present.index) != _inside(self.new, place):
                # Rounds of rounds are counted through; another count would be that of a round that has been.
                return NoPlace(self.new.code[place].id, "the repetitions inside of it are others now")
        return tuple(
            Round(place, 1, state.now) if present is None else present_at(present, place) for place, present in around
        )


def present_at(present: Round, index: int) -> Round:
    """A round of a repetition that begins at another instruction now."""
    return Round(index, present.number, present.began)


def _awaiting(position: Position, step: Step, there: Step) -> Awaiting:
    """What is waited for at the new place; what is no wait of this kind begins once the old wait is over."""
    if position.awaiting == "release":
        same = type(step) is type(there) and step.id == there.id
        return "release" if same and isinstance(there, Send | Calling) else "moved"
    if isinstance(step, Again) and isinstance(there, Again):
        return "timer"
    if isinstance(step, _WAITS) and isinstance(there, _WAITS) and position.awaiting != "moved":
        return "timer" if isinstance(there, Wait | WaitUntil) else "event"
    return "moved"


def _dues(state: State) -> Iterator[datetime]:
    """When the waits of all branches are over."""
    for branch in state.branches:
        if branch.position is not None and branch.position.due is not None:
            yield branch.position.due
        yield from _dues(branch)


def _inside(plan: Plan, index: int) -> tuple[tuple[str, int], ...]:
    """The repetitions inside of one, in order, each with its rounds."""
    outer = plan.code[index]
    assert isinstance(outer, Repeat)  # rounds begin nowhere else
    inner = plan.code[index + 1 : outer.last + 1]
    return tuple((step.id, step.times) for step in inner if isinstance(step, Repeat))
