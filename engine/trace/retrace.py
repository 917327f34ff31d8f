"""A recorded journey lived through again: the interpreter with the answers that the database kept.

Which ways a journey took, and how long it waited, is told by no row of the database. But a journey decides by its plan
and by what it is answered, each as of a logical instant, so the same questions asked of the same facts give its path
again. Messages, calls, tasks and ends are not worked out anew: they are as they were recorded.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg

from engine.calendar.business import working_time
from engine.conditions.ast import Condition
from engine.conditions.environment import Known
from engine.conditions.trace import trace
from engine.conditions.types import Value
from engine.explain.words import Wording
from engine.facts.evaluate import Asked, Evaluator
from engine.facts.matching import EventMatcher
from engine.facts.occurrence import Occurrence, Since, first_occurrence
from engine.facts.products import longest_days
from engine.journeys.commands import Ask, CallOut, ChangeTags, Choose, Command, Deliver, Finish, Hold, LookUp, OpenTask
from engine.journeys.due import looked_up
from engine.journeys.inputs import Answered, Began, Due, Told
from engine.journeys.interpreter import advance, begin, waits_for
from engine.journeys.migrate import Moved, migrate
from engine.journeys.places import stands
from engine.journeys.plan import Branch, First, Plan, Switch, Trigger, WaitFor, WaitUntil, case_of
from engine.journeys.state import Position, State
from engine.language.rules import Rules
from engine.trace.records import Records
from engine.trace.rows import told_call, told_message, told_tag, told_task
from engine.trace.steps import Steps, because_of, positions, without_way
from engine.trace.timeline import Moment

Connection = psycopg.Connection[Any]
_MOST = 5_000
"""Inputs of one journey: more are a circle."""


@dataclass(frozen=True)
class Facts:
    """Who answers a journey's questions: the facts, by the rules of the journey's version."""

    connection: Connection
    rules: Rules
    evaluator: Evaluator
    matcher: EventMatcher
    wording: Wording
    zone: str


@dataclass(frozen=True)
class Edited:
    """An edit that the journey has followed: from when on it goes by another plan."""

    at: datetime
    facts: Facts
    plan: Plan


@dataclass
class Retraced:
    """One journey, lived through up to an instant.

    Args:
        facts: who answers.
        plan: the journey's plan.
        records: what was recorded of it.
        until: up to when: its end, or now.
        moments: what happened, in order.
        met: the rows that it has come to, by what they are and their key.
    """

    facts: Facts
    plan: Plan
    records: Records
    until: datetime
    moments: list[Moment] = field(default_factory=list)
    met: set[tuple[str, object]] = field(default_factory=set)
    state: State = field(init=False)

    def __post_init__(self) -> None:
        self.steps = Steps(self.plan)
        self._heard: dict[str, datetime] = {}
        self._waits: set[tuple[str, datetime]] = set()
        self._because: tuple[str, ...] = ()
        self._came = ""

    def run(self, edits: Sequence[Edited] = ()) -> None:
        """Lives through it, and through the edits that it has followed, in their order."""
        *turns, last = (*(min(each.at, self.until) for each in edits), self.until)
        self.until = turns[0] if turns else last
        known = self._begin()
        for edit, until in zip(edits, (*turns[1:], last), strict=False):
            if not known or not self._goes_on(edit):
                return
            self.until = until
            known = self._live()

    def _goes_on(self, edit: Edited) -> bool:
        """By the edited plan, from where it stands; whether that is known."""
        moved = migrate(self.plan, self.state, edit.plan) if stands(self.state) else None
        if not isinstance(moved, Moved) or moved.ended is not None:
            return False
        self.plan, self.facts, self.steps, self.state = edit.plan, edit.facts, Steps(edit.plan), moved.state
        words = f"The playbook was edited: goes on by rules version {edit.facts.rules.version[:8]}"
        self.moments.append(Moment(edit.at, "note", words))
        self._waits |= {(step, ends) for step, _, ends in self.steps.standing(self.state)}
        return True

    def _begin(self) -> bool:
        row = self.records.journey
        subject = row.workflow_id.split("/")[-2] if "/" in row.workflow_id else ""
        self.state, commands = begin(self.plan, Began(row.started_at, subject))
        self._ways()
        return self._follow(list(commands)) and self._live()

    def _live(self) -> bool:
        """Goes on until the end, or as long as what happened is known; whether it is."""
        for _ in range(_MOST):
            happened = None if self.state.finished else self._next()
            if happened is None:
                return True
            self._came = happened.event if isinstance(happened, Told) else ""
            self.state, commands = advance(self.plan, without_way(self.state), happened)
            self._ways()
            if not self._follow(list(commands)):
                return False
        return False

    def _follow(self, commands: list[Command]) -> bool:
        """Carries out what the journey asks for; whether all of it has an answer."""
        while commands:
            command = commands.pop(0)
            if isinstance(command, Finish | Hold):
                continue
            answer = self._answer(command)
            if answer is None:
                return False
            self.state, more = advance(self.plan, without_way(self.state), answer)
            self._ways()
            commands += more
        for step, awaiting, ends in self.steps.standing(self.state):
            if awaiting != "release" and (step, ends) not in self._waits:
                self._waits.add((step, ends))
                self.moments.append(self.steps.wait(step, self.state.now, ends))
        return True

    def _ways(self) -> None:
        """Writes down what was decided on the way of the last input."""
        for edge in self.state.path:
            step = self.plan.code[edge[0]] if edge[0] >= 0 else None
            because = self._because if isinstance(step, Branch | Switch) else ()
            if isinstance(step, Branch) and not because:
                because = self._known(step.condition)
            moment = self.steps.way(edge, self.state.now, self.state, because, self._came)
            if moment is not None:
                self.moments.append(moment)
            if isinstance(step, Branch | Switch):
                self._because = ()
            if isinstance(step, WaitFor | First):
                self._came = ""

    def _known(self, condition: Condition) -> tuple[str, ...]:
        """What a question rests on that only asks what became of earlier steps, which the journey knows itself."""
        states = {step: {outcome} for step, outcome in self.state.outcomes}
        return because_of(trace(condition, Known(states=states), self.facts.evaluator.catalogue), self.facts.wording)

    # --- what comes next --------------------------------------------------------------------------------------------

    def _next(self) -> Told | Due | None:
        """What happens to the journey next, up to its end: an event that it waits for, or the end of a wait."""
        hold = waits_for(self.plan, self.state)
        ends = self.until if hold is None else min(hold.due, self.until)
        heard = [found for position, since in positions(self.state) for found in self._events(position, since, ends)]
        if heard:
            return min(heard, key=lambda each: each.at)
        return None if hold is None or self._beyond(hold.due) else Due(hold.due, hold.wait)

    def _beyond(self, at: datetime) -> bool:
        """Whether an instant lies after the end; what stops a journey goes before a wait that ends right then."""
        interrupted = self.records.journey.state in ("stopped", "cancelled")
        return at > self.until or (interrupted and at == self.until)

    def _events(self, position: Position, since: datetime, until: datetime) -> Iterator[Told]:
        """The first event for each of the triggers that a step waits for."""
        step = self.plan.code[position.index]
        if isinstance(step, WaitFor):
            named: list[tuple[str, Sequence[Trigger]]] = [(step.id, step.any)]
        elif isinstance(step, First):
            named = [(step.way(number), way.any) for number, way in enumerate(step.ways)]
        elif isinstance(step, WaitUntil):
            named = [(step.id, step.follow)]
        else:
            return
        for name, triggers in named:
            last = self._heard.get(name) if isinstance(step, WaitUntil) else None
            found = self._first(triggers, since, until, last)
            if found is not None:
                if isinstance(step, WaitUntil):
                    self._heard[name] = found.at
                yield Told(found.at, found.event, steps=(name,))

    def _first(
        self, triggers: Sequence[Trigger], since: datetime, until: datetime, last: datetime | None
    ) -> Occurrence | None:
        """The first of the events since the step was come to; one that has been heard of is past."""
        journey = self.records.journey
        begins = journey.since if since <= journey.started_at else Since(since)
        found = (
            first_occurrence(
                self.facts.connection,
                [trigger],
                journey.whose,
                since=begins if last is None else Since(last),
                until=until,
                matcher=self.facts.matcher,
            )
            for trigger in triggers
        )
        fitting = [each for each in found if each is not None and each.at >= since and (last is None or each.at > last)]
        return min(fitting, key=lambda each: each.at, default=None)

    # --- answers ----------------------------------------------------------------------------------------------------

    def _answer(self, command: Command) -> Answered | None:
        """What the journey was answered; none where that is not known, or not yet."""
        match command:
            case Ask(step=step, at=at, condition=condition):
                found = self.facts.evaluator.explain(self.facts.connection, condition, self._asked(at), self.facts.zone)
                self._because = because_of(found, self.facts.wording)
                return Answered(at, step, "true" if found.verdict else "false")
            case Choose(step=step, at=at, on=on, cases=cases):
                value = self._value(on, at)
                self._because = (f"{on} is {self.facts.wording.named(on, value)}",)
                case = None if value is None else case_of(value)
                return Answered(at, step, "chosen", case if case in cases else None)
            case LookUp():
                ends = self._look_up(command)
                return Answered(command.at, command.step, "unknown" if ends is None else "due", until=ends)
            case Deliver():
                return self._delivered(command)
            case OpenTask():
                return self._opened(command)
            case ChangeTags():
                return self._tagged(command)
            case CallOut():
                return self._called(command)
            case _:
                return None

    def _asked(self, at: datetime) -> Asked:
        journey = self.records.journey
        return Asked(journey.customer_id, journey.subject, journey.subject_id, at, journey=journey.id)

    def _value(self, name: str, at: datetime) -> Value:
        facts = self.facts
        return facts.evaluator.environment(facts.connection, self._asked(at), {name}, facts.zone).attributes.get(name)

    def _look_up(self, asked: LookUp) -> datetime | None:
        facts, order = self.facts, self.records.journey.order_id
        return looked_up(
            asked.when,
            asked.since,
            lambda name: self._value(name, asked.at),
            lambda length: None if order is None else longest_days(facts.connection, order, length),
            facts.wording.zone,
            working_time(facts.rules.policy),
        )

    def _delivered(self, asked: Deliver) -> Answered | None:
        rows = self.records.sends(asked.step, asked.iteration)
        final = next((each for each in rows if each.state != "failed"), rows[-1] if rows else None)
        for row in rows:
            self.met.add(("message", row.id))
            self.moments.append(told_message(self.steps, row))
        if final is None or final.state not in _FINAL:
            return None
        stopped = self.records.journey.outcome if final.reason == "stopped" else None
        return Answered(final.at, asked.step, final.state, final.reason, stopped=stopped)  # type: ignore[arg-type]  # of _FINAL

    def _opened(self, asked: OpenTask) -> Answered | None:
        found = self.records.task(asked.step, asked.iteration)
        if found is None:
            return None
        self.met.add(("task", found.key))
        self.moments.append(told_task(self.steps, asked.step, found))
        return Answered(found.opened_at, asked.step, "done")

    def _tagged(self, asked: ChangeTags) -> Answered | None:
        own = [row for row in self.records.tags if row.tag in asked.add and row.at == asked.at]
        if {row.tag for row in own} != set(asked.add):
            return None
        for row in own:
            self.met.add(("tag", (row.tag, row.at)))
            self.moments.append(told_tag(row, asked.step))
        for tag in asked.remove:
            self.moments.append(Moment(asked.at, "tag", f"Loses the tag {tag}", asked.step, "done"))
        return Answered(asked.at, asked.step, "done")

    def _called(self, asked: CallOut) -> Answered | None:
        found = self.records.call(asked.step, asked.iteration)
        if found is None:
            return None
        self.met.add(("call", (found.step, found.iteration)))
        self.moments.append(told_call(self.steps, found))
        if found.state not in ("done", "failed", "skipped"):
            return None
        return Answered(found.at, asked.step, found.state, found.reason)  # type: ignore[arg-type]  # just looked at


_FINAL = ("sent", "skipped", "failed", "in_doubt")
