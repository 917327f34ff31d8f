"""A customer's world on a virtual clock: facts come to be known, standing flips, journeys start, wait and end.

It goes from one logical instant to the next. At one instant a fact comes before a flip, a flip before new cut-offs,
these before a moment of the calendar, that before what journeys wait for, in the order of their numbers, and campaigns
come last.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from engine.attributes.facts import CustomerFacts
from engine.attributes.relations import RELATIONS
from engine.conditions.operands import instant, microseconds
from engine.conditions.types import Value
from engine.dispatch.match import means
from engine.facts.occurrence import ONCE, Occurrence, change_name
from engine.journeys.due import as_date
from engine.journeys.inputs import Told
from engine.journeys.moments import next_moment
from engine.journeys.plan import CalendarTrigger, DateTrigger, EveryTrigger, Plan, Trigger
from engine.simulation.campaign import Campaigning
from engine.simulation.compiled import Compiled
from engine.simulation.history import Happened, History, Subject, column
from engine.simulation.history import Told as Fact
from engine.simulation.journey import Assumed, Journey, told_by
from engine.simulation.log import STOP, Edge, Entry
from engine.simulation.room import Room
from engine.simulation.send import Message
from engine.standing.cut_offs import CutOffs, Published
from engine.standing.decide import Change, HandTag, Standing
from engine.standing.judge import Judge, Judgement

FACT, CHANGE, MOMENT, WAIT, CAMPAIGN = range(5)
"""What comes at one instant, in this order; a change is a flip, or new cut-offs after it."""
NEVER = 1 << 62
MOST = 10_000
"""Turns of one world: more are a circle that nobody meant."""


class EndlessError(Exception):
    """So much happens that it cannot be meant."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a simulation is of: facts of all times, events that no row tells, and what was decided before.

    Who is not `known` when it begins comes to be known by the first event, and nothing concerns her before that.
    """

    facts: CustomerFacts
    told: Sequence[Fact] = ()
    hand_tags: Sequence[HandTag] = ()
    before: Standing | None = None
    cut_offs: CutOffs | None = None
    known: bool = True
    published: Published = ()
    """Others, in order: each from its instant on (microseconds since the epoch), when she is judged anew."""
    on_site: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    """What events on the site tell besides what their rows do, by their key."""


class Turn(NamedTuple):
    """What comes next: when (microseconds since the epoch), which of several at one instant, and what to do."""

    at: int
    rank: int
    number: int
    do: Callable[[int], None]


@dataclass
class World:
    """One customer, from one instant to another.

    Args:
        compiled: the rules.
        person: the customer.
        begins: facts before it are known and start nothing.
        assumed: what the world outside answers.
        room: what is left of capacities and channels, which others want too; None: there is room.
    """

    compiled: Compiled
    person: Person
    begins: datetime
    assumed: Assumed = field(default_factory=Assumed)
    room: Room | None = None
    journeys: list[Journey] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    log: list[Entry] = field(default_factory=list)
    changes: list[tuple[datetime, Change]] = field(default_factory=list)

    def __post_init__(self) -> None:
        person = self.person
        self.history = History(self.compiled.questions, person.facts, person.told, person.hand_tags, person.on_site)
        self.rules = self.compiled.rules
        self._now = microseconds(self.begins) - 1
        self._next_flip: int | None = None
        self._previous = person.before
        self._cut_offs, self._published = person.cut_offs, 0
        self._needed = self.compiled.needed(person.published)
        self._values: Mapping[str, Value] = {}
        self._calm = 0
        """Publications before this one change nothing, unless journeys add something that rules of standing read."""
        self._open: list[Journey] = []
        self._outbox: deque[Callable[[], None]] = deque()
        self._moments: dict[int, int] = {}
        self._earliest: tuple[int, int] | None = None
        self._campaigns = [Campaigning(self, each) for each in range(len(self.compiled.campaigns))]
        self._after = self._now
        self._known = person.known
        self._take_over(self._now + 1)
        if self._known:
            self._decide(self._now)

    def run(self, until: datetime) -> None:
        """Lives through everything before `until`; journeys that are open then stay open.

        Raises:
            EndlessError: it never comes to an end.
        """
        for turn in self.turns(until):
            self.take(turn)

    def turns(self, until: datetime) -> Iterator[Turn]:
        """What comes before `until`, one after the other; whoever asks takes each before the next.

        Raises:
            EndlessError: it never comes to an end.
        """
        ends = microseconds(until)
        for _ in range(MOST):
            turn = self.next_turn()
            if turn is None or turn.at >= ends:
                return
            yield turn
        raise EndlessError(f"more than {MOST:,} things happen")

    def close(self, at: datetime, reason: str = "replay-ended") -> None:
        """What is held back still is not sent any more, as at the end of a replay."""
        for message in self.messages:
            if message.state == "deferred":
                message.skip(reason, at)

    def forget(self) -> None:
        """Lets go of what refers back to it, when all is counted: else each life waits for the collector of garbage."""
        for each in (self.journeys, self._open, self._campaigns, self.history.events):
            each.clear()

    @property
    def ways(self) -> set[Edge]:
        """The ways that journeys took, by playbook."""
        ways: set[Edge] = {(each.plan.playbook, *way) for each in self.journeys for way in each.ways}
        stopped = (each.plan.playbook for each in self.journeys if each.ended and each.ended.state == "stopped")
        return ways | {(playbook, STOP, STOP) for playbook in stopped}

    # --- what comes next --------------------------------------------------------------------------------------------

    def next_turn(self) -> Turn | None:
        """What comes next; none where nothing more does."""
        now = self._now
        coming = self.history.next_event(now)
        if not self._known:
            return None if coming is None else Turn(coming, FACT, 0, self._happen)
        # In the order of ranks and numbers: what comes later is next only if its instant is an earlier one.
        at, rank, number = (NEVER if coming is None else coming), FACT, 0
        do: Callable[[int], None] = self._happen
        flip, publication = self._flip_due(), self._next_publication()
        if flip is not None and max(flip, now) < at:
            at, rank, do = max(flip, now), CHANGE, self._flip
        if publication < len(self.person.published) and self.person.published[publication][0] < at:
            at, rank, number, do = self.person.published[publication][0], CHANGE, 1, self._publish
        if self.compiled.triggers and (moment := self._next_moment())[0] < at:
            at, rank, number, do = moment[0], MOMENT, moment[1], self._come
        for journey in self._open:
            if journey.due is not None and max(journey.due, now) < at:
                at, rank, number, do = max(journey.due, now), WAIT, journey.order, journey.wake
        for place, campaign in enumerate(self._campaigns):
            if campaign.due is not None and max(campaign.due, now) < at:
                at, rank, number, do = max(campaign.due, now), CAMPAIGN, place, campaign.wake
        return None if at == NEVER else Turn(at, rank, number, do)

    def take(self, turn: Turn) -> None:
        """Lives through what comes next."""
        self._pass_by(turn)
        self._now = self._after = max(self._now, turn.at)
        turn.do(turn.at)
        self._let_out()
        if self._open and any(each.ended for each in self._open):
            self._open = [each for each in self._open if not each.ended]

    def _let_out(self) -> None:
        """Journeys begin and hear of what has happened when that is decided for all, one after the other."""
        while self._outbox:
            self._outbox.popleft()()

    def _next_moment(self) -> tuple[int, int]:
        """The next moment of the calendar and the number of its trigger; NEVER where none comes.

        A trigger's moment is found anew when it has come, and a date's also when a fact has.
        """
        if self._earliest is None:
            for number, (_, trigger) in enumerate(self.compiled.triggers):
                if number not in self._moments:
                    self._moments[number] = self._moment(number, trigger)
            self._earliest = min((moment, number) for number, moment in self._moments.items())
        return self._earliest

    def _moment(self, number: int, trigger: CalendarTrigger) -> int:
        if isinstance(trigger, EveryTrigger):
            return self.compiled.days(number, trigger, self.history.facts.zone).after(self._after)
        found = self._date(trigger)
        return NEVER if found is None else found

    def _date(self, trigger: DateTrigger) -> int | None:
        now = instant(self._now)
        known, after = as_date(self.history.value(trigger.date, now)), instant(self._after)
        found = None if known is None else next_moment(trigger, known, self.history.facts.zone, after)
        return None if found is None else microseconds(found)

    def _forget_dates(self) -> None:
        """A fact may move them."""
        for number in self.compiled.moved_by_facts:
            self._moments.pop(number, None)
            self._earliest = None

    # --- facts ------------------------------------------------------------------------------------------------------

    def _happen(self, at: int) -> None:
        """The events of one instant, one after the other: standing, journeys that hear of it, those that it starts."""
        self._forget_dates()
        self._after = at - 1 if self._known else at  # a moment of this very instant is still to come
        if not self._known:
            self._take_over(at)
        changed = self._judged(at) if self._may_turn(at) else ()
        self._known = True
        for each in self.history.events_at(at):
            self.follow(each, changed)
            changed = ()
            self._let_out()

    def follow(self, happened: Happened, changed: tuple[Change, ...]) -> None:
        """What follows from an event, and from the changes of standing that it has caused."""
        at = instant(happened.at)
        if self._open:
            self._tell(happened)
        for plan in self.compiled.starting.get(happened.kind, ()):
            subject = happened.subject(plan.subject)
            if subject is not None and self.means(plan.start.any, happened):
                self._start_if_allowed(plan, subject, at, happened)
        self._hear(changed, at, happened)

    def means(self, triggers: Sequence[Trigger | CalendarTrigger], happened: Happened) -> bool:
        """Whether one of the triggers means this event."""
        tests = self.compiled.meant(triggers, happened.kind)
        return any(holds is None or holds(happened.fields) for holds in tests)

    def _tell(self, happened: Happened) -> None:
        at = instant(happened.at)
        for journey in list(self._open):
            heard = self.compiled.heard(journey.plan)
            if happened.kind not in heard.kinds:
                continue
            early = at < journey.started_at and happened.kind not in ONCE
            if journey.over or early or journey.started_by is happened or not happened.is_of(journey.subject):
                continue
            stop = self.means(journey.plan.stop, happened)
            if stop:
                journey.stop(at)
            steps = tuple(step for step, triggers in heard.steps if self.means(triggers, happened))
            if stop or steps:
                self._outbox.append(partial(journey.hear, Told(at, happened.kind, stop, steps)))

    # --- standing ---------------------------------------------------------------------------------------------------

    def _decide(self, at: int) -> tuple[Change, ...]:
        """What changes as of an instant."""
        judge = self.compiled.judge
        if judge is None:
            return ()
        self.history.touched.clear()
        coming = self._needed[self._published :]
        judged = judge(self.history.facts, at, previous=self._previous, coming=coming, **self._asked(judge))
        self._previous = self.history.standing = judged.standing
        self._next_flip, self._calm, self._values = judged.next_flip, self._published + judged.passed, judged.values
        return judged.changes

    def judged_by(self, judge: Judge, at: int) -> Judgement:
        """What some rules say of the customer as of an instant, in microseconds since the epoch."""
        return judge(self.history.facts, at, previous=self._previous, **self._asked(judge))

    def _asked(self, judge: Judge) -> dict[str, Any]:
        history = self.history
        events = {kind: history.happenings(kind) for kind in judge.events}
        return {"cut_offs": self._cut_offs, "hand_tags": history.hand_tags, "events": events}

    def _judged(self, at: int) -> tuple[Change, ...]:
        changes = self._decide(at)
        if changes:
            self.changes += [(instant(at), change) for change in changes]
        return changes

    def _flip(self, at: int) -> None:
        self._next_flip = None
        self._hear(self._judged(at), instant(at))

    def _publish(self, at: int) -> None:
        """Tiers and groups begin elsewhere from now on."""
        self._take_over(at)
        self._hear(self._judged(at), instant(at))

    def _flip_due(self) -> int | None:
        """When the customer has to be judged anew though nothing happens.

        What journeys have added is seen when she is next judged, and be it for a score that nobody asks for.
        """
        judge, flip = self.compiled.judge, self._next_flip
        if judge is None or not self._published or not self._is_touched():
            return flip
        scored = judge.turns(self._values, self._now, self.person.published[self._published - 1][1])
        return flip if scored is None or (flip is not None and flip <= scored) else scored

    def _next_publication(self) -> int:
        """The one at which the customer has to be judged anew."""
        return self._published if self._is_touched() else max(self._published, self._calm)

    def _is_touched(self) -> bool:
        """Whether journeys have added something that rules of standing read."""
        judge, touched = self.compiled.judge, self.history.touched
        if judge is None or not touched:
            return False
        return not (touched.isdisjoint(judge.reads) and touched.isdisjoint(judge.events))

    def _may_turn(self, at: int) -> bool:
        """Whether the standing may be another one than that decided last: facts to come are in its next flip."""
        turns = self._next_flip is not None and self._next_flip <= at
        return turns or not self._known or self._is_touched()

    def _pass_by(self, turn: Turn) -> None:
        """Publications that change nothing come and go before what comes next."""
        published = self.person.published
        while self._published < self._calm and (published[self._published][0], CHANGE, 1) < turn[:3]:
            self._cut_offs = self._needed[self._published][1]
            self._published += 1

    def _take_over(self, at: int) -> None:
        published = self.person.published
        while self._published < len(published) and published[self._published][0] <= at:
            self._cut_offs = self._needed[self._published][1]
            self._published += 1

    def judge(self, at: datetime, touched: str) -> None:
        """The customer is judged anew, and journeys hear of what changed; `touched` is what may change it."""
        self._forget_dates()
        judge = self.compiled.judge
        if judge is None or (touched in RELATIONS and touched not in judge.reads):
            return
        self._hear(self._judged(microseconds(at)), at)

    def update(self, values: Mapping[str, object], at: datetime) -> None:
        """A step tells that fields of the customer's record are others now: an event like any other."""
        self.history.set_person(values, self.rules.policy.zone)
        self._moments.clear()
        self._earliest = None
        told = self.compiled.matcher.fields("customer.updated", values)
        event = self.history.tell("customer.updated", microseconds(at), told)
        self.follow(event, self._judged(event.at))

    def _hear(self, changes: tuple[Change, ...], at: datetime, event: Happened | None = None) -> None:
        """Journeys that listen are told of changes, then those that they start begin; `event` caused them."""
        if not changes:
            return
        changed = {change.kind for change in changes}
        for journey in list(self._open):
            heard = self.compiled.heard(journey.plan)
            if heard.changes.isdisjoint(changed) or journey.over or journey.started_at > at:
                continue
            stop = _any(journey.plan.stop, changes)
            if stop:
                journey.stop(at)
            steps = tuple(step for step, triggers in heard.steps if _any(triggers, changes))
            if stop or steps:
                meant = journey.plan.stop if stop else tuple(each for _, found in heard.steps for each in found)
                change = next(each for each in changes if _any(meant, (each,)))
                name = change_name(change.kind, change.before, change.after)
                self._outbox.append(partial(journey.hear, Told(at, name, stop, steps)))
        for plan, kinds in self.compiled.started_by_changes:
            if not kinds.isdisjoint(changed) and _any(plan.start.any, changes):
                self._start_if_allowed(plan, Subject("customer", 1), at, event)

    def changed(self, triggers: Sequence[Trigger], since: datetime, until: datetime) -> Occurrence | None:
        """The first change of standing after one instant, up to another, that a trigger means."""
        named = self.compiled.questions.changes(triggers)
        for at, change in self.changes if named else ():
            if since < at <= until and _any(named, (change,)):
                return Occurrence(change_name(change.kind, change.before, change.after), at)
        return None

    # --- starts -----------------------------------------------------------------------------------------------------

    def _come(self, at: int) -> None:
        _, number = self._next_moment()
        del self._moments[number]
        self._earliest = None
        plan, _ = self.compiled.triggers[number]
        self._start_if_allowed(plan, Subject("customer", 1), instant(at), None)

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
            if each.plan is not plan or each.subject.key != subject.key:
                continue
            if once is not None and each.started_at > at - timedelta(seconds=once):
                return False
            if event is not None and each.started_by is event:
                return False
        only_if = plan.start.only_if
        if only_if is not None:
            kind = "" if event is None else event.kind
            if not self.history.holds(only_if, at, subject, partial(told_by, event), kind=kind):
                return False
        journey = Journey(self, len(self.journeys) + 1, plan, self._named(subject), at.astimezone(UTC), event)
        self.journeys.append(journey)
        self._open.append(journey)
        self._outbox.append(journey.begin)
        return True

    def _named(self, subject: Subject) -> Subject:
        """With the name that the shop knows it by."""
        order = subject.key if subject.kind == "order" else subject.order
        row = None if order is None else self.history.row(Subject("order", order))
        name = "" if row is None else str(column("orders", "number", row) or "")
        return Subject(subject.kind, subject.key, subject.order, name)


def _any(triggers: Sequence[Trigger | CalendarTrigger], changes: Sequence[Change]) -> bool:
    return any(means(tuple(triggers), change) for change in changes)
