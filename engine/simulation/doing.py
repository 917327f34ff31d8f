"""What a journey asks for, done in a world: each command answered as its activity would answer it.

The order in which stops, holdouts and pauses are asked is that of `activities/`; everything is done as of the
command's own instant.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from engine.attributes.relations import PRODUCT_LENGTHS
from engine.calendar.business import working_time
from engine.conditions.as_json import as_json
from engine.conditions.operands import instant, microseconds
from engine.conditions.types import Value
from engine.facts.since import Occurrence
from engine.journeys.choosing import template_of, value_text
from engine.journeys.commands import Ask, CallOut, ChangeTags, Choose, Command, Deliver, LookUp, OpenTask
from engine.journeys.due import date_of, due
from engine.journeys.inputs import Answered
from engine.journeys.plan import StartPlaybook, TemplateBy
from engine.journeys.wire import DeliverRequest
from engine.messages.barred import barred
from engine.messages.decision import NotBefore, Proceed, Settled
from engine.messages.fallback import gives_way
from engine.simulation.answers import NOTHING, Answer
from engine.simulation.asking import Asked, holds, value_of
from engine.simulation.bench import Bench
from engine.simulation.customer import Customer
from engine.simulation.giving import Given, give
from engine.simulation.history import Event
from engine.simulation.journey import Call, Journey, Task
from engine.simulation.log import What
from engine.simulation.occurred import find_stop
from engine.simulation.sending import Shared, decide, write_fact
from engine.standing.decide import HandTag

_INSIDE = frozenset({"update", "start", "move"})


class Around(Protocol):
    """The world as far as a journey's doing reaches."""

    bench: Bench
    shared: Shared

    def log(self, journey: Journey, at: datetime, what: What, name: str, **told: object) -> None:
        """Notes what was done."""

    def judge(self, customer: Customer, at: datetime, event: Event | None = None) -> None:
        """Judges a customer anew; journeys start and are told."""

    def bring(self, customer: Customer, event: Event) -> None:
        """Lets an event come that something done here brings about, at its instant."""

    def start(self, playbook: str, journey: Journey, at: datetime) -> str | None:
        """Starts another playbook for a journey's subject; or why it is not started."""

    def stopped(self, journey: Journey, stop: Occurrence) -> None:
        """A step has found out that the journey has been stopped."""


@dataclass(frozen=True, slots=True)
class Doing:
    """Carries out the commands of one journey."""

    world: Around
    journey: Journey

    def do(self, command: Command) -> Answered:
        """The answer to a command that is no wait and no end."""
        bench, asked = self.world.bench, Asked.by(self.journey)
        match command:
            case Deliver():
                return self._deliver(command)
            case Ask(step=step, at=at, condition=condition):
                return Answered(at, step, "true" if holds(bench, condition, asked, at) else "false")
            case Choose(step=step, at=at, on=on, cases=cases):
                text = value_text(value_of(bench, on, asked, at))
                return Answered(at, step, "chosen", text if text in cases else None)
            case LookUp():
                return self._look_up(command)
            case OpenTask():
                return self._open_task(command)
            case ChangeTags():
                return self._change_tags(command)
            case CallOut():
                return self._call(command)
            case _:
                raise AssertionError(f"{command} is not done but waited for")

    def _answer(self, step: str) -> Answer:
        return self.journey.customer.answers.get(step, NOTHING)

    def _over(self, at: datetime) -> Occurrence | None:
        """Why nothing of the journey may happen any more."""
        stop = find_stop(self.world.bench, self.journey, at)
        if stop is not None:
            self.journey.stop(stop)
            self.world.stopped(self.journey, stop)
            return stop
        return None if self.journey.running else Occurrence(str(self.journey.row["outcome"]), at)

    # --- messages ---------------------------------------------------------------------------------------------------

    def _deliver(self, command: Deliver) -> Answered:
        answer = None
        while answer is None:
            answer = self._through_a_channel(command)
        return answer

    def _through_a_channel(self, command: Deliver) -> Answered | None:
        """What has become of the message; None if this channel gave way and the next is to be tried."""
        world, journey, at, step = self.world, self.journey, command.at, command.step
        running = journey.running
        reservation = decide(world.bench, world.shared, journey, _request(journey, command), at)
        match reservation:
            case NotBefore(until=until, reason=reason):
                return Answered(at, step, "deferred", reason, until)
            case Settled(state=state, reason=reason, stopped=stopped):
                self._end(command.ends, state)
                if state == "skipped":
                    world.log(journey, at, "skipped", step, reason=reason)
                if reason == "stopped" and running and stopped is not None:
                    world.stopped(journey, Occurrence(stopped, at))
                return Answered(reservation.at, step, state, reason, stopped=stopped)  # type: ignore[arg-type]  # states that are settled
            case Proceed():
                return self._send(command, reservation)

    def _send(self, command: Deliver, proceed: Proceed) -> Answered | None:
        journey, at, step = self.journey, command.at, command.step
        row = next(each for each in journey.messages if each["id"] == proceed.message)
        answer = self._answer(step)
        row["template"] = self._template(command)
        if answer.failed is not None:
            row |= {"state": "failed", "reason": answer.failed}
            self.world.shared.count(row["places"], (), were=False, are=False)
            row["places"] = []
            write_fact(journey.customer, row)
            self.world.log(journey, at, "failed", step, reason=answer.failed, channel=proceed.channel)
            another = len(command.channels) > 1 and gives_way("failed", answer.failed)
            return None if another else Answered(at, step, "failed", answer.failed)
        row |= {"state": "sent", "reason": None}
        self._hear(row, answer.responses, at)
        write_fact(journey.customer, row)
        self.world.log(journey, at, "sent", step, channel=proceed.channel, template=row["template"])
        self._end(command.ends, "sent")
        return Answered(at, step, "sent")

    def _template(self, command: Deliver) -> str:
        choice = command.template
        if not isinstance(choice, TemplateBy):
            return choice
        return template_of(choice, value_of(self.world.bench, choice.by, Asked.by(self.journey), command.at))

    def _hear(self, row: dict[str, Any], responses: Mapping[str, int], at: datetime) -> None:
        """What she answers to the message, each at its instant; what lies before the sending is not heard."""
        customer, sent = self.journey.customer, microseconds(at)
        said = {name: row[name] for name in ("channel", "purpose", "playbook", "step", "template")}
        for kind, when in sorted(responses.items(), key=lambda each: each[1]):
            if when >= sent:
                customer.history.add("message_events", when, kind=kind, **said)
                told = {"message": row["key"], "channel": row["channel"], "purpose": row["purpose"]}
                event = customer.history.happens(f"message.{kind}", instant(when), told)
                row["responses"] = {**row["responses"], kind: event.at}
                self.world.bring(customer, event)

    def _end(self, ends: str | None, state: str) -> None:
        """The journey ends with its last step, unless that has failed."""
        if ends is not None and state != "failed":
            self.journey.end("ended", ends)

    # --- what is looked up, tasks and tags --------------------------------------------------------------------------

    def _look_up(self, command: LookUp) -> Answered:
        bench, asked, when = self.world.bench, Asked.by(self.journey), command.when
        history, policy = self.journey.customer.history, bench.policy
        base = date_of(value_of(bench, when.date, asked, command.at)) if when.date else command.since
        if base is None:
            return Answered(command.at, command.step, "unknown")
        if when.length:
            days = history.products(asked.order)[f"product.{PRODUCT_LENGTHS[when.length]}"]
            when = when.lasting(days if isinstance(days, int) else None)
        found = due(when, base, history.facts.zone, working_time(policy))
        return Answered(command.at, command.step, "unknown" if found is None else "due", until=found)

    def _open_task(self, command: OpenTask) -> Answered:
        at, step = command.at, command.step
        if (stop := self._over(at)) is not None:
            return Answered(at, step, "skipped", "stopped", stopped=stop.event)
        if (failed := self._answer(step).failed) is not None:
            self.world.log(self.journey, at, "failed", step, reason=failed)
            return Answered(at, step, "failed", failed)
        ends = command.due
        if ends is not None and command.business:
            ends = working_time(self.world.bench.policy).after(at, ends - at)
        closed = self._answer(command.task).closed
        self.journey.tasks[command.task] = Task(at, None if closed is None else instant(closed))
        self.world.log(self.journey, at, "task", command.task, team=command.team, title=command.title, due=ends)
        self._end(command.ends, "done")
        return Answered(at, step, "done")

    def _change_tags(self, command: ChangeTags) -> Answered:
        at, step, customer = command.at, command.step, self.journey.customer
        if (stop := self._over(at)) is not None:
            return Answered(at, step, "skipped", "stopped", stopped=stop.event)
        now = microseconds(at)
        expires = None if command.expires is None else now + command.expires * 1_000_000
        for place, tag in enumerate(customer.hand_tags):
            if tag.tag in command.remove and tag.holds(now):
                customer.hand_tags[place] = HandTag(tag.tag, tag.at, tag.expires_at, now)
        customer.hand_tags += [HandTag(tag, now, expires) for tag in command.add]
        if command.add:
            until = None if expires is None else instant(expires)
            self.world.log(self.journey, at, "tag", ", ".join(command.add), until=until)
        if command.remove:
            self.world.log(self.journey, at, "untag", ", ".join(command.remove))
        self.world.judge(customer, at)
        self._end(command.ends, "done")
        return Answered(at, step, "done")

    # --- what is given, told and called -----------------------------------------------------------------------------

    def _call(self, command: CallOut) -> Answered:
        at, step, calling = command.at, command.step, command.calling
        if (stop := self._over(at)) is not None:
            return Answered(at, step, "skipped", "stopped", stopped=stop.event)
        bar = None if calling.op in _INSIDE else self._barred(at)
        if isinstance(bar, NotBefore):
            return Answered(at, step, "deferred", bar.reason, bar.until)
        if bar is not None:
            return self._called(command, Call("skipped", at, bar))
        if isinstance(calling, StartPlaybook):
            why = self.world.start(calling.given["playbook"], self.journey, at)
            return self._called(command, Call("done" if why is None else "skipped", at, why))
        answer, given = self._answer(step), {**calling.given, **self._looked_up(calling.looked_up, at)}
        if answer.failed is not None:
            return self._called(command, Call("failed", at, answer.failed))
        outcome = give(self.world.bench, self.journey, Given(command, given, answer))
        if isinstance(outcome, Call):
            return self._called(command, outcome)
        self._called(command, Call("done", at, answer=dict(answer.fields)), **outcome.told)
        for event in outcome.events:
            self.world.bring(self.journey.customer, event)
        if outcome.judged:
            self.world.judge(self.journey.customer, at, outcome.happened)
        return Answered(at, step, "done")

    def _barred(self, at: datetime) -> NotBefore | str | None:
        row = self.journey.row
        whom = {"key": row["customer_key"], "email": row["email"], "phone": row["phone"], "paused_at": None}
        return barred(self.journey.plan, self.world.bench.policy, whom, [], at)

    def _looked_up(self, names: Mapping[str, str], at: datetime) -> dict[str, Any]:
        bench, asked = self.world.bench, Asked.by(self.journey)
        found: dict[str, Value] = {key: value_of(bench, name, asked, at) for key, name in names.items()}
        types = bench.compiled.catalogue.types
        return {key: as_json(value, types.get(names[key])) for key, value in found.items()}

    def _called(self, command: CallOut, call: Call, **told: object) -> Answered:
        self.journey.calls[command.step, command.iteration] = call
        what: What = call.state if call.state in ("skipped", "failed") else command.calling.op  # type: ignore[assignment]  # kinds of steps
        more = told if call.reason is None else {**told, "reason": call.reason}
        self.world.log(self.journey, command.at, what, command.step, **more)
        self._end(command.ends, call.state)
        return Answered(command.at, command.step, call.state, call.reason)  # type: ignore[arg-type]  # states of calls


def _request(journey: Journey, command: Deliver) -> DeliverRequest:
    return DeliverRequest(
        journey.number,
        command.step,
        command.iteration,
        command.at,
        command.due,
        list(command.channels),
        "",
        "held",
        command.ends,
    )
