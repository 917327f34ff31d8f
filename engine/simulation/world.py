"""A world of customers on a virtual clock.

At one instant facts come first, then flips of standing, moments of the calendar, and waits that are over; of several
waits the earlier journey's. Each is followed by all that comes of it before the next is looked at, so a decision is
made as of the instant that it is due, and by nothing that comes later.
"""

import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial

from engine.conditions.ast import Condition
from engine.conditions.operands import instant, microseconds
from engine.facts.matching import means
from engine.facts.since import ONCE, Occurrence, change_name
from engine.journeys.commands import Command, Finish, Hold
from engine.journeys.due import date_of
from engine.journeys.inputs import Began, Due, Input, Told
from engine.journeys.interpreter import advance, begin, waits_for
from engine.journeys.moments import next_moment
from engine.journeys.plan import CalendarTrigger, ChangeTrigger, DateTrigger, Plan, Trigger
from engine.language.words import triggers
from engine.simulation.asking import Asked, holds, value_of
from engine.simulation.bench import Bench, Dated
from engine.simulation.customer import Customer, Noted
from engine.simulation.doing import Doing
from engine.simulation.effects import POINTS_EXPIRE, take_effect
from engine.simulation.following import followed, stopped_by
from engine.simulation.history import Event
from engine.simulation.journey import Journey
from engine.simulation.log import Entry, What
from engine.simulation.sending import Shared, write_fact
from engine.simulation.ways import Way
from engine.standing.decide import Change

_FACT, _FLIP, _MOMENT, _WAIT = range(4)
_TICK = timedelta(microseconds=1)


class World:
    """Customers, their journeys and what these do, from `start` on.

    Args:
        bench: the compiled rules.
        customers: who lives in it; what lies before the start is known and starts nothing.
        start: the instant at which its clock begins.
        numbers: what a database would add to our numbers of subjects, by which experiments divide.
    """

    def __init__(self, bench: Bench, customers: Iterable[Customer], start: datetime, *, numbers: int = 0) -> None:
        self.bench, self.begins, self.now = bench, start, start
        self.shared, self._numbers = Shared(), numbers
        self.customers = {each.number: each for each in customers}
        self.journeys: list[Journey] = []
        self._of_customer: dict[int, list[Journey]] = {number: [] for number in self.customers}
        self.entries: list[Entry] = []
        self.ways: set[tuple[str, Way]] = set()
        self._queue: list[tuple[datetime, int, int, int, object]] = []
        self._moments: dict[tuple[int, int], datetime | None] = {}
        self._count = 0
        self._open_facts = 0
        for customer in self.customers.values():
            self._settle(customer)

    # --- the clock --------------------------------------------------------------------------------------------------

    def run(self, until: datetime, *, settled: timedelta | None = None) -> None:
        """Goes on to an instant, which is left out.

        Args:
            until: where it ends.
            settled: ends earlier, once every journey is over and no fact lies ahead; while there has been no journey,
                so long after the latest fact. Default: it never does.
        """
        quiet = None if settled is None else max([self.begins, *self._facts_ahead()]) + settled
        while self._queue and self._queue[0][0] < until:
            if quiet is not None and self._is_settled(quiet):
                return
            at, turn, number, _, what = heapq.heappop(self._queue)
            self.now = max(self.now, at)
            self._take(at, turn, number, what)

    def end(self, reason: str, at: datetime) -> None:
        """Ends what is open at an instant, as a replay does at the end of its window."""
        for journey in self.journeys:
            if journey.running:
                journey.stop(Occurrence(reason, at))
                self._skip_waiting(journey, reason, at)
                journey.finished = True

    def _facts_ahead(self) -> list[datetime]:
        return [at for at, turn, _, _, what in self._queue if turn == _FACT and _lies_ahead(what)]

    def _is_settled(self, quiet: datetime) -> bool:
        if any(not journey.finished for journey in self.journeys) or self._open_facts:
            return False
        return bool(self.journeys) or self._queue[0][0] >= quiet

    def _take(self, at: datetime, turn: int, number: int, what: object) -> None:
        if turn == _FACT and isinstance(what, Event):
            self._open_facts -= _lies_ahead(what)
            self._enter(self.customers[number], what)
        elif turn == _FLIP:
            customer = self.customers[number]
            if customer.next_flip == microseconds(at):
                self.judge(customer, at)
        elif turn == _MOMENT and isinstance(what, int):
            self._come(self.customers[number], what, at)
        elif turn == _WAIT and isinstance(what, str):
            self._wake(self.journeys[number - 1], what, at)

    def _plan(self, at: datetime, turn: int, number: int, what: object = None) -> None:
        self._count += 1
        self._open_facts += turn == _FACT and _lies_ahead(what)
        heapq.heappush(self._queue, (at, turn, number, self._count, what))

    # --- customers --------------------------------------------------------------------------------------------------

    def _settle(self, customer: Customer) -> None:
        """Judges who was known before as of the instant before the start: a baseline, which starts nothing."""
        before = self.begins - _TICK
        customer.known = customer.known or any(each.at < self.begins for each in customer.history.events)
        if customer.known and self.bench.decides:
            self._judge(customer, before)
        for event in customer.history.events:
            if event.at >= self.begins:
                self._plan(event.at, _FACT, customer.number, event)
        for entry in customer.entries:
            if entry.expires_at is not None and entry.expires_at >= self.begins:
                self.bring(customer, customer.history.happens(POINTS_EXPIRE, entry.expires_at, {}))
        if customer.known:
            self._look_up(customer, before, before)

    def _enter(self, customer: Customer, event: Event) -> None:
        """Lets an event in: what it changes, the standing that follows, and the journeys that follow from both."""
        take_effect(customer, event)
        known, customer.known = customer.known, True
        changes = self._judge(customer, event.at) if self.bench.decides else ()
        self._happened(customer, event)
        self._changed(customer, changes, event.at, event)
        self._look_up(customer, event.at, event.at - _TICK if known else event.at)

    def _happened(self, customer: Customer, event: Event) -> None:
        if event.kind in self.bench.kinds:
            self._tell_event(customer, event)
            for plan in self.bench.starting:
                if self._triggered(plan.start.any, customer, event):
                    self._begin(
                        plan, customer, event.subject(plan.subject, customer.number), event.order, event.at, event
                    )

    def _changed(self, customer: Customer, changes: tuple[Change, ...], at: datetime, event: Event | None) -> None:
        if not changes:
            return
        self._tell_changes(customer, changes, at, event)
        for plan in self.bench.starting:
            if plan.subject == "customer" and any(means(plan.start.any, each) for each in changes):
                self._begin(plan, customer, customer.number, None, at, event)

    def judge(self, customer: Customer, at: datetime, event: Event | None = None) -> None:
        """Judges a customer anew, who has flipped or to whom something was done; tells and starts journeys."""
        changes = self._judge(customer, at) if self.bench.decides else ()
        if event is not None:
            self._happened(customer, event)
        self._changed(customer, changes, at, event)

    def _judge(self, customer: Customer, at: datetime) -> tuple[Change, ...]:
        """The changes that may start journeys; the first judgement of who was known before is a baseline."""
        history, previous = customer.history, customer.standing
        now = max(microseconds(at), previous.at if previous else 0)
        found = self.bench.judge(
            history.facts,
            now,
            cut_offs=customer.cut_offs,
            previous=previous or customer.previous,
            hand_tags=customer.hand_tags,
            events={kind: history.happened(kind) for kind in self.bench.judge.events},
        )
        baseline = previous is None and at < self.begins
        customer.standing, customer.next_flip = found.standing, found.next_flip
        customer.noted += [Noted(change, instant(now)) for change in found.changes]
        if found.next_flip is not None:
            customer.next_flip = max(found.next_flip, now + 1)
            self._plan(instant(customer.next_flip), _FLIP, customer.number)
        return () if baseline else found.changes

    # --- the calendar -----------------------------------------------------------------------------------------------

    def _look_up(self, customer: Customer, at: datetime, after: datetime) -> None:
        for place, dated in enumerate(self.bench.dated):
            moment = self._moment(customer, dated, at, after)
            if moment is not None and moment != self._moments.get((customer.number, place)):
                self._plan(moment, _MOMENT, customer.number, place)
            self._moments[customer.number, place] = moment

    def _moment(self, customer: Customer, dated: Dated, at: datetime, after: datetime) -> datetime | None:
        trigger, base = dated.trigger, None
        if isinstance(trigger, DateTrigger):
            base = date_of(value_of(self.bench, trigger.date, self._of(customer), at))
            if base is None:
                return None
        return next_moment(trigger, base, customer.history.facts.zone, after)

    def _come(self, customer: Customer, place: int, at: datetime) -> None:
        """Starts the journey of a moment, if it still is one and the playbook's terms allow it."""
        if self._moments.get((customer.number, place)) != at:
            return
        dated = self.bench.dated[place]
        if self._moment(customer, dated, at, at - _TICK) == at:
            self._begin(dated.plan, customer, customer.number, None, at, None)
        following = self._moments[customer.number, place] = self._moment(customer, dated, at, at)
        if following is not None:
            self._plan(following, _MOMENT, customer.number, place)

    # --- starting and telling ---------------------------------------------------------------------------------------

    def _of(self, customer: Customer) -> Asked:
        return Asked(customer, "customer", customer.number)

    def _triggered(self, triggers: tuple[Trigger | CalendarTrigger, ...], customer: Customer, event: Event) -> bool:
        return self.bench.matcher.triggered(triggers, event.kind, partial(customer.history.fields, event))

    def _begin(
        self, plan: Plan, customer: Customer, subject: int | None, order: int | None, at: datetime, event: Event | None
    ) -> bool:
        """Starts a journey, if the playbook's terms allow it."""
        if subject is None or self._started_lately(plan, customer, subject, at, event):
            return False
        if plan.start.only_if is not None and not self._allows(plan.start.only_if, plan, customer, subject, at):
            return False
        number = len(self.journeys) + 1
        occasion = 1 + sum(1 for _ in self._before(plan, customer, subject))
        state, commands = begin(plan, Began(at, f"{plan.subject}-{subject + self._numbers}"))
        journey = Journey(number, plan, customer, subject, order, event, at, occasion, state)
        self.journeys.append(journey)
        self._of_customer[customer.number].append(journey)
        self.log(journey, at, "begins", plan.playbook)
        self._follow(journey, None, None, state)
        self._go_on(journey, commands)
        return True

    def _allows(self, condition: Condition, plan: Plan, customer: Customer, subject: int, at: datetime) -> bool:
        return holds(self.bench, condition, Asked(customer, plan.subject, subject), at)

    def _before(self, plan: Plan, customer: Customer, subject: int) -> Iterator[Journey]:
        """The journeys of a playbook that a subject has had."""
        for journey in self._of_customer[customer.number]:
            if journey.plan.playbook == plan.playbook and journey.subject_id == subject:
                yield journey

    def _started_lately(self, plan: Plan, customer: Customer, subject: int, at: datetime, event: Event | None) -> bool:
        since = plan.start.once_since(at)
        return any(
            (event is not None and journey.event is event) or (since is not None and journey.started_at > since)
            for journey in self._before(plan, customer, subject)
        )

    def start(self, playbook: str, journey: Journey, at: datetime) -> str | None:
        """Starts another playbook for a journey's subject, or for its customer; or why it is not started."""
        plan = self.bench.rules.plans.get(playbook)
        if plan is None or not plan.starts:
            return "not_live"
        same = plan.subject == journey.plan.subject
        subject = journey.subject_id if same else journey.customer.number if plan.subject == "customer" else None
        if not same and plan.subject == "order":
            subject = journey.order
        return None if self._begin(plan, journey.customer, subject, journey.order, at, None) else "not_allowed"

    def _tell_event(self, customer: Customer, event: Event) -> None:
        for journey in self._running(customer):
            plan = journey.plan
            about = event.kind.partition(".")[0] == plan.subject and event.kind in ONCE
            if event.subject(plan.subject, customer.number) != journey.subject_id or journey.event is event:
                continue
            if event.kind in plan.listens_to() and (journey.started_at <= event.at or about):
                stop = self._triggered(plan.stop, customer, event)
                heard = (step for step, triggers in plan.heard() if self._triggered(triggers, customer, event))
                self._tell(journey, Told(event.at, event.kind, stop, tuple(heard)))

    def _tell_changes(self, customer: Customer, changes: tuple[Change, ...], at: datetime, event: Event | None) -> None:
        for journey in self._running(customer):
            if journey.started_at > at or (event is not None and journey.event is event):
                continue
            plan = journey.plan
            stop = any(means(plan.stop, change) for change in changes)
            waited = [(step, trigger) for step, trigger in plan.heard() if any(means(trigger, one) for one in changes)]
            meant = plan.stop if stop else tuple(each for _, triggers in waited for each in triggers)
            change = next((each for each in changes if means(meant, each)), changes[0])
            name = change_name(change.kind, change.before, change.after)
            self._tell(journey, Told(at, name, stop, tuple(step for step, _ in waited)))

    def _running(self, customer: Customer) -> list[Journey]:
        return [each for each in self._of_customer[customer.number] if each.running and not each.finished]

    def _tell(self, journey: Journey, told: Told) -> None:
        if not told.stop and not told.steps:
            return
        if told.stop:
            self.stopped(journey, Occurrence(told.event, told.at))
            journey.stop(Occurrence(told.event, told.at))
            self._skip_waiting(journey, "stopped", told.at)
        if journey.busy:
            journey.inbox.append(told)
        else:
            self._give(journey, told)

    def stopped(self, journey: Journey, stop: Occurrence) -> None:
        """Notes by which of its stops a journey has been stopped."""
        changes = [each.change for each in journey.customer.noted if each.at == stop.at]
        self.ways.update((journey.plan.playbook, way) for way in stopped_by(journey.plan, stop.event, changes))

    def bring(self, customer: Customer, event: Event) -> None:
        """Lets an event come that something done here brings about, at its instant."""
        self._plan(event.at, _FACT, customer.number, event)

    # --- journeys ---------------------------------------------------------------------------------------------------

    def _wake(self, journey: Journey, wait: str, due: datetime) -> None:
        hold = None if journey.finished else waits_for(journey.plan, journey.state)
        if hold is not None and hold.wait == wait:
            self._give(journey, Due(due, wait))

    def _give(self, journey: Journey, happened: Input) -> None:
        """Gives a journey an input, and carries out what follows."""
        self._go_on(journey, self._advance(journey, happened))

    def _advance(self, journey: Journey, happened: Input) -> tuple[Command, ...]:
        before = journey.state
        journey.state, commands = advance(journey.plan, before, happened)
        self._follow(journey, before, happened, journey.state)
        return commands

    def _follow(self, journey: Journey, before: object, happened: Input | None, after: object) -> None:
        plan = journey.plan
        taken = followed(plan, before, happened, after)  # type: ignore[arg-type]  # states of the interpreter
        self.ways.update((plan.playbook, way) for way in taken)

    def _go_on(self, journey: Journey, commands: tuple[Command, ...]) -> None:
        """Carries out commands and what follows from their answers, until the journey waits or is over."""
        doing, out = Doing(self, journey), list(commands)
        journey.busy = True
        while out and not journey.finished:
            command = out.pop(0)
            if isinstance(command, Finish):
                self._finish(journey, command)
            elif isinstance(command, Hold):
                self._hold(journey, command)
            else:
                more = self._advance(journey, doing.do(command))
                out = [*out, *more] if journey.state.branches else [*more]
        journey.busy = False
        while journey.inbox and not journey.finished and not journey.busy:
            self._give(journey, journey.inbox.pop(0))
        self._wait(journey)

    def _hold(self, journey: Journey, hold: Hold) -> None:
        step = hold.wait.rpartition("@")[0]
        held = [row for row in journey.messages if row["step"] == step and row["state"] == "deferred"]
        if held and held[-1]["until"] == hold.due:
            self.log(journey, held[-1]["at"], "held", step, until=hold.due, reason=held[-1]["reason"])
        else:
            self.log(journey, journey.state.now, "waits", step, until=hold.due)

    def _wait(self, journey: Journey) -> None:
        hold = None if journey.finished else waits_for(journey.plan, journey.state)
        if hold is not None:
            self._plan(hold.due, _WAIT, journey.number, hold.wait)

    def _finish(self, journey: Journey, finish: Finish) -> None:
        """The end; what the journey still held back will not be sent any more."""
        journey.finished = True
        journey.end(finish.state, finish.outcome)
        if not finish.recorded:
            self._skip_waiting(journey, finish.state, finish.at)
        what: What = "stopped" if finish.state == "stopped" else "fails" if finish.state == "failed" else "ends"
        self.log(journey, finish.at, what, _named(journey.plan, finish))

    def _skip_waiting(self, journey: Journey, reason: str, at: datetime) -> None:
        for row in journey.messages:
            if row["state"] == "deferred":
                self.shared.count(row["places"], (), were=True, are=False)
                row |= {"state": "skipped", "reason": reason, "at": at, "until": None, "places": []}
                write_fact(journey.customer, row)
                self.log(journey, at, "skipped", row["step"], reason=reason)

    def log(self, journey: Journey, at: datetime, what: What, name: str, **told: object) -> None:
        """Notes what a journey does or meets."""
        self.entries.append(Entry(journey.number, at, what, name, told))


def _lies_ahead(what: object) -> bool:
    """Whether a happening is one that a settled world has still to see; that points expire is none."""
    return isinstance(what, Event) and what.kind != POINTS_EXPIRE


def _named(plan: Plan, finish: Finish) -> str:
    """The outcome; of a condition that stopped the journey its words, for its name is made from a hash."""
    for trigger in plan.stop if finish.state == "stopped" else ():
        if isinstance(trigger, ChangeTrigger) and trigger.when is not None and trigger.names[0] in finish.outcome:
            return triggers((trigger,))
    return finish.outcome
