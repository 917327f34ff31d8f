"""Which ways a journey has taken, from its states before and after each input."""

from collections.abc import Iterable, Iterator

from engine.facts.matching import means
from engine.facts.since import change_name
from engine.journeys.inputs import Answered, Due, Input, Told
from engine.journeys.interpreter import wait_of
from engine.journeys.plan import Branch, EventTrigger, First, Plan, Split, Switch, WaitFor, WaitUntil
from engine.journeys.state import State
from engine.language.words import triggers
from engine.simulation.ways import STOPS, Way, ending, way_text
from engine.standing.decide import Change


def followed(plan: Plan, before: State | None, happened: Input | None, after: State) -> Iterator[Way]:
    """The ways taken by one input; by the beginning where there is no state before."""
    if after is before:
        return
    for path in _paths(after):
        yield from _along(plan, path)
    known = () if before is None else before.outcomes
    new = (each for each in after.outcomes if each not in known)
    yield from (Way(step, f"arm {arm}") for step, arm in new if _is_split(plan, step))
    if before is not None and happened is not None:
        for leaf in _leaves(before):
            yield from _left(plan, leaf, happened, after)


def stopped_by(plan: Plan, event: str, changes: Iterable[Change]) -> Iterator[Way]:
    """The ways of the stops that an event means, or one of the changes whose words it is."""
    named = [each for each in changes if change_name(each.kind, each.before, each.after) == event]
    for trigger in plan.stop:
        if isinstance(trigger, EventTrigger):
            meant = trigger.event == event
        else:
            meant = any(means((trigger,), change) for change in named)
        if meant:
            yield Way(STOPS, triggers((trigger,)))


def _paths(state: State) -> Iterator[tuple[int, ...]]:
    yield state.path
    for branch in state.branches:
        yield from _paths(branch)


def _leaves(state: State) -> Iterator[State]:
    if state.branches:
        for branch in state.branches:
            yield from _leaves(branch)
    elif state.position is not None:
        yield state


def _along(plan: Plan, path: tuple[int, ...]) -> Iterator[Way]:
    """The steps gone through, and the sides of those branches that earlier steps alone decided."""
    for index, following in zip(path, (*path[1:], None), strict=True):
        step = plan.code[index]
        yield Way(step.id)
        if isinstance(step, Branch) and following is not None:
            yield Way(step.id, "yes" if following == index + 1 else "no")


def _left(plan: Plan, leaf: State, happened: Input, after: State) -> Iterator[Way]:
    """How a place was left, if this input was meant for it."""
    position = leaf.position
    assert position is not None  # leaves stand somewhere
    step = plan.code[position.index]
    match happened:
        case Answered(step=named) if named == step.id and position.awaiting == "answer":
            yield from _answered(plan, leaf, position.index, happened, after)
        case Due(wait=wait) if position.due is not None and wait == wait_of(step.id, position.due):
            if position.awaiting == "event":
                yield Way(step.id, "time is over")
        case Told(stop=False, steps=steps) if position.awaiting == "event":
            if isinstance(step, WaitFor) and step.id in steps:
                yield Way(step.id, "got")
            elif isinstance(step, First):
                came = (number for number in range(len(step.ways)) if step.way(number) in steps)
                yield from (Way(step.id, way_text(step, number)) for number in list(came)[:1])


def _answered(plan: Plan, leaf: State, index: int, answer: Answered, after: State) -> Iterator[Way]:
    step = plan.code[index]
    if answer.outcome == "failed":
        yield from () if step.on_failure is None else (Way(step.id, "fails"),)
    elif isinstance(step, Branch):
        yield Way(step.id, "yes" if answer.outcome == "true" else "no")
    elif isinstance(step, Switch):
        yield Way(step.id, f"case {answer.reason}" if answer.reason in step.cases else "else")
    elif isinstance(step, WaitFor):
        if index not in (each.position.index for each in _leaves(after) if each.position is not None):
            yield Way(step.id, "time is over")
    elif isinstance(step, WaitUntil):
        if step.if_past != "go" and (answer.until is None or answer.until < (leaf.arrived_at or leaf.now)):
            yield Way(step.id, "is past already")
    elif after.finished and answer.stopped is None and (end := ending(plan, index)) is not None:
        yield Way(end.id)  # the last step ends the journey by itself


def _is_split(plan: Plan, name: str) -> bool:
    return any(isinstance(step, Split) and step.id == name for step in plan.code)
