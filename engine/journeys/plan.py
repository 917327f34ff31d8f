"""The compiled plan of a playbook: flat code that a journey carries in its workflow input.

`engine.language` compiles a playbook's tree of steps into `code`: branches and `wait_for` jump by index, so a
position is one number and the interpreter needs no stack. `to_json` drops defaults to stay small.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from engine.conditions.ast import Condition

END = "end"
"""In place of a step's id: the journey ends there."""

Subject = Literal["customer", "order", "shipment", "case"]
ChangeKind = Literal["tag", "segment", "stage", "tier", "rfm_group"]


class Part(BaseModel):
    """Common configuration of every part of a plan: immutable and closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class EventTrigger(Part):
    """An event of the journey's own subject, optionally with a condition over the event's fields."""

    event: str
    where: Condition | None = None

    def __str__(self) -> str:
        return self.event


class ChangeTrigger(Part):
    """A change of the customer's standing: `{enters: {segment: X}}`, `{leaves: {stage: X}}`, `{rises_to: {tier: [X]}}`.

    `names` are those of the segments, stages, tiers, tags or RFM groups that it means; any one of them is enough.
    `rises_to` is of tiers alone: entered from a lower one or from none. With `when` it is the turn of that condition
    from false to true: it enters the segment of that name, which the rules decide for this trigger alone.
    """

    change: Literal["enters", "leaves", "rises_to"]
    kind: ChangeKind
    names: tuple[str, ...]
    when: Condition | None = None

    def means(self, kind: str, before: str | None, after: str | None, *, rises: bool) -> bool:
        """Whether a change of this kind from one name to another (None: none) is the one meant."""
        name = before if self.change == "leaves" else after
        return kind == self.kind and name in self.names and (rises or self.change != "rises_to")

    def __str__(self) -> str:
        return f"{self.change.replace('_', ' ')} {self.kind} {' or '.join(self.names)}"


Trigger = EventTrigger | ChangeTrigger


class DateTrigger(Part):
    """A date of the customer's, each year, or an instant, once; `offset` in seconds, `at` by the customer's clock.

    `feb_29`: the day on which 29 February falls in other years.
    """

    date: str
    offset: int = 0
    at: str = ""
    feb_29: Literal["feb_28", "mar_1"] = "feb_28"


class EveryTrigger(Part):
    """A day of the calendar, for every customer. Without `weekday`, `month` or `day` it is the first; `at`: `HH:MM`."""

    every: Literal["day", "week", "month", "quarter", "year"]
    weekday: str = ""
    month: int = 0
    day: int = 0
    at: str = ""


CalendarTrigger = DateTrigger | EveryTrigger


class Start(Part):
    """What starts a journey. `max_age` and `once_per` in seconds; `only_if` is asked as of the starting instant."""

    any: tuple[Trigger | CalendarTrigger, ...]
    only_if: Condition | None = None
    max_age: int | None = None
    once_per: int | None = None


class Goal(Part):
    """What the playbook is for, measured from facts; `within` in seconds after the start.

    `ends`: once it is reached no message is sent any more.
    """

    any: tuple[Trigger, ...]
    within: int
    ends: bool = True


class Controls(Part):
    """How the journey behaves beside its steps. `holdout` in basis points (10 % = 1000)."""

    purpose: str = "marketing"
    holdout: int = 0
    edits: Literal["pin", "migrate", "drain"] = "pin"
    retry_for: int = 86400
    """Seconds for which a step that fails is tried again before the journey stands as failed."""


class TemplateBy(Part):
    """A template chosen by an attribute's value as of the send; `cases` maps the value's text to a template."""

    by: str
    cases: dict[str, str] = {}
    default: str

    def chosen(self, value: object) -> str:
        """The template for a value of the attribute; None: it is not known."""
        return self.default if value is None else self.cases.get(case_of(value), self.default)


def case_of(value: object) -> str:
    """A value as cases are written: true and false in small letters."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class Instruction(Part):
    """`id` is the step's stable name: the author's own, or made from its kind and place."""

    id: str
    label: str = ""
    """In words, for timers and details in the Temporal UI; never personal data."""
    on_failure: int | None = None
    """Where to go on if it fails for good; without it the journey fails."""

    @model_serializer(mode="wrap")
    def _keep_op(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Defaults may be left out of the JSON, the discriminator may not."""
        return {"op": getattr(self, "op", None), **handler(self)}


class Send(Instruction):
    """Delivers one message: the first usable channel of `channels`."""

    op: Literal["send"] = "send"
    channels: tuple[str, ...]
    template: str | TemplateBy


class Wait(Instruction):
    """Waits `seconds` since the previous step ended, or since the journey's start."""

    op: Literal["wait"] = "wait"
    seconds: int
    since: Literal["previous", "start"] = "previous"


class When(Part):
    """A moment to wait for, from a date of the subject's or, where none is named, from when the wait began.

    `date` is an attribute or field, `length` a field that holds a number of days, for which `default` (seconds) stands
    where it is unknown. `offset` is in seconds; with `business` and neither date nor length it is working time.
    """

    date: str = ""
    length: str = ""
    default: int = 0
    offset: int = 0
    at: str = ""
    weekday: str = ""
    business: bool = False

    @property
    def elapses(self) -> bool:
        """Whether it is a length of time and no moment of the calendar."""
        return not (self.date or self.length or self.at or self.weekday)


class WaitUntil(Instruction):
    """Waits for a moment that has to be looked up.

    A moment that was past when the journey came here, or that is not known: it goes on, skips to `skip_to`, or ends.
    With `follow` it is looked up again when one of these events comes, and once more when the wait is over.
    """

    op: Literal["wait_until"] = "wait_until"
    when: When
    since: Literal["previous", "start"] = "previous"
    if_past: Literal["go", "skip", "end"] = "go"
    skip_to: int | None = None
    follow: tuple[EventTrigger, ...] = ()


class WaitFor(Instruction):
    """Waits for one of the triggers, at most `within` seconds: then continues at `got`, else at `orelse`.

    With `until` no longer than to that moment, which is looked up when the journey comes here; where it is not known
    only `within` counts.
    """

    op: Literal["wait_for"] = "wait_for"
    any: tuple[Trigger, ...]
    within: int
    until: When | None = None
    got: int
    orelse: int


class Way(Part):
    """One way out of a race: these triggers lead to `to`."""

    any: tuple[Trigger, ...]
    to: int


class First(Instruction):
    """Waits for the first of several ways, at most `within` seconds: then continues at `orelse`."""

    op: Literal["first"] = "first"
    ways: tuple[Way, ...]
    within: int
    orelse: int

    def way(self, number: int) -> str:
        """What a way, from 0, is called where the journey is told of its triggers."""
        return f"{self.id}/{number + 1}"


class Switch(Instruction):
    """Continues at the case that an attribute's value is as of now, else at `orelse`."""

    op: Literal["switch"] = "switch"
    on: str
    cases: dict[str, int]
    orelse: int


class Arm(Part):
    """An arm of an experiment: its share in basis points, and where it begins."""

    name: str
    share: int
    to: int


class Split(Instruction):
    """An experiment: each subject continues at the same one of the arms, by a hash of it and the experiment's name."""

    op: Literal["split"] = "split"
    arms: tuple[Arm, ...]


class Parallel(Instruction):
    """Goes on at several places at once; each ends at a `Join`, and when all have, the journey goes on at `join`."""

    op: Literal["parallel"] = "parallel"
    branches: tuple[int, ...]
    join: int


class Join(Instruction):
    """A branch of a `Parallel` ends here."""

    op: Literal["join"] = "join"


class Repeat(Instruction):
    """Begins a repetition, whose `Again` is at `last`."""

    op: Literal["repeat"] = "repeat"
    times: int
    last: int


class Again(Instruction):
    """Begins the next round of the repetition at `repeat`, at most `times`; with `every`, so long after the last."""

    op: Literal["again"] = "again"
    repeat: int
    times: int
    every: int | None = None


class Branch(Instruction):
    """Continues at the next instruction if the condition holds as of now, else at `orelse`."""

    op: Literal["branch"] = "branch"
    condition: Condition
    orelse: int


class Jump(Instruction):
    """Continues at `to`."""

    op: Literal["jump"] = "jump"
    to: int


class Task(Instruction):
    """Opens a task for a team; `due` in seconds after now, with `business` of the shop's working time."""

    op: Literal["task"] = "task"
    task: str
    team: str
    title: str
    due: int | None = None
    business: bool = False


class Tag(Instruction):
    """Gives the customer tags, or takes what was given; `expires` in seconds after now."""

    op: Literal["tag"] = "tag"
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    expires: int | None = None


class Calling(Instruction):
    """Has one thing done, once, that leaves an answer. `given` is as written, `looked_up` names attributes."""

    op: str = ""
    given: dict[str, Any] = {}
    looked_up: dict[str, str] = {}


class Call(Calling):
    """Runs an activity of the project's own; times in seconds, `attempts` 0: as many as fit."""

    op: Literal["call"] = "call"
    activity: str
    idempotency: Literal["keyed", "safe to repeat", "once, in doubt is held"]
    timeout: int
    first_pause: int = 1
    longest_pause: int = 600
    attempts: int = 0


class Webhook(Calling):
    """Tells another system: the one that settings call `to`, or the address `url`."""

    op: Literal["webhook"] = "webhook"
    to: str = ""
    url: str = ""


class Update(Calling):
    """Sets fields of the customer's record, as an event that the engine tells itself."""

    op: Literal["update"] = "update"


class Coupon(Calling):
    """Gives the customer a code out of a pool: `pool`, `expires` in seconds, `per_customer`."""

    op: Literal["coupon"] = "coupon"


class Points(Calling):
    """Writes entries of the points ledger: `add`, `take` or `reverse`; `pending` and `expires` in seconds."""

    op: Literal["points"] = "points"


class Move(Calling):
    """Moves an open task: `task`, the step that opened it; `to`, the team; `due` in seconds, `business`."""

    op: Literal["move"] = "move"


class StartPlaybook(Calling):
    """Starts another `playbook` for the same subject, or for its customer."""

    op: Literal["start"] = "start"


class End(Instruction):
    """Ends the journey here."""

    op: Literal["end"] = "end"
    label: str = "the end"
    outcome: str = "ended"


Step = Annotated[
    Send
    | Wait
    | WaitUntil
    | WaitFor
    | First
    | Branch
    | Switch
    | Split
    | Parallel
    | Join
    | Repeat
    | Again
    | Jump
    | Task
    | Tag
    | Call
    | Webhook
    | Update
    | Coupon
    | Points
    | Move
    | StartPlaybook
    | End,
    Field(discriminator="op"),
]


_NEVER_FAIL = (Wait, First, Split, Parallel, Join, Repeat, Again, Jump, End)


def never_fails(step: Step) -> bool:
    """Whether an instruction asks or tells the world nothing."""
    return isinstance(step, _NEVER_FAIL) or (isinstance(step, WaitFor) and step.until is None)


class Plan(Part):
    """One playbook, compiled. `code` always finishes with an `End`.

    Every jump leads forward, inside the code; only an `Again` leads back, so often and no more.
    """

    playbook: str
    title: str
    version: str = ""
    """Content hash of the rules it belongs to."""
    subject: Subject
    status: Literal["draft", "test", "live", "paused"] = "live"
    start: Start
    stop: tuple[Trigger, ...] = ()
    goal: Goal | None = None
    controls: Controls = Controls()
    moves: dict[str, str] = {}
    """Of steps that an earlier version had: where journeys that stand there go on; `END` ends them."""
    code: tuple[Step, ...]

    @property
    def starts(self) -> bool:
        """Whether its status lets it start journeys; in `test` they reach test recipients only."""
        return self.status in ("live", "test")

    def to_json(self) -> dict[str, Any]:
        """The plan as compact JSON data: defaults left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Plan":
        """The plan that `to_json` gave."""
        return cls.model_validate(data)

    def listens_to(self) -> frozenset[str]:
        """Kinds of events that this plan's running journeys must be told of."""
        return frozenset(each.event for each in self._listened() if isinstance(each, EventTrigger))

    def listens_to_changes(self) -> frozenset[ChangeKind]:
        """Kinds of changes of standing that this plan's running journeys must be told of."""
        return frozenset(each.kind for each in self._listened() if isinstance(each, ChangeTrigger))

    def events(self) -> frozenset[str]:
        """Kinds of events that the plan names anywhere: those that start it and those it listens to."""
        return self.listens_to() | {each.event for each in self.start.any if isinstance(each, EventTrigger)}

    def heard(self) -> Iterator[tuple[str, tuple[Trigger, ...]]]:
        """The steps that must be told of something, each with its triggers."""
        for step in self.code:
            if isinstance(step, WaitFor):
                yield step.id, step.any
            elif isinstance(step, First):
                yield from ((step.way(number), way.any) for number, way in enumerate(step.ways))
            elif isinstance(step, WaitUntil) and step.follow:
                yield step.id, step.follow

    def triggers(self) -> tuple[Trigger | CalendarTrigger, ...]:
        """All triggers that the plan names anywhere."""
        return (*self.start.any, *self._listened(), *(self.goal.any if self.goal else ()))

    def _listened(self) -> tuple[Trigger, ...]:
        return (*self.stop, *(trigger for _, triggers in self.heard() for trigger in triggers))
