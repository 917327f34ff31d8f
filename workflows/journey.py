"""One workflow for every playbook: the workflow type is the playbook's name, the plan is in its input.

The interpreter decides; this file only carries its commands out and brings it inputs in order of their logical
instants: what is due goes before any event with a later instant, an event before a wait due at the same instant.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy, SearchAttributeKey
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from engine.journeys import wire
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
    from engine.journeys.describe import brief, describe
    from engine.journeys.inputs import Answered, Began, Cancelled, Due, External, Input, order
    from engine.journeys.interpreter import advance, begin, waits_for
    from engine.journeys.plan import Call, Calling, Plan, Webhook
    from engine.journeys.state import State

STEP = SearchAttributeKey.for_keyword("Step")
ATTEMPT = timedelta(seconds=60)
HEARTBEAT = timedelta(seconds=8)
RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(minutes=10)
)

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """How long one attempt of an activity may take, and how attempts follow each other."""

    attempt: timedelta = ATTEMPT
    retry: RetryPolicy = field(default_factory=lambda: RETRY)


@workflow.defn(dynamic=True)
class Journey:
    """One run of a playbook for one subject."""

    def __init__(self) -> None:
        self._inbox: list[External] = []
        self._plan: Plan | None = None
        self._state: State | None = None
        self._hold: Hold | None = None
        self._shown_step = ""
        self._finished = False
        self._held = False
        self._out: dict[str, asyncio.Future[Input]] = {}

    @workflow.run
    async def run(self, args: Sequence[RawValue]) -> str:
        """Runs the plan to its end and gives the outcome in words."""
        start = workflow.payload_converter().from_payload(args[0].payload, wire.JourneyStart)
        self._plan = plan = Plan.from_json(start.plan)
        self._held = start.clock == "held"
        self._state, commands = begin(plan, Began(start.started_at, _subject()))
        workflow.set_current_details(describe(plan, self._state))
        while True:
            command = next(iter(commands), None)
            if isinstance(command, Finish):
                await self._let_finish()
                return await self._finish(start, command)
            if command is None or self._state.branches:
                self._begin(start, plan, commands)
                happened, commands = await self._next(start, plan), ()
            else:
                happened = self._cancelled(command) or await self._carry_out(start, plan, command)
            self._state, answered = advance(plan, self._state, happened)
            # An input that no longer concerns the journey changes nothing: it goes on waiting as before.
            commands = answered or commands
            workflow.set_current_details(describe(plan, self._state))

    @workflow.signal
    async def tell(self, told: wire.Tell) -> None:
        """Something happened to the subject that the plan names."""
        self._inbox.append(told.input())

    @workflow.update
    async def take(self, told: wire.Tell | None) -> wire.Standing:
        """Takes an input, carries out what follows, and answers where the journey stands then."""
        if told is not None:
            self._inbox.append(told.input())
        await workflow.wait_condition(lambda: self._finished or (self._hold is not None and not self._inbox))
        return self._standing()

    @workflow.update
    async def skip_wait(self) -> wire.Standing:
        """Ends the present wait now, as if it had come due, carries out what follows, and answers where it stands."""
        if self._hold is None or self._held:
            raise ApplicationError("the journey is not at a wait that can be skipped", type="not_waiting")
        self._inbox.append(Due(workflow.now(), self._hold.wait, skipped=True))
        await workflow.wait_condition(lambda: self._finished or (self._hold is not None and not self._inbox))
        return self._standing()

    @workflow.query
    def where(self) -> wire.Standing:
        """Where the journey stands: its step, what it waits for and until when."""
        return self._standing()

    def _standing(self) -> wire.Standing:
        if self._finished or self._hold is None:
            return wire.Standing(finished=self._finished)
        return wire.Standing(finished=False, step=self._step(), wait=self._hold.wait, due=self._hold.due)

    def _step(self) -> str | None:
        if self._plan is None or self._state is None or self._state.position is None:
            return None
        return self._plan.code[self._state.position.index].id

    def _cancelled(self, command: Command) -> Cancelled | None:
        """A cancellation that came while the last command was out: it goes before the next one, but for a wait's."""
        if isinstance(command, Hold):
            return None
        return next((one for one in self._inbox if isinstance(one, Cancelled)), None)

    async def _carry_out(self, start: wire.JourneyStart, plan: Plan, command: Command) -> Input:
        match command:
            case Hold():
                return await self._wait(start, command)
            case Deliver():
                return await self._ask(start, plan, "deliver", _deliver(start, command), command)
            case Ask(step=step, at=at):
                request = wire.DecideRequest(
                    start.journey,
                    step,
                    at,
                    command.condition.model_dump(mode="json", by_alias=True, exclude_defaults=True),
                )
                return await self._ask(start, plan, "decide", request, command)
            case Choose(step=step, at=at, on=on, cases=cases):
                choice = wire.ChooseRequest(start.journey, step, at, on, list(cases))
                return await self._ask(start, plan, "choose", choice, command)
            case LookUp(step=step, at=at, since=since):
                moment = wire.LookUpRequest(
                    start.journey, step, at, since, command.when.model_dump(mode="json", exclude_defaults=True)
                )
                return await self._ask(start, plan, "look_up", moment, command)
            case OpenTask():
                return await self._ask(start, plan, "open_task", _task(start, command), command)
            case ChangeTags():
                tags = wire.TagsRequest(
                    journey=start.journey,
                    step=command.step,
                    at=command.at,
                    add=list(command.add),
                    remove=list(command.remove),
                    expires=command.expires,
                    ends=command.ends,
                    clock=start.clock,
                )
                return await self._ask(start, plan, "change_tags", tags, command)
            case CallOut(calling=calling):
                call = _call(start, command)
                return await self._ask(start, plan, _name(calling), call, command, _patience(calling))
            case Finish():
                raise ApplicationError("a finish is not carried out but returned", non_retryable=True)

    def _begin(self, start: wire.JourneyStart, plan: Plan, commands: Sequence[Command]) -> None:
        """Begins what branches ask for, in their order."""
        for command in commands:
            if not isinstance(command, Hold | Finish):
                self._out[command.step] = asyncio.ensure_future(self._carry_out(start, plan, command))

    async def _next(self, start: wire.JourneyStart, plan: Plan) -> Input:
        """The next input of branches: answers in the order in which they were begun, then as `_wait` gives them."""
        self._show_step()
        while True:
            ready = next((step for step, answer in self._out.items() if answer.done()), None)
            if ready is not None:
                return self._out.pop(ready).result()
            hold = waits_for(plan, self._state) if self._state else None
            happened = await self._stirred(start, hold)
            if happened is not None:
                return happened

    async def _let_finish(self) -> None:
        """Waits for the recorded results of what branches have begun: a journey may end before them."""
        for answer in self._out.values():
            await self._undisturbed(answer)

    async def _wait(self, start: wire.JourneyStart, hold: Hold) -> Input:
        """The next input in logical order: an event told, or the wait itself once due."""
        self._show_step()
        happened = await self._stirred(start, hold)
        if happened is None:
            raise ApplicationError("a wait ended without an input", non_retryable=True)
        return happened

    def _show_step(self) -> None:
        step = self._step() or ""
        if step != self._shown_step:
            workflow.upsert_search_attributes([STEP.value_set(step)])
            self._shown_step = step

    async def _stirred(self, start: wire.JourneyStart, hold: Hold | None) -> External | None:
        """The first input in logical order once there is one; none if a branch has its answer."""
        self._hold = None if self._out else hold
        try:
            is_due = await self._sleep(start, hold)
        except asyncio.CancelledError:
            self._inbox.append(wire.cancelled_by(workflow.cancellation_reason(), workflow.now()))
            is_due = start.clock == "timers" and hold is not None and hold.due <= workflow.now()
        self._hold = None
        due = [Due(hold.due, hold.wait)] if is_due and hold is not None else []
        first = min([*self._inbox, *due], key=order, default=None)
        if first in self._inbox:
            self._inbox.remove(first)
        return first

    async def _sleep(self, start: wire.JourneyStart, hold: Hold | None) -> bool:
        """Waits for an input or the due, and says whether that has come.

        An event may bear an instant of the future, where a shop's clock is ahead: no wait ends early by it.
        """
        if start.clock == "held" or hold is None:
            await workflow.wait_condition(self._stirs)
            return False
        remaining = hold.due - workflow.now()
        if remaining > timedelta(0):
            try:
                await workflow.wait_condition(self._stirs, timeout=remaining, timeout_summary=brief(hold.label))
            except TimeoutError:
                return True
        return hold.due <= workflow.now()

    def _stirs(self) -> bool:
        return bool(self._inbox) or any(answer.done() for answer in self._out.values())

    async def _ask(
        self,
        start: wire.JourneyStart,
        plan: Plan,
        activity: str,
        request: object,
        command: Deliver | Ask | Choose | LookUp | OpenTask | ChangeTags | CallOut,
        patience: Patience = Patience(),
    ) -> Answered:
        """Lets an activity answer; when its retries are used up, that is the answer."""
        try:
            answer: wire.Answer = await self._undisturbed(
                workflow.execute_activity(
                    activity,
                    request,
                    result_type=wire.Answer,
                    start_to_close_timeout=patience.attempt,
                    heartbeat_timeout=HEARTBEAT,
                    schedule_to_close_timeout=timedelta(seconds=plan.controls.retry_for),
                    retry_policy=patience.retry,
                    summary=brief(command.label),
                )
            )
        except ActivityError as error:
            cause = error.cause
            reason = cause.type if isinstance(cause, ApplicationError) and cause.type else "retries_used_up"
            at = command.at if start.clock == "held" else max(command.at, workflow.now())
            if isinstance(command, Ask) and not workflow.patched("a-question-can-fail"):
                return Answered(at, command.step, "false")
            if isinstance(command, CallOut) or (isinstance(command, Deliver) and command.caught):
                await self._record(
                    "give_up", wire.GiveUpRequest(start.journey, command.step, reason), f"giving up: {command.label}"
                )
            return Answered(at, command.step, "failed", reason)
        return answer.answered(command.step)

    async def _record(self, activity: str, request: object, summary: str) -> None:
        """Lets an activity write down what has been decided, for as long as that takes."""
        await self._undisturbed(
            workflow.execute_activity(
                activity,
                request,
                start_to_close_timeout=ATTEMPT,
                heartbeat_timeout=HEARTBEAT,
                retry_policy=RETRY,
                summary=brief(summary),
            )
        )

    async def _undisturbed(self, work: Awaitable[T]) -> T:
        """Waits for the recorded result of what is under way, also when the journey is cancelled meanwhile."""
        task = asyncio.ensure_future(work)
        while not task.done():
            try:
                await asyncio.shield(task)
            except asyncio.CancelledError:
                self._inbox.append(wire.cancelled_by(workflow.cancellation_reason(), workflow.now()))
            except ActivityError:
                break
        return task.result()

    async def _finish(self, start: wire.JourneyStart, finish: Finish) -> str:
        outcome = finish.outcome if finish.state == finish.outcome else f"{finish.state}: {finish.outcome}"
        # An operator's reason can be of any length, and Temporal's summaries and search attributes can not.
        shown = finish.state if finish.state == "cancelled" else outcome
        if not finish.recorded:
            request = wire.CloseRequest(start.journey, finish.at, finish.state, finish.outcome, self._failed_step())
            await self._record("close_journey", request, f"closing the journey: {shown}")
        # In a list of journeys the last wait would say that it still waits there.
        workflow.upsert_search_attributes([STEP.value_set(shown)])
        self._finished = True
        await workflow.wait_condition(workflow.all_handlers_finished)
        return outcome

    def _failed_step(self) -> str | None:
        outcomes = self._state.outcomes if self._state else ()
        return next((step for step, outcome in reversed(outcomes) if outcome == "failed"), None)


def _deliver(start: wire.JourneyStart, command: Deliver) -> wire.DeliverRequest:
    template = command.template
    return wire.DeliverRequest(
        journey=start.journey,
        step=command.step,
        iteration=command.iteration,
        at=command.at,
        due=command.due,
        channels=list(command.channels),
        template=template if isinstance(template, str) else template.model_dump(mode="json"),
        clock=start.clock,
        ends=command.ends,
    )


def _task(start: wire.JourneyStart, command: OpenTask) -> wire.TaskRequest:
    return wire.TaskRequest(
        journey=start.journey,
        step=command.step,
        iteration=command.iteration,
        at=command.at,
        task=command.task,
        team=command.team,
        title=command.title,
        due=command.due,
        business=command.business,
        ends=command.ends,
        clock=start.clock,
    )


def _name(calling: Calling) -> str:
    """The activity's type: those of the project's own are told apart from ours."""
    return f"call/{calling.activity}" if isinstance(calling, Call) else calling.op


def _patience(calling: Calling) -> Patience:
    """As the activity declares it. An attempt ends itself when its time is over, and has a while to write that down."""
    if not isinstance(calling, Call):
        return Patience()
    retry = RetryPolicy(
        initial_interval=timedelta(seconds=calling.first_pause),
        backoff_coefficient=2,
        maximum_interval=timedelta(seconds=calling.longest_pause),
        maximum_attempts=calling.attempts,
    )
    return Patience(timedelta(seconds=calling.timeout) + ATTEMPT, retry)


def _call(start: wire.JourneyStart, command: CallOut) -> wire.CallRequest:
    calling = command.calling
    request = wire.CallRequest(
        journey=start.journey,
        step=command.step,
        iteration=command.iteration,
        at=command.at,
        activity=_name(calling),
        given=calling.given,
        looked_up=calling.looked_up,
        ends=command.ends,
        clock=start.clock,
    )
    match calling:
        case Call(idempotency=idempotency):
            return replace(request, once=idempotency == "once, in doubt is held")
        case Webhook(to=to, url=url):
            return replace(request, to=to, url=url)
        case _:
            return request


def _subject() -> str:
    """The subject's name, such as `order-1001`: the middle of `<playbook>/<subject>/<occasion>`."""
    parts = workflow.info().workflow_id.split("/")
    return parts[-2] if len(parts) > 1 else ""
