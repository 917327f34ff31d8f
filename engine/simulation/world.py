"""A customer's world on a virtual clock: facts come to be known, standing flips, journeys start, wait and end.

It goes from one logical instant to the next. At one instant a fact comes before a flip, a flip before a moment of the
calendar, and that before what journeys wait for, in the order of their numbers.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, partial

from engine.attributes.facts import CustomerFacts
from engine.attributes.relations import EVENT_SOURCES
from engine.conditions.operands import instant, microseconds
from engine.dispatch.match import means
from engine.dispatch.uses import with_used_standing
from engine.facts.evaluate import evaluator
from engine.facts.event_contracts import load_contracts
from engine.facts.matching import EventMatcher
from engine.facts.occurrence import ONCE, Occurrence, change_name
from engine.journeys.inputs import Told
from engine.journeys.moments import next_moment
from engine.journeys.plan import CalendarTrigger, ChangeTrigger, DateTrigger, EveryTrigger, Plan, Trigger
from engine.language.rules import Rules
from engine.simulation.history import Happened, History, Subject
from engine.simulation.history import Told as Fact
from engine.simulation.journey import Assumed, Journey
from engine.simulation.log import STOP, Edge, Entry
from engine.simulation.send import Message
from engine.standing.cut_offs import CutOffs
from engine.standing.decide import Change, HandTag, Standing
from engine.standing.judge import Judge

MOST = 10_000
"""Turns of one world: more are a circle that nobody meant."""


class EndlessError(Exception):
    """So much happens that it cannot be meant."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a simulation is of: facts of all times, events that no row tells, and what was decided before."""

    facts: CustomerFacts
    told: Sequence[Fact] = ()
    hand_tags: Sequence[HandTag] = ()
    before: Standing | None = None
    cut_offs: CutOffs | None = None


class Compiled:
    """The rules for simulating some of their playbooks, compiled for one reporting currency.

    Args:
        rules: the rules.
        playbooks: which of their playbooks start journeys; others are only started by a step.
        currency: the reporting currency.
    """

    def __init__(self, rules: Rules, playbooks: Sequence[str], currency: str | None) -> None:
        self.plans = [rules.plans[name] for name in playbooks]
        self.evaluator = evaluator(rules.catalogue, currency, rules.words)
        self.matcher = EventMatcher(load_contracts(), currency)
        self.rules = rules

    @cached_property
    def told(self) -> frozenset[str]:
        """Kinds of events that no row of facts tells."""
        return frozenset(self.matcher.contracts) - EVENT_SOURCES.keys()

    @cached_property
    def judge(self) -> Judge | None:
        """Who decides the standing that the playbooks use; none where they use none."""
        own = self.rules
        names = {plan.playbook for plan in self.plans}
        live = {name: plan.model_copy(update={"status": "live"}) for name, plan in own.plans.items() if name in names}
        used = with_used_standing(replace(own, plans=live)).standing
        if not (used.tags or used.segments or used.lifecycle or used.tiers or used.rfm):
            return None
        return Judge(used, own.catalogue, self.evaluator.catalogue, own.policy.zone, own.words)


@dataclass(frozen=True, slots=True)
class _Turn:
    """What comes next: when, which of several at one instant, and what to do."""

    at: datetime
    rank: int
    number: int
    do: Callable[[], None]

    @property
    def order(self) -> tuple[datetime, int, int]:
        return self.at, self.rank, self.number


@dataclass
class World:
    """One customer, from one instant to another.

    Args:
        compiled: the rules.
        person: the customer.
        begins: facts before it are known and start nothing.
        assumed: what the world outside answers.
    """

    compiled: Compiled
    person: Person
    begins: datetime
    assumed: Assumed = field(default_factory=Assumed)
    journeys: list[Journey] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    log: list[Entry] = field(default_factory=list)
    changes: list[tuple[datetime, Change]] = field(default_factory=list)

    def __post_init__(self) -> None:
        person = self.person
        self.history = History(self.compiled.evaluator, person.facts, person.told, person.hand_tags)
        self.rules = self.compiled.rules
        self._now = self.begins - timedelta(microseconds=1)
        self._next_flip: int | None = None
        self._previous = person.before
        self._baseline()

    def run(self, until: datetime) -> None:
        """Lives through everything before `until`; journeys that are open then stay open.

        Raises:
            EndlessError: it never comes to an end.
        """
        for _ in range(MOST):
            turn = min(self._turns(), key=lambda each: each.order, default=None)
            if turn is None or turn.at >= until:
                return
            self._now = max(self._now, turn.at)
            turn.do()
        raise EndlessError(f"more than {MOST:,} things happen")

    def close(self, at: datetime, reason: str = "replay-ended") -> None:
        """What is held back still is not sent any more, as at the end of a replay."""
        for message in self.messages:
            if message.state == "deferred":
                message.skip(reason, at)

    @property
    def ways(self) -> set[Edge]:
        """The ways that journeys took, by playbook."""
        ways: set[Edge] = {(each.plan.playbook, *way) for each in self.journeys for way in each.ways}
        stopped = (each.plan.playbook for each in self.journeys if each.ended and each.ended.state == "stopped")
        return ways | {(playbook, STOP, STOP) for playbook in stopped}

    # --- what comes next --------------------------------------------------------------------------------------------

    def _turns(self) -> Iterator[_Turn]:
        now = microseconds(self._now)
        coming = self.history.next_event(now)
        if coming is not None:
            yield _Turn(instant(coming), 0, 0, partial(self._happen, coming))
        if self._next_flip is not None:
            yield _Turn(instant(max(self._next_flip, now)), 1, 0, partial(self._flip, self._next_flip))
        for number, plan in enumerate(self.compiled.plans):
            for trigger in plan.start.any:
                if isinstance(trigger, DateTrigger | EveryTrigger) and (moment := self._moment(trigger)) is not None:
                    yield _Turn(moment, 2, number, partial(self._come, plan, moment))
        for journey in self.journeys:
            if (hold := journey.hold) is not None:
                yield _Turn(max(hold.due, self._now), 3, journey.number, journey.wake)

    def _moment(self, trigger: CalendarTrigger) -> datetime | None:
        """When it comes next; found anew when it has come, and a date's also when a fact has."""
        known = self._moments.get(trigger)
        if known is None or (known[0] is not None and known[0] <= self._now):
            known = (self._next_moment(trigger), isinstance(trigger, DateTrigger))
            self._moments[trigger] = known
        return known[0]

    @cached_property
    def _moments(self) -> dict[CalendarTrigger, tuple[datetime | None, bool]]:
        """The next moment of each trigger, and whether it depends on facts."""
        return {}

    def _next_moment(self, trigger: CalendarTrigger) -> datetime | None:
        base: object = None
        if isinstance(trigger, DateTrigger):
            value = self.history.known({trigger.date}, self._now).attributes.get(trigger.date)
            base = instant(value) if isinstance(value, int) else value
        known = base if isinstance(base, datetime | date) else None
        return next_moment(trigger, known, self.history.facts.zone, self._now)

    # --- facts ------------------------------------------------------------------------------------------------------

    def _happen(self, at: int) -> None:
        """All events of one instant: standing first, then the journeys that hear of them and those that they start."""
        happened = self.history.events_at(at)
        changed = self._judged(instant(at))
        for each in happened:
            self._tell(each)
            for plan in self.compiled.plans:
                subject = each.subject(plan.subject)
                if subject is not None and self.means(plan.start.any, each):
                    self._start_if_allowed(plan, subject, instant(at), each)
        self._hear(changed, instant(at), happened[-1])

    def means(self, triggers: Sequence[Trigger | CalendarTrigger], happened: Happened) -> bool:
        """Whether one of the triggers means this event."""
        return self.compiled.matcher.triggered(triggers, happened.kind, lambda: happened.fields)

    def _tell(self, happened: Happened) -> None:
        at = instant(happened.at)
        for journey in list(self.journeys):
            early = at < journey.started_at and happened.kind not in ONCE
            if journey.ended or early or journey.started_by is happened or not happened.is_of(journey.subject):
                continue
            stop = self.means(journey.plan.stop, happened)
            steps = tuple(step for step, triggers in journey.plan.heard() if self.means(triggers, happened))
            if stop or steps:
                journey.give(Told(at, happened.kind, stop, steps))

    # --- standing ---------------------------------------------------------------------------------------------------

    def _baseline(self) -> None:
        """What the customer is when it begins: it starts nothing."""
        self._decide(self._now)

    def _decide(self, at: datetime) -> tuple[Change, ...]:
        for trigger in [trigger for trigger, (_, of_facts) in self._moments.items() if of_facts]:
            del self._moments[trigger]
        judge = self.compiled.judge
        if judge is None:
            return ()
        events = {kind: self.history.happenings(kind) for kind in judge.events}
        judged = judge(
            self.history.facts,
            microseconds(at),
            cut_offs=self.person.cut_offs,
            previous=self._previous,
            hand_tags=self.history.hand_tags,
            events=events,
        )
        first = self._previous is None
        self._previous = self.history.standing = judged.standing
        self._next_flip = judged.next_flip
        return () if first else judged.changes

    def _judged(self, at: datetime) -> tuple[Change, ...]:
        changes = self._decide(at)
        self.changes += [(at, change) for change in changes]
        return changes

    def _flip(self, at: int) -> None:
        self._next_flip = None
        self._hear(self._judged(instant(at)), instant(at))

    def judge(self, at: datetime) -> None:
        """The customer is judged anew, and journeys hear of what changed."""
        self._hear(self._judged(at), at)

    def _hear(self, changes: tuple[Change, ...], at: datetime, event: Happened | None = None) -> None:
        """Journeys that listen are told of changes, then those that they start begin; `event` caused them."""
        if not changes:
            return
        for journey in list(self.journeys):
            if journey.ended or journey.started_at > at:
                continue
            stop = _any(journey.plan.stop, changes)
            steps = tuple(step for step, triggers in journey.plan.heard() if _any(triggers, changes))
            if stop or steps:
                meant = (
                    journey.plan.stop if stop else tuple(each for _, found in journey.plan.heard() for each in found)
                )
                change = next(each for each in changes if _any(meant, (each,)))
                journey.give(Told(at, change_name(change.kind, change.before, change.after), stop, steps))
        for plan in self.compiled.plans:
            if plan.subject == "customer" and _any(plan.start.any, changes):
                self._start_if_allowed(plan, Subject("customer", 1), at, event)

    def changed(self, triggers: Sequence[Trigger], since: datetime, until: datetime) -> Occurrence | None:
        """The first change of standing after one instant, up to another, that a trigger means."""
        named = [each for each in triggers if isinstance(each, ChangeTrigger)]
        for at, change in self.changes:
            if since < at <= until and _any(named, (change,)):
                return Occurrence(change_name(change.kind, change.before, change.after), at)
        return None

    # --- starts -----------------------------------------------------------------------------------------------------

    def _come(self, plan: Plan, at: datetime) -> None:
        self._start_if_allowed(plan, Subject("customer", 1), at, None)

    def start_by_step(self, playbook: str, journey: Journey, at: datetime) -> str | None:
        """Starts another playbook for the journey's subject; or why it was not started."""
        plan = self.rules.plans.get(playbook)
        if plan is None:
            return "not_live"
        own = journey.subject
        subject = own if plan.subject == own.kind else Subject("customer", 1) if plan.subject == "customer" else None
        if plan.subject == "order" and own.order is not None:
            subject = Subject("order", own.order, own.order)
        started = subject is not None and self._start_if_allowed(plan, subject, at, None)
        return None if started else "not_allowed"

    def _start_if_allowed(self, plan: Plan, subject: Subject, at: datetime, event: Happened | None) -> bool:
        once = plan.start.once_per
        for each in self.journeys:
            if (each.plan.playbook, each.subject.kind, each.subject.key) != (plan.playbook, subject.kind, subject.key):
                continue
            if once is not None and each.started_at > at - timedelta(seconds=once):
                return False
            if event is not None and each.started_by is event:
                return False
        kind, more = ("", {}) if event is None else (event.kind, {f"trigger.{k}": v for k, v in event.fields.items()})
        only_if = plan.start.only_if
        if only_if is not None and not self.history.holds(only_if, at, subject, more, kind=kind):
            return False
        journey = Journey(self, len(self.journeys) + 1, plan, self._named(subject), at.astimezone(UTC), event)
        self.journeys.append(journey)
        journey.begin()
        return True

    def _named(self, subject: Subject) -> Subject:
        """With the name that the shop knows it by."""
        values = self.history.known({"order.number"}, self._now, subject).attributes
        name = values.get("order.number")
        return Subject(subject.kind, subject.key, subject.order, str(name) if name else "")


def _any(triggers: Sequence[Trigger | CalendarTrigger], changes: Sequence[Change]) -> bool:
    return any(means(tuple(triggers), change) for change in changes)
