"""What a journey's steps are called in its timeline: ways taken, waits begun, things done."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from engine.conditions.ast import Compare
from engine.conditions.environment import Catalogue
from engine.conditions.trace import Trace
from engine.diagram.words import trigger
from engine.explain.words import Wording
from engine.journeys.plan import (
    Again,
    Branch,
    Call,
    Coupon,
    DateTrigger,
    EveryTrigger,
    First,
    Plan,
    Points,
    Send,
    Split,
    Switch,
    Tag,
    Task,
    WaitFor,
    WaitUntil,
    Webhook,
)
from engine.journeys.state import Position, State
from engine.language.issues import one_of
from engine.language.rules import Rules
from engine.language.words import triggers
from engine.messages.in_words import in_words
from engine.trace.timeline import Moment, What

Edge = tuple[int, int]
_ASKING = "asking whether "
_MOST = 6
_KINDS: dict[type, What] = {Send: "message", Task: "task", Tag: "tag", Coupon: "coupon", Points: "points"}


class Steps:
    """A plan's steps in words."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._index = {step.id: index for index, step in enumerate(plan.code)}

    def index(self, step: str) -> int:
        """The place of a step's instruction."""
        return self._index[step]

    def label(self, step: str) -> str:
        """The step in words, with a capital letter; its id where the plan has none of that name."""
        found = self._index.get(step)
        label = "" if found is None else self.plan.code[found].label
        return capital(label or step)

    def kind(self, step: str) -> What:
        """What a step's moments are."""
        found = self._index.get(step)
        code = None if found is None else self.plan.code[found]
        return "call" if isinstance(code, Call | Webhook) else _KINDS.get(type(code), "step")

    def way(self, edge: Edge, at: datetime, state: State, because: Sequence[str] = (), came: str = "") -> Moment | None:
        """What was decided by going from one instruction to another; none where nothing was.

        Args:
            edge: from which instruction to which.
            at: when.
            state: of the journey, which knows the arms of experiments.
            because: what a question's answer rests on.
            came: the event that ended a wait.
        """
        source, target = edge
        if source < 0:
            return None
        step = self.plan.code[source]
        match step:
            case Branch():
                verdict = "yes" if target == source + 1 else "no"
                asked = capital(step.label.removeprefix(_ASKING) or step.id)
                return Moment(at, "question", f"{asked}? {verdict}", step.id, verdict, because=tuple(because))
            case Switch(cases=cases):
                chosen = " or ".join(case for case, to in cases.items() if to == target) or "none of the cases"
                words = f"{self.label(step.id)}: {chosen}"
                return Moment(at, "question", words, step.id, chosen, because=tuple(because))
            case Split():
                arm = state.outcome(step.id) or ""
                return Moment(at, "question", f"{self.label(step.id)}: the arm {arm}", step.id, arm)
            case WaitFor() | First():
                return self._heard(step, target, at, came)
            case WaitUntil(skip_to=skip_to) if skip_to is not None and target == skip_to != source + 1:
                return Moment(at, "came", f"{self.label(step.id)}: it was past already", step.id)
            case Again(repeat=repeat) if target == repeat + 1:
                return Moment(at, "step", f"{self.label(self.plan.code[repeat].id)}: the next round", step.id)
            case _:
                return None

    def _heard(self, step: WaitFor | First, target: int, at: datetime, came: str) -> Moment:
        nothing, came = target == step.orelse, "" if came == "when" else came
        if isinstance(step, WaitFor):
            awaited = triggers(step.any)
            nothing = nothing and not (came and step.got == step.orelse)
        else:
            awaited = " or ".join(triggers(way.any) for way in step.ways if way.to == target)
        if nothing:
            return Moment(at, "came", f"Nothing came: {self.label(step.id)}", step.id, "nothing")
        return Moment(at, "came", f"{came or awaited} came", step.id, came or awaited)

    def standing(self, state: State) -> Iterator[tuple[str, str, datetime]]:
        """Where a journey waits: the step, for what (timer, event or release), and until when at the latest."""
        if state.branches:
            for branch in state.branches:
                if not branch.joined:
                    yield from self.standing(branch)
        elif state.position is not None and state.position.due is not None and not state.finished:
            yield self.plan.code[state.position.index].id, state.position.awaiting, state.position.due

    def wait(self, step: str, at: datetime, due: datetime) -> Moment:
        """A wait that begins."""
        return Moment(at, "wait", self.label(step), step, until=due)

    def done(self, step: str, at: datetime, state: str, reason: str | None, more: str = "") -> Moment:
        """What became of a step that does something."""
        words = self.label(step) + (f": {more}" if more else "")
        if state != "done":
            words = f"{words}; {state.replace('_', ' ')}" + (f": {in_words(reason)}" if reason else "")
        return Moment(at, self.kind(step), words, step, state, reason or "")


def begins(plan: Plan, event: str | None, change: str | None) -> str:
    """How a journey began: with an event, by a change of standing, by the calendar, or by another playbook's step."""
    if event is not None:
        return f"Begins with {event}" + (f": {change}" if change else "")
    if change is not None:
        return f"Begins: {change}"
    calendar = [each for each in plan.start.any if isinstance(each, DateTrigger | EveryTrigger)]
    return f"Begins: {one_of(map(trigger, calendar))}" if calendar else "Begins"


def positions(state: State) -> Iterator[tuple[Position, datetime]]:
    """Where a journey stands, in each of its branches, and since when."""
    for branch in state.branches:
        if not branch.joined:
            yield from positions(branch)
    if not state.branches and state.position is not None:
        yield state.position, state.arrived_at or state.now


def without_way(state: State) -> State:
    """The state without the way that led to it, so that the way it has afterwards is new."""
    return state._replace(path=(), branches=tuple(map(without_way, state.branches)))


def message(
    steps: Steps, step: str, at: datetime, state: str, reason: str | None, channel: str, template: str | None
) -> Moment:
    """What became of a message, in words."""
    label = steps.label(step)
    why = in_words(reason) if reason else ""
    wording = f", wording {template}" if template else ""
    words = {
        "sent": f"{label}: sent by {channel}{wording}",
        "skipped": f"{label}: not sent: {why}",
        "failed": f"{label}: could not be sent by {channel}: {why}",
        "in_doubt": f"{label}: nobody here knows whether it left: {why}",
        "deferred": f"{label}: held back: {why}",
    }
    return Moment(at, "message", words.get(state, f"{label}: it is being sent"), step, state, reason or "")


def wording_of(rules: Rules, catalogue: Catalogue, zone: str) -> Wording:
    """The operator's words for values and clauses, with instants by the customer's clock."""
    units = {name: each.unit for name, each in rules.catalogue.items()}
    return Wording(catalogue.types, units, catalogue.currency, zone)


def because_of(found: Trace, wording: Wording) -> tuple[str, ...]:
    """The clauses of a condition with their verdicts, and the values that they rest on."""
    lines = [_clause(leaf, wording) for leaf in _leaves(found)]
    more = [f"and {len(lines) - _MOST} more"] if len(lines) > _MOST else []
    return (*lines[:_MOST], *more)


def _leaves(found: Trace) -> Iterator[Trace]:
    if found.parts:
        for part in found.parts:
            yield from _leaves(part)
    else:
        yield found


def _clause(leaf: Trace, wording: Wording) -> str:
    said = wording.clause(leaf.condition)
    if isinstance(leaf.condition, Compare):
        value = f"; found {wording.met(leaf.condition, leaf.value)}"
    else:
        value = "" if leaf.found is None else f"; found {leaf.found}"
    return f"{'yes' if leaf.verdict else 'no '} {said}{value}"


def capital(text: str) -> str:
    """With a capital letter, but for names of events and attributes."""
    first = text.split(" ", 1)[0]
    return text if "." in first or "_" in first else text[:1].upper() + text[1:]
