"""The interpreter of plans: `advance(plan, state, input) -> (state, commands)`, pure and total.

It never reads a clock: every input carries its logical instant. At most one command is out at a time; while one is
(`answer`), only its answer may be given, so the caller keeps other inputs until the journey waits again; a cancellation
may also be given in place of carrying the command out. Where branches go on at once, each has at most one command out,
and inputs may be given at any time: what a branch is told while its command is out it looks at when it waits again.
An input that no longer concerns the journey (the due of a wait it has left, an event it is past) changes nothing.
"""

from datetime import datetime
from functools import lru_cache, partial
from typing import assert_never

from engine.calendar.durations import later
from engine.conditions.ast import All, Any, Condition, Not, StepIs
from engine.journeys.branches import advance_branches, part
from engine.journeys.commands import Ask, CallOut, ChangeTags, Choose, Command, Deliver, Finish, Hold, LookUp, OpenTask
from engine.journeys.experiment import arm_of
from engine.journeys.inputs import Answered, Began, Cancelled, Due, Input, Told
from engine.journeys.plan import (
    Again,
    Branch,
    Calling,
    End,
    First,
    Join,
    Jump,
    Parallel,
    Plan,
    Repeat,
    Send,
    Split,
    Step,
    Switch,
    Tag,
    Task,
    Wait,
    WaitFor,
    WaitUntil,
    When,
)
from engine.journeys.rounds import again_due, begin_round, inside, iteration, next_round
from engine.journeys.state import Position, State

Result = tuple[State, tuple[Command, ...]]

_DONE = frozenset({"send", "switch", "task", "tag", "call", "webhook", "update", "coupon", "points", "move", "start"})
"""Instructions by which the world is asked or told something, each time that a journey comes to them."""
_BESIDES = {"release": "held back", "moved": "waiting as before an edit, then"}
_DECIDED_BY_STATE = frozenset({"sent", "skipped", "failed", "done"})


def begin(plan: Plan, began: Began) -> Result:
    """A new journey's state and first commands."""
    return _run(plan, State(started_at=began.at, now=began.at, subject=began.subject), 0)


def advance(plan: Plan, state: State, happened: Input) -> Result:
    """Takes one input and gives the state after it, with the commands to carry out."""
    position = state.position
    if state.finished or position is None:
        return state, ()
    if state.branches and not isinstance(happened, Cancelled) and not (isinstance(happened, Told) and happened.stop):
        step = plan.code[position.index]
        assert isinstance(step, Parallel)  # branches begin nowhere else
        return advance_branches(state, happened, step, partial(advance, plan), partial(_run, plan))
    match happened:
        case Answered():
            return _answered(plan, state, position, happened)
        case Cancelled(at=at, reason=reason):
            return _finish(state._replace(now=max(state.now, at)), "cancelled", reason, recorded=False)
        case _ if position.awaiting == "answer":
            return state, ()
        case Due():
            return _due(plan, state, position, happened)
        case Told():
            return _told(plan, state, position, happened)
        case Began():
            return state, ()
        case _:
            assert_never(happened)


def waits_for(plan: Plan, state: State) -> Hold | None:
    """The wait the journey stands at, with its due instant; none while a command is out or after the end.

    Of several branches it is the one that is due first.
    """
    position = state.position
    holds = [hold for branch in state.branches if not branch.joined and (hold := waits_for(plan, branch))]
    if holds and not state.finished:
        return min(holds, key=lambda hold: hold.due)
    if state.finished or position is None or position.due is None:
        return None
    step = plan.code[position.index]
    return Hold(_wait_id(step.id, position.due), position.due, _label(step, position.awaiting))


def finish_by(state: State, at: datetime, outcome: str) -> Result:
    """Ends a journey from outside of its steps, as of an instant, with an outcome that has been recorded."""
    return _finish(state._replace(now=max(state.now, at)), "ended", outcome, recorded=True)


def first_wait(plan: Plan, started_at: datetime) -> Hold | None:
    """The wait that a plan begins with, if it does: its start can be delayed until then."""
    step = plan.code[0]
    if not isinstance(step, Wait) or step.seconds <= 0:
        return None
    due = later(started_at, step.seconds)
    return Hold(_wait_id(step.id, due), due, step.label)


@lru_cache(maxsize=4096)
def _wait_id(step: str, due: datetime) -> str:
    return f"{step}@{due.isoformat()}"


def wait_of(step: str, due: datetime) -> str:
    """The name of the wait of a send that is held back until `due`, for whoever ends it early."""
    return _wait_id(step, due)


def _run(plan: Plan, state: State, index: int) -> Result:
    """Goes on from an instruction until something must be done or waited for.

    Jumps lead forward, and repetitions have a limit, so it ends.
    """
    before = -1 if state.position is None else state.position.index
    path: list[tuple[int, int]] = []
    while True:
        path.append((before, index))
        before, state = index, inside(plan, state, index)
        passed = _passes(plan, state, index)
        if passed is None:
            return _stand(plan, state.arrived(tuple(path)), index)
        state, index = passed


def _passes(plan: Plan, state: State, index: int) -> tuple[State, int] | None:
    """The instruction that follows at once; none where something must be done or waited for first."""
    step = plan.code[index]
    if step.op in _DONE:
        return None
    match step:
        case Jump(to=to):
            return state, to
        case Branch(condition=condition, orelse=orelse):
            known = _decide(condition, state)
            return None if known is None else (state, index + 1 if known else orelse)
        case Wait():
            return (state, index + 1) if _over(state, step) <= state.now else None
        case Split(id=experiment, arms=arms):
            arm = arms[arm_of(f"{state.subject}/{experiment}", [each.share for each in arms])]
            return _noted(state, experiment, arm.name), arm.to
        case Repeat():
            return begin_round(state, index), index + 1
        case Again():
            return next_round(state, index, step)
        case _:
            return None


def _over(state: State, wait: Wait) -> datetime:
    since = state.started_at if wait.since == "start" else state.now
    return later(since, wait.seconds)


def _stand(plan: Plan, state: State, index: int) -> Result:
    """Stands at an instruction, with what must be done or waited for there."""
    step = plan.code[index]
    if step.op in _DONE:
        return _await(state, index), (_command(plan, state, index),)
    match step:
        case Wait():
            return _hold(plan, state, index, "timer", _over(state, step))
        case WaitFor(until=None) | First():
            return _hold(plan, state, index, "event", later(state.now, step.within))
        case Again():
            return _hold(plan, state, index, "timer", again_due(state, step))
        case End(outcome=outcome):
            return _finish(state, "ended", outcome, recorded=False)
        case Parallel():
            return part(state, index, step, partial(_run, plan))
        case Join():
            return state._replace(position=None, joined=True), ()
        case _:
            return _await(state, index), (_command(plan, state, index),)


def _command(plan: Plan, state: State, index: int) -> Command:
    """What is asked of the world at an instruction."""
    step = plan.code[index]
    match step:
        case Send():
            return _deliver(plan, state, index, step, state.now)
        case Branch(condition=condition):
            return Ask(step.id, state.now, condition, step.label)
        case Switch(on=on, cases=cases):
            return Choose(step.id, state.now, on, tuple(cases), step.label)
        case WaitUntil():
            return _look_up(state, step)
        case WaitFor(until=When() as moment):
            return LookUp(step.id, state.now, state.now, moment, step.label)
        case Task():
            return _open_task(plan, state, index, step)
        case Tag():
            ends = _ending(plan, index + 1)
            return ChangeTags(step.id, state.now, step.add, step.remove, step.expires, step.label, ends)
        case Calling():
            return CallOut(step.id, state.now, iteration(plan, state), step, step.label, _ending(plan, index + 1))
        case _:
            raise AssertionError(f"{step.op} asks nothing")


def _answered(plan: Plan, state: State, position: Position, answer: Answered) -> Result:
    step = plan.code[position.index]
    if position.awaiting != "answer" or step.id != answer.step:
        return state, ()
    state = state._replace(now=max(state.now, answer.at))
    if answer.stopped is not None:
        return _finish(state, "stopped", answer.stopped, recorded=True)
    match step:
        case _ if answer.outcome == "failed":
            return _failed(plan, _with_outcome(state, step.id, answer), step, answer)
        case Branch(orelse=orelse):
            return _run(plan, state, position.index + 1 if answer.outcome == "true" else orelse)
        case Switch(cases=cases, orelse=orelse):
            return _run(plan, state, cases.get(answer.reason or "", orelse))
        case WaitUntil() | WaitFor():
            return _looked_up(plan, state, position.index, step, answer.until)
        case _ if answer.outcome == "deferred" and answer.until is not None:
            return _hold(plan, state, position.index, "release", answer.until)
        case _:
            state = _with_outcome(state, step.id, answer)
    ends = _ending(plan, position.index + 1)
    if ends is not None:
        return _finish(state, "ended", ends, recorded=True)
    return _run(plan, state, position.index + 1)


def _failed(plan: Plan, state: State, step: Step, answer: Answered) -> Result:
    """The steps for a failure, if it has any; without them the journey has failed."""
    if step.on_failure is not None:
        return _run(plan, state, step.on_failure)
    return _finish(state, "failed", answer.reason or step.id, recorded=False)


def _with_outcome(state: State, step: str, answer: Answered) -> State:
    kept = tuple(each for each in state.reasons if each[0] != step)
    reasons = (*kept, (step, answer.reason)) if answer.reason else kept
    return _noted(state, step, answer.outcome)._replace(reasons=reasons)


def _noted(state: State, step: str, outcome: str) -> State:
    """Of a step that is taken several times the latest outcome counts."""
    kept = (each for each in state.outcomes if each[0] != step)
    return state._replace(outcomes=(*kept, (step, outcome)))


def _due(plan: Plan, state: State, position: Position, over: Due) -> Result:
    step = plan.code[position.index]
    if position.due is None or over.wait != _wait_id(step.id, position.due):
        return state, ()
    arrived = state.arrived_at or state.now
    state = state._replace(now=max(state.now, over.at))
    if position.awaiting == "moved":
        return _run(plan, state, position.index)
    match step:
        case Send():
            return _await(state, position.index), (_deliver(plan, state, position.index, step, arrived),)
        case Calling():
            return _await(state, position.index), (_command(plan, state, position.index),)
        case WaitFor(orelse=orelse) | First(orelse=orelse):
            return _run(plan, state, orelse)
        case Again():
            return _run(plan, state, position.index)
        case WaitUntil(follow=follow) if follow and not over.skipped:
            return _await(state, position.index), (_look_up(state, step),)
        case _:
            return _run(plan, state, position.index + 1)


def _told(plan: Plan, state: State, position: Position, told: Told) -> Result:
    moved = state._replace(now=max(state.now, told.at))
    if told.stop:
        return _finish(moved, "stopped", told.event, recorded=True)
    step = plan.code[position.index]
    arrived = state.arrived_at or state.now
    if position.awaiting == "moved":
        return state, ()
    if isinstance(step, WaitFor) and step.id in told.steps and told.at >= arrived:
        return _run(plan, moved, step.got)
    if isinstance(step, First) and told.at >= arrived:
        came = (way.to for number, way in enumerate(step.ways) if step.way(number) in told.steps)
        if (to := next(came, None)) is not None:
            return _run(plan, moved, to)
    if isinstance(step, WaitUntil) and step.id in told.steps:
        return _await(moved, position.index), (_look_up(moved, step),)
    return state, ()


def _look_up(state: State, step: WaitUntil) -> LookUp:
    since = state.started_at if step.since == "start" else state.arrived_at or state.now
    return LookUp(step.id, state.now, since, step.when, step.label)


def _looked_up(plan: Plan, state: State, index: int, step: WaitUntil | WaitFor, due: datetime | None) -> Result:
    """Waits for the moment, unless it has come, or was past already when the journey came here, or is not known."""
    if isinstance(step, WaitFor):
        return _for_an_event(plan, state, index, step, due)
    if due is not None and due > state.now:
        return _hold(plan, state, index, "timer", due)
    if due is not None and due >= (state.arrived_at or state.now):
        return _run(plan, state, index + 1)
    if step.if_past == "end":
        return _finish(state, "ended", "past", recorded=False)
    skips = step.if_past == "skip" and step.skip_to is not None
    return _run(plan, state, step.skip_to if skips and step.skip_to is not None else index + 1)


def _for_an_event(plan: Plan, state: State, index: int, step: WaitFor, until: datetime | None) -> Result:
    """Waits to the moment, if it is known, and at most so long as the step says."""
    longest = later(state.now, step.within)
    due = longest if until is None else min(until, longest)
    return _hold(plan, state, index, "event", due) if due > state.now else _run(plan, state, step.orelse)


def _await(state: State, index: int) -> State:
    return state.standing(Position(index, "answer"))


def _hold(plan: Plan, state: State, index: int, awaiting: str, due: datetime) -> Result:
    step = plan.code[index]
    position = Position(index, awaiting, due)  # type: ignore[arg-type]  # callers pass the literals of Awaiting
    return state.standing(position), (Hold(_wait_id(step.id, due), due, _label(step, awaiting)),)


def _label(step: Step, awaiting: str) -> str:
    return f"{_BESIDES[awaiting]}: {step.label}" if awaiting in _BESIDES else step.label


def _finish(state: State, how: str, outcome: str, *, recorded: bool) -> Result:
    finish = Finish(state.now, how, outcome, recorded)  # type: ignore[arg-type]  # callers pass Finish's literals
    return state._replace(position=None, finished=True, branches=()), (finish,)


def _deliver(plan: Plan, state: State, index: int, step: Send, due: datetime) -> Deliver:
    return Deliver(
        step=step.id,
        at=state.now,
        due=due,
        iteration=iteration(plan, state),
        channels=step.channels,
        template=step.template,
        label=step.label,
        ends=_ending(plan, index + 1),
        caught=step.on_failure is not None,
    )


def _open_task(plan: Plan, state: State, index: int, step: Task) -> OpenTask:
    due = None if step.due is None else later(state.now, step.due)
    ends = _ending(plan, index + 1)
    return OpenTask(
        step=step.id,
        at=state.now,
        iteration=iteration(plan, state),
        task=step.task,
        team=step.team,
        title=step.title,
        due=due,
        label=step.label,
        ends=ends,
        business=step.business,
    )


def _ending(plan: Plan, index: int) -> str | None:
    """The outcome if nothing but the end comes at this place, so that the last activity can record it."""
    step = plan.code[index]
    while isinstance(step, Jump):
        step = plan.code[step.to]
    return step.outcome if isinstance(step, End) else None


def _decide(condition: Condition, state: State) -> bool | None:
    """The truth of a condition that only asks what became of earlier steps; none if the world must be asked."""
    match condition:
        case StepIs(step=step, state=asked, is_=is_):
            return None if asked not in _DECIDED_BY_STATE else (state.outcome(step) == asked) == is_
        case Not(part=part):
            known = _decide(part, state)
            return None if known is None else not known
        case All(parts=parts):
            known_parts = [_decide(part, state) for part in parts]
            return None if None in known_parts else all(known_parts)
        case Any(parts=parts):
            known_parts = [_decide(part, state) for part in parts]
            return None if None in known_parts else any(known_parts)
        case _:
            return None
