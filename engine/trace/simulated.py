"""What a simulation has of one customer's path: watched turn by turn, as she lives through it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import psycopg

from engine.conditions.ast import All, Any, Condition, Did, Not, names
from engine.conditions.environment import Known
from engine.conditions.operands import instant, microseconds
from engine.conditions.trace import trace
from engine.explain.customers import Customer
from engine.journeys.plan import Branch, First, Plan, Switch, Trigger, WaitFor
from engine.simulation.backtest import Window, at_the_beginning
from engine.simulation.compiled import Compiled
from engine.simulation.journey import Journey, told_by
from engine.simulation.log import Entry
from engine.simulation.send import Message
from engine.simulation.world import World
from engine.trace.steps import Edge, Steps, because_of, begins, message, positions, without_way, wording_of
from engine.trace.timeline import Moment, Path

_ENDS = frozenset({"end", "stop", "fail"})
_DROPPED = frozenset({"stopped", "ended", "failed", "cancelled"})
"""Reasons of what was held back when its journey came to its end."""


@dataclass
class _Watching:
    """One journey and what has been seen of it: the ways that it took before this turn, and where it stood."""

    journey: Journey
    steps: Steps
    moments: list[Moment] = field(default_factory=list)
    ways: set[Edge] = field(default_factory=set)
    stood: frozenset[int] = frozenset()
    held: dict[tuple[str, int, str], datetime] = field(default_factory=dict)
    waits: set[tuple[str, datetime]] = field(default_factory=set)


class Watcher:
    """Lives through a world and writes down what becomes of one playbook's journeys."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.steps = plan, Steps(plan)
        self.watched: list[_Watching] = []
        self._seen = 0

    def live(self, world: World, until: datetime) -> None:
        """Lives through everything before `until`.

        Raises:
            EndlessError: it never comes to an end.
        """
        for turn in world.turns(until):
            for each in self.watched:
                each.ways |= each.journey.ways
                each.stood = frozenset(position.index for position, _ in positions(each.journey.state))
                each.journey.ways, each.journey.state = set(), without_way(each.journey.state)
            world.take(turn)
            self._observe(world, instant(turn.at))

    def _observe(self, world: World, at: datetime) -> None:
        known = {id(each.journey) for each in self.watched}
        for journey in world.journeys:
            if journey.plan is self.plan and id(journey) not in known:
                began = Moment(journey.started_at, "start", self._began(world, journey))
                self.watched.append(_Watching(journey, self.steps, [began]))
        entries, self._seen = world.log[self._seen :], len(world.log)
        for each in self.watched:
            own = [entry for entry in entries if entry.journey == each.journey.number]
            each.moments += self._turn(world, each, own, at)

    def _began(self, world: World, journey: Journey) -> str:
        event = None if journey.started_by is None else journey.started_by.kind
        at = journey.started_at
        change = world.changed(self.plan.start.any, at - timedelta(microseconds=1), at)  # type: ignore[arg-type]  # others are passed over
        return begins(self.plan, event, None if change is None else change.event)

    def _turn(self, world: World, watched: _Watching, entries: Sequence[Entry], at: datetime) -> Iterator[Moment]:
        """What one turn has brought: decisions and things done in the order of the steps, then how it stands."""
        journey = watched.journey
        ahead = [entry for entry in entries if entry.what not in _ENDS]
        for edge in _chained(journey.ways, watched.stood):
            yield from self._taken(ahead, edge[0])
            moment = self._way(world, journey, edge, at)
            if moment is not None:
                yield moment
            yield from self._taken(ahead, edge[1])
        yield from map(self._done, ahead)
        journey.ways |= watched.ways
        yield from self._held(world, watched)
        yield from (self._done(entry) for entry in entries if entry.what in _ENDS)
        if journey.ended is None:
            for step, awaiting, due in self.steps.standing(journey.state):
                if awaiting != "release" and (step, due) not in watched.waits:
                    watched.waits.add((step, due))
                    yield self.steps.wait(step, journey.state.now, due)

    def _taken(self, ahead: list[Entry], index: int) -> list[Moment]:
        """What the step at an instruction has done in this turn; it is ahead no more."""
        own = [entry for entry in ahead if index >= 0 and self._is_of(entry, index)]
        for entry in own:
            ahead.remove(entry)
        return [self._done(entry) for entry in own]

    def _is_of(self, entry: Entry, index: int) -> bool:
        step = self.plan.code[index]
        if entry.what in ("tag", "untag"):
            return entry.name in (*getattr(step, "add", ()), *getattr(step, "remove", ()))
        return entry.name == step.id

    def _way(self, world: World, journey: Journey, edge: Edge, at: datetime) -> Moment | None:
        step = self.plan.code[edge[0]] if edge[0] >= 0 else None
        because: tuple[str, ...] = ()
        came = ""
        if isinstance(step, Branch):
            because = _because(world, journey, step.condition, at, verdict=edge[1] == edge[0] + 1)
        elif isinstance(step, Switch):
            value = journey.value(step.on, at)
            wording = wording_of(world.rules, world.compiled.evaluator.catalogue, world.history.facts.zone)
            because = (f"{step.on} is {wording.named(step.on, value)}",)
        elif isinstance(step, WaitFor):
            came = _came(world, step.any, at)
        elif isinstance(step, First):
            came = _came(world, tuple(each for way in step.ways for each in way.any if way.to == edge[1]), at)
        return self.steps.way(edge, at, journey.state, because, came)

    def _done(self, entry: Entry) -> Moment:
        match entry.what:
            case "send":
                return self._sent(entry)
            case "tag":
                return Moment(entry.at, "tag", f"Gets the tag {entry.name}", state="done")
            case "untag":
                return Moment(entry.at, "tag", f"Loses the tag {entry.name}", state="done")
            case "end" | "stop" | "fail":
                return end_of(entry.at, {"end": "ended", "stop": "stopped", "fail": "failed"}[entry.what], entry.name)
            case _:
                more = f"{entry.more['amount']:+,} points" if entry.more.get("amount") else ""
                return self.steps.done(entry.name, entry.at, entry.state, entry.reason, more)

    def _sent(self, entry: Entry) -> Moment:
        template = entry.more.get("template")
        state = "sent" if entry.state == "done" else entry.state
        channel = str(entry.more.get("channel") or "its channel")
        return message(
            self.steps, entry.name, entry.at, state, entry.reason, channel, None if template is None else str(template)
        )

    def _held(self, world: World, watched: _Watching) -> Iterator[Moment]:
        """Messages that are held back since this turn, and those that were and are not sent any more."""
        for each in world.messages:
            if each.journey != watched.journey.number:
                continue
            key = (each.step, each.iteration, each.channel)
            held = watched.held.get(key)
            if each.state == "deferred" and each.until is not None and each.until != held:
                watched.held[key] = each.until
                yield _deferred(self.steps, each)
            elif held is not None and each.state != "deferred":
                del watched.held[key]
                if each.reason in _DROPPED:
                    yield message(self.steps, each.step, each.at, each.state, each.reason, each.channel, None)


def _deferred(steps: Steps, held: Message) -> Moment:
    found = message(steps, held.step, held.at, "deferred", held.reason, held.channel, None)
    return Moment(found.at, "message", found.words, found.step, "deferred", found.reason, held.until)


def end_of(at: datetime, state: str, outcome: str) -> Moment:
    """A journey's end."""
    words = {"ended": "Ends", "stopped": "Is stopped", "failed": "Fails", "cancelled": "Is cancelled"}[state]
    said = f": {outcome}" if outcome and outcome != state else ""
    return Moment(at, "end", f"{words}{said}", state=state, reason=outcome)


def _came(world: World, triggers: Sequence[Trigger], at: datetime) -> str:
    """The event or change of standing of that instant that one of the triggers means."""
    found = (each.kind for each in world.history.events_at(microseconds(at)) if world.means(triggers, each))
    change = world.changed(triggers, at - timedelta(microseconds=1), at)
    return next(found, "" if change is None else change.event)


def _because(world: World, journey: Journey, condition: Condition, at: datetime, *, verdict: bool) -> tuple[str, ...]:
    """The clauses with their values; nothing where something has changed since it was asked in this very instant."""
    evaluator, history = world.compiled.evaluator, world.history

    def told() -> Mapping[str, object]:
        return told_by(journey.started_by)

    more: Callable[[], Mapping[str, object]] = told
    values = {name: history.value(name, at, journey.subject, more) for name in names(condition)}  # type: ignore[arg-type]  # values of any type
    happened = {kind: history.happenings(kind) for kind in _kinds(condition)}
    scene = Known(microseconds(at), values, happened, {step: set(each) for step, each in journey.steps(at).items()})
    found = trace(condition, scene, evaluator.catalogue)
    if found.verdict is not verdict:
        return ()
    return because_of(found, wording_of(world.rules, evaluator.catalogue, history.facts.zone))


def _kinds(condition: Condition) -> Iterator[str]:
    match condition:
        case Did(event=event):
            yield event
        case All(parts=parts) | Any(parts=parts):
            for part in parts:
                yield from _kinds(part)
        case Not(part=part):
            yield from _kinds(part)


def _chained(ways: set[Edge], stood: frozenset[int]) -> list[Edge]:
    """The ways of one turn in the order in which they were taken: from where it stood, each from where one has led."""
    left = sorted(ways, key=_place)
    found: list[Edge] = []
    while left:
        targets = {target for _, target in left}
        first = (each for each in left if each[0] in stood)
        head = (each for each in left if each[0] not in targets)
        edge: Edge | None = next(first, None) or next(head, left[0])
        while edge is not None:
            left.remove(edge)
            found.append(edge)
            led = edge[1]
            edge = next((each for each in left if each[0] == led), None)
    return found


def _place(way: Edge) -> tuple[float, int]:
    """By where a way begins; one that goes on where branches have joined begins right before its target."""
    source, target = way
    return (target - 0.5 if source < 0 < target else source), target


def simulated_paths(
    connection: psycopg.Connection, compiled: Compiled, window: Window, plan: Plan, customer: Customer
) -> tuple[Path, ...]:
    """The journeys of one customer in a window of her recorded facts.

    Args:
        connection: an open connection to the facts.
        compiled: the rules.
        window: from when to when.
        plan: the playbook, one of the rules'.
        customer: whose.

    Raises:
        EndlessError: it never comes to an end.
    """
    watcher = Watcher(plan)
    for world in at_the_beginning(connection, compiled, window, [customer.id]):
        watcher.live(world, window.to)
    return tuple(_path(each, window) for each in watcher.watched)


def _path(watched: _Watching, window: Window) -> Path:
    journey = watched.journey
    subject = journey.subject
    about = f"{subject.kind} {subject.name or subject.key}" if subject.kind != "customer" else ""
    ended = journey.ended
    moments = list(watched.moments)
    if ended is None:
        waits = [f"{watched.steps.label(step)}" for step, _, _ in watched.steps.standing(journey.state)]
        moments.append(Moment(window.to, "stands", f"Is still open at the window's end: {'; '.join(waits)}"))
    return Path(
        name=f"journey {journey.number}",
        about=about,
        started_at=journey.started_at,
        version=window.rules.version,
        state="open" if ended is None else ended.state,
        outcome="" if ended is None else ended.outcome,
        ended_at=None if ended is None else ended.at,
        moments=tuple(moments),
    )
