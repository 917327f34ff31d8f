"""One journey in a simulation: the interpreter's commands, carried out at their own instants."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from engine.attributes.facts import Row
from engine.calendar.business import working_time
from engine.conditions.operands import instant, microseconds
from engine.conditions.types import Value
from engine.facts.occurrence import Occurrence, counts
from engine.journeys.commands import (
    Ask,
    CallOut,
    ChangeTags,
    Choose,
    Command,
    Deliver,
    Finish,
    Hold,
    LookUp,
    OpenTask,
)
from engine.journeys.due import looked_up
from engine.journeys.inputs import Answered, Began, Due, Input
from engine.journeys.interpreter import advance, begin, waits_for
from engine.journeys.plan import Call, Coupon, Jump, Plan, Points, TemplateBy, Webhook, case_of
from engine.journeys.state import State
from engine.journeys.wire import DeliverRequest
from engine.language.rules import Rules
from engine.messages.decision import Wanted
from engine.messages.holdout import kept_out
from engine.messages.reasons import SkipReason
from engine.messages.reserve import NotBefore, Proceed
from engine.simulation.giving import give
from engine.simulation.history import Happened, History, Subject
from engine.simulation.log import Became, Entry, What
from engine.simulation.responses import Drawn
from engine.simulation.room import Room
from engine.simulation.send import Asking, Message, Sending, states
from engine.standing.decide import HandTag


@dataclass(frozen=True)
class Assumed:
    """What the world outside answers, which no fact tells.

    Attributes:
        failing: steps that fail for good, with the reason.
        answers: what a step that calls something is answered, by field.
        responses: of a message, coupon or task by its step: after how many seconds it was opened, redeemed or closed.
        holdout: whether the customer is kept out of playbooks that keep somebody out; None: as the hash has it.
        drawn: what a response model draws, in place of `responses` to messages.
    """

    failing: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    responses: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    holdout: bool | None = False
    drawn: Drawn | None = None


class Around(Protocol):
    """The world that journeys live in."""

    rules: Rules
    history: History
    messages: list[Message]
    log: list[Entry]
    assumed: Assumed
    room: Room | None

    def judge(self, at: datetime, touched: str) -> None:
        """The customer is judged anew, and journeys hear of what changed; `touched` is what may change it."""

    def update(self, values: Mapping[str, object], at: datetime) -> None:
        """A step tells that fields of the customer's record are others now."""

    def start_by_step(self, playbook: str, journey: "Journey", at: datetime) -> str | None:
        """Starts another playbook for the journey's subject; or why it was not started."""

    def changed(self, triggers: Any, since: datetime, until: datetime) -> Occurrence | None:  # noqa: ANN401 - triggers
        """The first change of standing after one instant, up to another, that a trigger means."""

    def means(self, triggers: Any, happened: Happened) -> bool:  # noqa: ANN401 - triggers
        """Whether one of the triggers means this event."""


@dataclass
class Journey:
    """One run of a plan. `started_by`: the event, None where a change or the calendar has."""

    around: Around
    number: int
    plan: Plan
    subject: Subject
    started_at: datetime
    started_by: Happened | None
    state: State = field(init=False)
    ended: Finish | None = None
    ways: set[tuple[int, int]] = field(default_factory=set)
    done: dict[str, str] = field(default_factory=dict)
    """What became of steps that call something."""
    later: dict[str, dict[str, datetime]] = field(default_factory=dict)
    """What becomes of coupons and tasks, by step: redeemed, closed."""
    asked: tuple[Wanted, ...] = ()
    """What each of its messages asks of the customer besides, as a campaign's wave does."""

    def __post_init__(self) -> None:
        self._stopped_at: datetime | None = None
        self._hold: Hold | None = None
        self._read: tuple[Row, dict[str, Any]] | None = None
        """The customer's row as it was, and the journey's row with it."""
        room = self.around.room
        self.order = self.number if room is None else next(room.numbers)
        """Its place among all that wait for the same instant."""
        self.due: int | None = None
        """When its wait comes due, in microseconds since the epoch; none where it does not wait."""

    def begin(self) -> None:
        """Runs it up to its first wait."""
        self.state, commands = begin(self.plan, Began(self.started_at, f"{self.plan.subject}-{self.subject.key}"))
        self._follow(list(commands))

    def give(self, happened: Input) -> None:
        """Gives it an input and runs it up to its next wait."""
        self.state, commands = advance(self.plan, self.state, happened)
        self._follow(list(commands))

    def hear(self, told: Input) -> None:
        """Is given what it has been told of, unless it has ended meanwhile."""
        if self.ended is None:
            self.give(told)

    def stop(self, at: datetime) -> None:
        """It is stopped from now on, before it hears of it: what it holds back is not sent any more."""
        self._stopped_at = at
        for message in self.around.messages:
            if message.journey == self.number and message.state == "deferred":
                message.skip("stopped", at)

    @property
    def over(self) -> bool:
        """Whether it has ended or been stopped."""
        return self.ended is not None or self._stopped_at is not None

    @property
    def hold(self) -> Hold | None:
        """What it waits for."""
        return self._hold

    def wake(self, _at: int = 0) -> None:
        """Its wait has come due."""
        hold = self._hold
        assert hold is not None  # it is woken because of it
        self.give(Due(hold.due, hold.wait))

    def _follow(self, commands: list[Command]) -> None:
        self._watch()
        held: Hold | None = None
        while commands and self.ended is None:
            command = commands.pop(0)
            if isinstance(command, Finish):
                self._finish(command)
            elif isinstance(command, Hold):
                held = command
            else:
                answer = self._carry_out(command)
                self.state, more = advance(self.plan, self.state, answer)
                self._watch()
                for each in more:
                    if isinstance(each, Finish) and each.recorded and each.state == "ended":
                        self.ways.update(self._to_the_end(command.step))
                commands += more
        if self.ended is not None:
            self._hold = None
        else:  # what it waits for was told last, but of branches the first counts, and who was told nothing still waits
            self._hold = waits_for(self.plan, self.state) if held is None or self.state.branches else held
        self.due = None if self._hold is None else microseconds(self._hold.due)

    def _watch(self) -> None:
        """Which ways it took, for coverage."""
        self.ways.update(self.state.path)
        for branch in self.state.branches:
            self.ways.update(branch.path)

    def _to_the_end(self, step: str) -> Iterator[tuple[int, int]]:
        """The way from a last step to the end, which the transaction that did the step has written."""
        index = next(number for number, each in enumerate(self.plan.code) if each.id == step)
        following = index + 1
        while True:
            yield index, following
            passed = self.plan.code[following]
            if not isinstance(passed, Jump):
                return
            index, following = following, passed.to

    def _finish(self, finish: Finish) -> None:
        if finish.state == "stopped" and self._stopped_at is not None:
            finish = finish._replace(at=self._stopped_at)
        self.ended = finish
        what: dict[str, What] = {"ended": "end", "stopped": "stop", "failed": "fail", "cancelled": "end"}
        self.note(finish.at, what[finish.state], finish.outcome)
        for message in self.around.messages:
            if message.journey == self.number and message.state == "deferred":
                message.skip(finish.state, finish.at)

    def note(
        self, at: datetime, what: What, name: str, state: Became = "done", reason: str | None = None, **more: object
    ) -> None:
        """Writes down what was done."""
        self.around.log.append(Entry(at, self.plan.playbook, self.number, what, name, state, reason, more))

    # --- what has happened ------------------------------------------------------------------------------------------

    def occurred(
        self,
        triggers: Any,  # noqa: ANN401 - triggers
        moment: datetime,
        without: Collection[Happened] = (),
    ) -> Occurrence | None:
        """The first event, besides some, or change up to the moment that one of the triggers means."""
        event = self._first_event(triggers, moment, without)
        change = self.around.changed(triggers, self.started_at, moment)
        if event is None:
            return change
        happened = Occurrence(event.kind, instant(event.at))
        return happened if change is None or happened.at <= change.at else change

    def _first_event(
        self,
        triggers: Any,  # noqa: ANN401 - triggers
        moment: datetime,
        without: Collection[Happened],
    ) -> Happened | None:
        history = self.around.history
        kinds = history.questions.kinds(triggers)
        if not kinds:
            return None
        until, since = microseconds(moment), microseconds(self.started_at)
        started_by = None if self.started_by is None else self.started_by.kind
        for each in history.events:
            if each.at > until:
                return None
            if (
                each.kind in kinds
                and each not in without
                and each.is_of(self.subject)
                and counts(each.kind, each.at, since, subject=self.subject.kind, started_by=started_by)
                and self.around.means(triggers, each)
            ):
                return each
        return None

    def steps(self, at: datetime) -> Mapping[str, set[str]]:
        """What has become of its steps, as conditions ask."""
        found = {step: set(each) for step, each in states(self.around.messages, self.number, microseconds(at)).items()}
        for step, state in self.done.items():
            found.setdefault(step, set()).add(state)
        for step, becomes in self.later.items():
            found.setdefault(step, set()).update(state for state, when in becomes.items() if when <= at)
        return found

    def _more(self) -> dict[str, Value]:
        """Fields of the event that started it, and of what its steps were answered."""
        answers = self.around.assumed.answers
        return told_by(self.started_by) | {
            f"step.{step}.{name}": value
            for step, given in answers.items()
            if self.done.get(step) == "done"
            for name, value in given.items()
        }

    def becomes(self, step: str, at: datetime, state: str) -> datetime | None:
        """When a coupon or task of a step is redeemed or closed, if it is; remembered from then on."""
        seconds = self.around.assumed.responses.get(step, {}).get(state)
        if seconds is None:
            return None
        when = at + timedelta(seconds=seconds)
        self.later.setdefault(step, {})[state] = when
        return when

    def value(self, name: str, at: datetime) -> Value:
        """The value of an attribute, of a part of standing, or of a field of the subject's."""
        return self.around.history.value(name, at, self.subject, self._more)

    # --- commands ---------------------------------------------------------------------------------------------------

    def _carry_out(self, command: Command) -> Answered:
        match command:
            case Ask(step=step, at=at, condition=condition):
                kind = "" if self.started_by is None else self.started_by.kind
                history = self.around.history
                holds = history.holds(condition, at, self.subject, self._more, partial(self.steps, at), kind)
                return Answered(at, step, "true" if holds else "false")
            case Choose(step=step, at=at, on=on, cases=cases):
                value = self.value(on, at)
                return Answered(at, step, "chosen", case_of(value) if case_of(value) in cases else None)
            case LookUp():
                found = self._look_up(command)
                return Answered(command.at, command.step, "unknown" if found is None else "due", until=found)
            case Deliver():
                return self._deliver(command)
            case OpenTask() | ChangeTags() | CallOut():
                return self._stopped(command) or self._barred(command) or self._failing(command) or self._do(command)
            case _:
                raise AssertionError(f"{command} is not carried out")

    def _stopped(self, command: OpenTask | ChangeTags | CallOut) -> Answered | None:
        stop = self._found_stopped(command.at)
        return None if stop is None else Answered(command.at, command.step, "skipped", "stopped", stopped=stop.event)

    def _found_stopped(self, at: datetime) -> Occurrence | None:
        """What has stopped it, as of an instant at which it finds out."""
        stop = self.occurred(self.plan.stop, at)
        self._stopped_at = self._stopped_at if stop is None else stop.at
        return stop

    def _barred(self, command: OpenTask | ChangeTags | CallOut) -> Answered | None:
        """Who gets no messages, to compare with, is given nothing either, and nobody outside is told of her."""
        if not isinstance(command, CallOut) or not isinstance(command.calling, Coupon | Points | Call | Webhook):
            return None
        reason = self._kept_out()
        if reason is None:
            return None
        self.done[command.step] = "skipped"
        self.note(command.at, _what(command), command.step, "skipped", reason)
        return Answered(command.at, command.step, "skipped", reason)

    def _kept_out(self) -> SkipReason | None:
        policy, plan, assumed = self.around.rules.policy, self.plan, self.around.assumed.holdout
        if assumed is None:
            return kept_out(policy, plan.controls, str(self.around.history.person("key")), plan.playbook)
        return (
            "holdout" if assumed and plan.controls.holdout and not policy.transactional(plan.controls.purpose) else None
        )

    def _failing(self, command: OpenTask | ChangeTags | CallOut) -> Answered | None:
        reason = self.around.assumed.failing.get(command.step)
        if reason is None:
            return None
        self.done[command.step] = "failed"
        self.note(command.at, _what(command), command.step, "failed", reason)
        return Answered(command.at, command.step, "failed", reason)

    def _do(self, command: OpenTask | ChangeTags | CallOut) -> Answered:
        match command:
            case OpenTask(step=step, at=at, team=team, title=title):
                self.becomes(step, at, "closed")
                self.note(at, "task", step, team=team, title=title)
                return Answered(at, step, "done")
            case ChangeTags():
                return self._change_tags(command)
            case CallOut(step=step, at=at):
                state, reason = give(self, command)
                self.done[step] = state
                return Answered(at, step, state, reason)

    def _change_tags(self, command: ChangeTags) -> Answered:
        history, at = self.around.history, microseconds(command.at)
        ends = None if command.expires is None else at + command.expires * 1_000_000
        tags = [
            replace(each, removed_at=at) if each.tag in command.remove and each.holds(at) else each
            for each in history.hand_tags
        ]
        history.hand_tags = [*tags, *(HandTag(name, at, ends) for name in command.add)]
        for name in command.add:
            self.note(command.at, "tag", name)
        for name in command.remove:
            self.note(command.at, "untag", name)
        self.done[command.step] = "done"
        self.around.judge(command.at, "tags")
        return Answered(command.at, command.step, "done")

    def _look_up(self, command: LookUp) -> datetime | None:
        history, order = self.around.history, self.subject.key if self.subject.kind == "order" else self.subject.order
        return looked_up(
            command.when,
            command.since,
            lambda name: self.value(name, command.at),
            lambda length: None if order is None else history.longest_days(order, length),
            history.facts.zone,
            working_time(self.around.rules.policy),
        )

    # --- messages ---------------------------------------------------------------------------------------------------

    def _deliver(self, command: Deliver) -> Answered:
        template = command.template
        request = DeliverRequest(
            journey=self.number,
            step=command.step,
            iteration=command.iteration,
            at=command.at,
            due=command.due,
            channels=list(command.channels),
            template="",  # what it says is not asked before it is sent
            clock="held",
        )
        answer = None
        while answer is None:
            answer = self._through_a_channel(request, template)
        return answer

    def _through_a_channel(self, request: DeliverRequest, template: str | TemplateBy) -> Answered | None:
        """What has become of the message; None if this channel gave way and the next is to be tried."""
        around, at = self.around, request.at
        asking = Asking(self._row(), self.plan, self.occurred, self._kept_out(), self.asked)
        sending = Sending(request, around.rules, asking, around.history, around.messages, around.room)
        reservation = sending.decide()
        if isinstance(reservation, NotBefore):
            return Answered(at, request.step, "deferred", reservation.reason, reservation.until)
        if not isinstance(reservation, Proceed):
            if reservation.stopped is not None:
                self._found_stopped(at)
            self.note(
                at, "send", request.step, "failed" if reservation.state == "failed" else "skipped", reservation.reason
            )
            return Answered(at, request.step, reservation.state, reservation.reason, stopped=reservation.stopped)  # type: ignore[arg-type]  # a state of messages
        own = sending.message(reservation.channel)
        failing = around.assumed.failing.get(request.step)
        if failing is not None:
            own.fail(failing)
            return None if len(request.channels) > 1 else self._failed(request, failing)
        own.state, own.reason = "sent", None
        self._left(own, template, at)
        return Answered(at, request.step, "sent")

    def _failed(self, request: DeliverRequest, reason: str) -> Answered:
        self.note(request.at, "send", request.step, "failed", reason)
        return Answered(request.at, request.step, "failed", reason)

    def _left(self, message: Message, template: str | TemplateBy, at: datetime) -> None:
        """The message is a fact from now on, and so is what the customer makes of it."""
        name = template if isinstance(template, str) else template.chosen(self.value(template.by, at))
        self.note(at, "send", message.step, channel=message.channel, template=name)
        history, now = self.around.history, microseconds(at)
        assumed = self.around.assumed
        responses = assumed.drawn.of(self, message, at) if assumed.drawn else assumed.responses.get(message.step, {})
        message.responses = {kind: now + seconds * 1_000_000 for kind, seconds in responses.items()}
        values = {
            "state": "sent",
            "channel": message.channel,
            "purpose": message.purpose,
            "playbook": message.playbook,
            "step": message.step,
            "template": name,
        }
        known = {f"{kind}_at": when for kind, when in message.responses.items() if f"{kind}_at" in _RESPONSES}
        history.add("messages", now, **values, **known)
        values.pop("state")
        for kind, when in message.responses.items():
            history.add("message_events", when, kind=kind, **values)
            history.tell(f"message.{kind}", when, dict(values))

    def _row(self) -> dict[str, Any]:
        """The journey's row, with its customer's, as a reservation reads it; hers may become another one meanwhile."""
        history = self.around.history
        person = history.facts.rows["customer"][0]
        if self._read is None or self._read[0] is not person:
            self._read = (person, self._with_customer(history))
        return self._read[1]

    def _with_customer(self, history: History) -> dict[str, Any]:
        reachable: Callable[[str], str | None] = lambda name: "known" if history.person(name) else None  # noqa: E731
        return {
            "workflow_id": f"{self.plan.playbook}/{self.subject.kind}-{self.subject.key}/{self.number}",
            "playbook": self.plan.playbook,
            "subject": self.subject.kind,
            "subject_id": self.subject.key,
            "customer_id": 1,
            "order_id": self.subject.order,
            "state": "running",
            "outcome": None,
            "stopped_at": None,
            "started_at": self.started_at,
            "paused_at": None,
            "started_by": None if self.started_by is None else self.started_by.kind,
            "customer_key": str(history.person("key")),
            "email": reachable("has_email"),
            "phone": reachable("has_phone"),
            "zone": history.facts.zone,
            "country": history.person("country") or history.person("shop_country"),
            "subject_key": self.subject.name or str(history.person("key")),
        }


def told_by(event: Happened | None) -> dict[str, Value]:
    """Fields of the event that starts a journey, as conditions ask for them."""
    return {} if event is None else {f"trigger.{name}": value for name, value in event.fields.items()}


_RESPONSES = frozenset({"delivered_at", "opened_at", "clicked_at", "replied_at", "bounced_at"})
_KINDS: dict[type, What] = {OpenTask: "task", ChangeTags: "tag"}


def _what(command: OpenTask | ChangeTags | CallOut) -> What:
    return command.calling.op if isinstance(command, CallOut) else _KINDS[type(command)]  # type: ignore[return-value]  # kinds of steps
