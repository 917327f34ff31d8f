"""One workflow for every playbook: the workflow type is the playbook's name, the plan is in its input.

The interpreter decides; this file only carries its commands out and brings it inputs in order of their logical
instants: what is due goes before any event with a later instant, an event before a wait due at the same instant.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Literal, NoReturn, TypeVar

from temporalio import workflow
from temporalio.common import RawValue, SearchAttributeKey, SearchAttributePair
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from engine.journeys import requests, wire
    from engine.journeys.carried import from_data, to_data
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
    from engine.journeys.interpreter import advance, begin, finish_by, first_wait, waits_for
    from engine.journeys.migrate import DRAINED, Moved, NoPlace, held_back, migrate, shown
    from engine.journeys.places import stands
    from engine.journeys.plan import END, Plan
    from engine.journeys.state import State
    from workflows.patience import ATTEMPT, HEARTBEAT, RETRY, USUAL, Patience, patience_of

STEP = SearchAttributeKey.for_keyword("Step")
VERSION = SearchAttributeKey.for_keyword("Version")
T = TypeVar("T")


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
        self._out: dict[str, asyncio.Future[Input | None]] = {}
        self._edit: wire.Edit | None = None
        self._heard = 0
        self._delayed: Hold | None = None
        self._replaced: tuple[wire.JourneyStart, Plan] | None = None

    @workflow.run
    async def run(self, args: Sequence[RawValue]) -> str:
        """Runs the plan to its end and gives the outcome in words."""
        start = workflow.payload_converter().from_payload(args[0].payload, wire.JourneyStart)
        self._plan = plan = Plan.from_json(start.plan)
        self._held = start.clock == "held"
        self._state, commands = self._first(start, plan)
        workflow.set_current_details(describe(plan, self._state))
        while True:
            command = next(iter(commands), None)
            if isinstance(command, Finish):
                await self._let_finish()
                return await self._finish(start, command)
            if self._edit is not None and self._may_change(self._state):
                commands = await self._change(start, plan, self._state, self._edit) or commands
                start, plan = self._replaced or (start, plan)
                continue
            happened: Input | None
            if command is None or self._state.branches:
                self._begin(start, plan, commands)
                happened, commands = await self._next(start, plan), ()
            else:
                happened = self._cancelled(command) or await self._carry_out(start, plan, command)
            if happened is None:
                continue
            self._state, answered = advance(plan, self._state, happened)
            # An input that no longer concerns the journey changes nothing: it goes on waiting as before.
            commands = answered or commands
            workflow.set_current_details(describe(plan, self._state))

    @workflow.signal
    async def tell(self, told: wire.Tell) -> None:
        """Something happened to the subject that the plan names."""
        self._inbox.append(told.input())
        self._heard = max(self._heard, told.row)

    @workflow.update
    async def edit(self, edit: wire.Edit) -> Literal["taken", "over"]:
        """The playbook has been edited: the journey follows as soon as it waits; it writes down what it did."""
        if self._finished:
            return "over"
        self._edit, self._heard = edit, max(self._heard, edit.heard)
        return "taken"

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

    async def _carry_out(self, start: wire.JourneyStart, plan: Plan, command: Command) -> Input | None:
        match command:
            case Hold():
                return await self._wait(start, command)
            case Deliver():
                return await self._ask(start, plan, "deliver", requests.deliver(start, command), command)
            case Ask():
                return await self._ask(start, plan, "decide", requests.decide(start, command), command)
            case Choose():
                return await self._ask(start, plan, "choose", requests.choose(start, command), command)
            case LookUp():
                return await self._ask(start, plan, "look_up", requests.look_up(start, command), command)
            case OpenTask():
                return await self._ask(start, plan, "open_task", requests.open_task(start, command), command)
            case ChangeTags():
                return await self._ask(start, plan, "change_tags", requests.change_tags(start, command), command)
            case CallOut(calling=calling):
                call = requests.call(start, command)
                return await self._ask(start, plan, requests.activity_of(calling), call, command, patience_of(calling))
            case Finish():
                raise ApplicationError("a finish is not carried out but returned", non_retryable=True)

    def _begin(self, start: wire.JourneyStart, plan: Plan, commands: Sequence[Command]) -> None:
        """Begins what branches ask for, in their order."""
        for command in commands:
            if not isinstance(command, Hold | Finish):
                self._out[command.step] = asyncio.ensure_future(self._carry_out(start, plan, command))

    async def _next(self, start: wire.JourneyStart, plan: Plan) -> Input | None:
        """The next input of branches: answers in the order in which they were begun, then as `_wait` gives them.

        None if an edit of the playbook comes first.
        """
        self._show_step()
        while True:
            ready = next((step for step, answer in self._out.items() if answer.done()), None)
            if ready is not None:
                return self._out.pop(ready).result()
            hold = waits_for(plan, self._state) if self._state else None
            happened = await self._stirred(start, hold)
            if happened is not None or self._edit_stirs():
                return happened

    async def _let_finish(self) -> None:
        """Waits for the recorded results of what branches have begun: a journey may end before them."""
        for answer in self._out.values():
            await self._undisturbed(answer)

    async def _wait(self, start: wire.JourneyStart, hold: Hold) -> Input | None:
        """The next input in logical order: an event told, or the wait itself once due; none if an edit comes first."""
        self._show_step()
        happened = await self._stirred(start, hold)
        if happened is None and not self._edit_stirs():
            raise ApplicationError("a wait ended without an input", non_retryable=True)
        return happened

    def _show_step(self) -> None:
        step = self._step() or ""
        if step != self._shown_step:
            workflow.upsert_search_attributes([STEP.value_set(step)])
            self._shown_step = step

    async def _stirred(self, start: wire.JourneyStart, hold: Hold | None) -> External | None:
        """The first input in logical order once there is one; none if a branch has its answer, or there is an edit."""
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
        answered = any(answer.done() for answer in self._out.values())
        return bool(self._inbox) or answered or self._edit_stirs()

    def _edit_stirs(self) -> bool:
        """Whether the journey may follow an edit now: nothing is out, and what was told before it has been heard."""
        return self._edit is not None and not self._out and self._heard >= self._edit.heard

    def _may_change(self, state: State) -> bool:
        return self._edit_stirs() and not self._inbox and stands(state)

    def _first(self, start: wire.JourneyStart, plan: Plan) -> tuple[State, Sequence[Command]]:
        """The state to begin with: the plan's beginning, or where the journey stood under another plan."""
        self._heard = max(self._heard, start.heard)
        if start.state is None:
            self._delayed = first_wait(plan, start.started_at)
            return begin(plan, Began(start.started_at, _subject()))
        self._inbox[:0] = [told.input() for told in start.inbox]
        return from_data(start.state), ()

    async def _change(self, start: wire.JourneyStart, plan: Plan, state: State, edit: wire.Edit) -> Sequence[Command]:
        """Follows an edit: ends, or goes on by the new plan as a new run; none if it keeps its plan for now."""
        self._edit = None
        if self._held or edit.version == plan.version:
            return ()
        at = max(state.now, workflow.now())
        new = None if edit.plan is None else Plan.from_json(edit.plan)
        found = Moved(state, DRAINED) if new is None else migrate(plan, state, new)
        request = wire.AdoptRequest(start.journey, edit.edit, edit.version, self._heard, at, self._step() or "")
        adopted = await self._record(
            "adopt", _asked_of(request, found, new), f"the playbook was edited: {edit.version[:8]}", wire.Adopted
        )
        if adopted.answer == "later" and self._edit is None:
            self._edit = replace(edit, heard=adopted.heard)
        if adopted.answer != "yes" or isinstance(found, NoPlace):
            return ()
        cancelled = next((one for one in self._inbox if isinstance(one, Cancelled)), None)
        if cancelled is None and found.ended is None and new is not None:
            if self._delayed is not None and self._delayed.due > workflow.now():
                return self._replace(start, edit, new, found.state)
            await self._go_on(start, plan, edit, found.state)
        if found.ended is not None:
            self._state, finish = finish_by(state, at, found.ended)
        else:
            self._state, finish = advance(plan, state, cancelled or Cancelled(at))
        return finish

    def _replace(self, start: wire.JourneyStart, edit: wire.Edit, new: Plan, state: State) -> Sequence[Command]:
        """The same run, by the new plan: woken in its start delay, it would be deaf in a next run until the due."""
        self._plan, self._state = new, state
        self._replaced = (replace(start, plan=edit.plan or {}), new)
        workflow.upsert_search_attributes([VERSION.value_set(edit.version)])
        workflow.set_current_details(describe(new, state))
        hold = waits_for(new, state)
        return () if hold is None else (hold,)

    async def _go_on(self, start: wire.JourneyStart, plan: Plan, edit: wire.Edit, state: State) -> NoReturn:
        """The next run of the workflow, by the new plan; whoever waits for an answer of this one gets it first."""
        self._hold = waits_for(plan, self._state) if self._state else None
        await workflow.wait_condition(workflow.all_handlers_finished)
        told = [one for one in map(wire.told_of, self._inbox) if one is not None]
        following = replace(start, plan=edit.plan or {}, state=to_data(state), inbox=told, heard=self._heard)
        attributes = workflow.info().typed_search_attributes
        workflow.continue_as_new(
            following, search_attributes=attributes.updated(SearchAttributePair(VERSION, edit.version))
        )

    async def _ask(
        self,
        start: wire.JourneyStart,
        plan: Plan,
        activity: str,
        request: object,
        command: Deliver | Ask | Choose | LookUp | OpenTask | ChangeTags | CallOut,
        patience: Patience = USUAL,
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

    async def _record(self, activity: str, request: object, summary: str, result: type[T] | None = None) -> T:
        """Lets an activity write down what has been decided, for as long as that takes."""
        recorded: T = await self._undisturbed(
            workflow.execute_activity(
                activity,
                request,
                result_type=result,
                start_to_close_timeout=ATTEMPT,
                heartbeat_timeout=HEARTBEAT,
                retry_policy=RETRY,
                summary=brief(summary),
            )
        )
        return recorded

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


def _asked_of(request: wire.AdoptRequest, found: Moved | NoPlace, new: Plan | None) -> wire.AdoptRequest:
    """The request with what has been found for the journey; without a plan it ends by its own."""
    if isinstance(found, NoPlace):
        return replace(request, step=found.step, why=found.why)
    if new is None or found.ended is not None:
        return replace(request, to=END, goes_by=new is not None, ends=found.ended)
    return replace(request, to=shown(new, found), held_back=held_back(new, found.state))


def _subject() -> str:
    """The subject's name, such as `order-1001`: the middle of `<playbook>/<subject>/<occasion>`."""
    parts = workflow.info().workflow_id.split("/")
    return parts[-2] if len(parts) > 1 else ""
