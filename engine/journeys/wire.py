"""What crosses the border to Temporal, as plain data: ids and instants, never names, addresses or texts."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from engine.journeys.inputs import Answered, Cancelled, Due, External, Told

JOURNEY_QUEUE = "regulars"
STOPPED = "stopped: "
_STOP_REASON = re.compile(rf"{STOPPED}(\S+) at (\d{{4}}-\d\d-\d\dT\S+\+00:00)")

Clock = Literal["timers", "held"]


@dataclass(frozen=True)
class JourneyStart:
    """The workflow's input. With the clock `held` waits are ended by whoever owns the shop's clock, not by timers.

    Of a journey that goes on by another plan than it began with: `state` as `engine.journeys.carried` has it, `inbox`
    what it was told and has not looked at, `heard` the last row of the outbox that it was told.
    """

    journey: int
    plan: dict[str, Any]
    started_at: datetime
    clock: Clock = "timers"
    state: dict[str, Any] | None = None
    inbox: list["Tell"] = field(default_factory=list)
    heard: int = 0


@dataclass(frozen=True)
class DeliverRequest:
    """One send. `ends`: if the journey ends with it, the journey's outcome."""

    journey: int
    step: str
    iteration: int
    at: datetime
    due: datetime
    channels: list[str]
    template: str | dict[str, Any]
    clock: Clock
    ends: str | None = None


@dataclass(frozen=True)
class DecideRequest:
    """The truth of one condition as of `at`."""

    journey: int
    step: str
    at: datetime
    condition: dict[str, Any]


@dataclass(frozen=True)
class ChooseRequest:
    """Which of the cases an attribute's value is as of `at`."""

    journey: int
    step: str
    at: datetime
    on: str
    cases: list[str]


@dataclass(frozen=True)
class LookUpRequest:
    """The instant of one moment, as known at `at`."""

    journey: int
    step: str
    at: datetime
    since: datetime
    when: dict[str, Any]


@dataclass(frozen=True)
class TaskRequest:
    """One task to open. `ends`: if the journey ends with it, the journey's outcome.

    `business`: from `at` to `due` only the shop's working time is meant.
    """

    journey: int
    step: str
    iteration: int
    at: datetime
    task: str
    team: str
    title: str
    due: datetime | None
    ends: str | None = None
    clock: Clock = "timers"
    business: bool = False


@dataclass(frozen=True)
class TagsRequest:
    """Tags to give and to take; `expires` in seconds. `ends`: if the journey ends with it, the journey's outcome."""

    journey: int
    step: str
    at: datetime
    add: list[str]
    remove: list[str]
    expires: int | None = None
    ends: str | None = None
    clock: Clock = "timers"


@dataclass(frozen=True)
class CallRequest:
    """One call of something outside; of a webhook `to` or `url` says whom.

    `once`: it must not be repeated where it may have been done.

    `given` is as the rules say it, `looked_up` names attributes. `ends`: if the journey ends with it, its outcome.
    """

    journey: int
    step: str
    iteration: int
    at: datetime
    activity: str
    given: dict[str, Any]
    looked_up: dict[str, str]
    once: bool = False
    to: str = ""
    url: str = ""
    ends: str | None = None
    clock: Clock = "timers"


@dataclass(frozen=True)
class CloseRequest:
    """A journey's end that no other transaction records."""

    journey: int
    at: datetime
    state: str
    outcome: str
    step: str | None = None


@dataclass(frozen=True)
class GiveUpRequest:
    """A step whose retries are used up, in a journey that goes on."""

    journey: int
    step: str
    reason: str


@dataclass(frozen=True)
class Edit:
    """What an edit asks of a journey: to go on by this plan or, without one, to end.

    `heard`: the last row of the outbox that Temporal has been told for the journey; all those before were too.
    """

    edit: int
    version: str
    heard: int
    plan: dict[str, Any] | None = None


@dataclass(frozen=True)
class AdoptRequest:
    """What a journey that waits is about to do about an edit.

    Attributes:
        journey: its row.
        edit: the edit's row.
        version: the new one.
        heard: the last row of the outbox that it has been told.
        at: the logical instant.
        step: where it waits.
        to: where it goes on.
        why: it has no place in the new version, and stays as it is.
        goes_by: whether it goes on by the new version; otherwise it ends by its own.
        ends: if it ends with this, its outcome.
        held_back: steps whose messages and calls are still wanted; what others hold back is not.
    """

    journey: int
    edit: int
    version: str
    heard: int
    at: datetime
    step: str
    to: str = ""
    why: str = ""
    goes_by: bool = True
    ends: str | None = None
    held_back: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Adopted:
    """`yes`: the version is written, it goes on by it. `no`: it keeps its own. `later`: the row `heard` comes first."""

    answer: Literal["yes", "no", "later"]
    heard: int = 0


@dataclass(frozen=True)
class Answer:
    """An activity's answer; see `engine.journeys.inputs.Answered`."""

    at: datetime
    outcome: str
    reason: str | None = None
    until: datetime | None = None
    stopped: str | None = None

    def answered(self, step: str) -> Answered:
        """The answer as the interpreter's input."""
        return Answered(self.at, step, self.outcome, self.reason, self.until, self.stopped)  # type: ignore[arg-type]  # activities answer with StepOutcome's words


@dataclass(frozen=True)
class Tell:
    """An input from outside, on the wire: an event, or a wait that has come due. `row`: of the outbox, if it is one."""

    kind: Literal["told", "due"]
    at: datetime
    event: str = ""
    stop: bool = False
    steps: list[str] = field(default_factory=list)
    wait: str = ""
    row: int = 0

    def input(self) -> External:
        """The interpreter's input."""
        if self.kind == "due":
            return Due(self.at, self.wait)
        return Told(self.at, self.event, self.stop, tuple(self.steps))


@dataclass(frozen=True)
class Standing:
    """Where a journey stands, as it answers the owner of a held clock and whoever asks."""

    finished: bool
    step: str | None = None
    wait: str | None = None
    due: datetime | None = None


def told_of(input_: External) -> Tell | None:
    """What `Tell.input` made this input of; none of a cancellation."""
    match input_:
        case Due(at=at, wait=wait):
            return Tell("due", at, wait=wait)
        case Told(at=at, event=event, stop=stop, steps=steps):
            return Tell("told", at, event, stop, list(steps))
        case _:
            return None


def stop_reason(event: str, at: datetime) -> str:
    """The reason given with a cancellation that carries out a stop."""
    return f"{STOPPED}{event} at {at.isoformat()}"


def cancelled_by(reason: str | None, now: datetime) -> External:
    """The input that a cancellation's reason stands for: a stop by an event, or an operator's cancellation.

    An operator may write anything, also what begins like a stop.
    """
    stop = _STOP_REASON.fullmatch(reason or "")
    try:
        return Told(datetime.fromisoformat(stop[2]), stop[1], stop=True) if stop else _cancelled(reason, now)
    except ValueError:
        return _cancelled(reason, now)


def _cancelled(reason: str | None, now: datetime) -> Cancelled:
    return Cancelled(now, reason or "cancelled")
