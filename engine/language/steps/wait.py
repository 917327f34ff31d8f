"""The step wait: a length of time, also in working time, or until a moment of the calendar."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, PlainValidator, WithJsonSchema

from engine.attributes.relations import EVENT_SOURCES, RELATIONS, SCOPES
from engine.calendar.durations import Duration
from engine.journeys.plan import EventTrigger, Wait, WaitUntil, When
from engine.language.calendar_triggers import Weekday
from engine.language.dates import check_date
from engine.language.issues import Span, did_you_mean
from engine.language.located import Entry, Mapping, Node, Scalar
from engine.language.model import Model
from engine.language.steps.kind import Block, Context, StepKind, StepNode
from engine.language.triggers import concerns
from engine.language.validate import validate
from engine.language.values import (
    Clock,
    DurationText,
    Name,
    SignedDuration,
    Text,
    ValueOfPart,
    read_duration,
    refuse,
)
from engine.language.words import duration, moment

LENGTHS = ("product.settling_time", "product.repurchase_time")
"""Lengths of time that the products of an order have."""


def _read_length(value: object) -> Duration | str:
    if isinstance(value, str) and value.startswith("product."):
        if value not in LENGTHS:
            raise refuse("RG303", "a length of time of products", did_you_mean(value, LENGTHS))
        return value
    return read_duration(value)


Length = Annotated[
    Duration | str,
    PlainValidator(_read_length),
    WithJsonSchema({"anyOf": [{"x-definition": "duration"}, {"enum": list(LENGTHS)}]}),
]


class MomentModel(Model):
    """A date, and a time before or after it; or the next such time of the clock or day of the week."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["date"]}, {"required": ["at"]}, {"required": ["weekday"]}]}
    )

    date: ValueOfPart = Field(default=None, description="An instant or date: order.estimated_at.")
    offset: SignedDuration | None = Field(default=None, description="So long before (-1d) or after it.")
    at: Clock | None = Field(default=None, description="The time of the customer's clock.")
    weekday: Weekday | None = Field(default=None, description="The first such day of the week from there on.")


class UntilModel(MomentModel):
    """A moment to wait for, and what to do when it moves or is past."""

    follow: bool = Field(default=False, description="Whether the wait moves when the date does.")
    if_past: Literal["go", "skip", "end"] = Field(
        default="go",
        description="If it is past already, or not known: go on, skip the next step, or end the journey.",
    )


class WaitModel(Model):
    """Waits since the step before, or since the journey's start; or until a moment.

    ```yaml
    - wait: 7d
    - wait: {for: 72h, since: start}
    - wait: {for: 4h, hours: business}
    - wait: {for: product.settling_time, default: 7d}
    - wait: {until: {date: order.estimated_at, offset: -1d, at: "10:00", follow: true, if_past: skip}}
    - wait: {until: {weekday: monday, at: "09:00"}}
    ```
    """

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["for"]}, {"required": ["until"]}]})

    id: Name | None = Field(default=None, description="The step's name.")
    title: Text | None = Field(default=None, description="What people read in the Temporal UI.")
    for_: Length | None = Field(default=None, alias="for", description="How long; also a time of the order's products.")
    default: DurationText | None = Field(default=None, description="How long, if no product of the order tells it.")
    until: UntilModel | None = Field(default=None, description="A moment of the calendar.")
    hours: Literal["business"] | None = Field(
        default=None, description="Only the shop's working time counts; a moment outside moves to the next opening."
    )
    since: Literal["previous", "start"] = Field(
        default="previous", description="Counted from the step before, or from the journey's start."
    )


def compile_wait(context: Context, step: StepNode, _base: int) -> Block:
    """One instruction: a length of time is counted by the journey itself, any other moment is looked up."""
    before = context.report.faults
    node = _written_out(step.value, step.at)
    model = validate(WaitModel, node, context.report, at=step.at)
    if isinstance(node, Mapping):
        _check(context, step, node)
    if model is None or context.report.faults > before:
        return Block(())
    if isinstance(model.for_, Duration) and model.hours is None:
        return Block((_wait(step, model, model.for_),))
    return Block((_wait_until(context, step, model),))


def _written_out(value: Node, at: Span) -> Node:
    """`wait: 7d` as `wait: {for: 7d}`."""
    if isinstance(value, Mapping):
        return value
    return Mapping(value.span, (Entry("for", at, value),))


def _wait(step: StepNode, model: WaitModel, length: Duration) -> Wait:
    label = model.title or f"waiting {duration(length)}{_since(model)}"
    return Wait(id=step.id, label=label, seconds=length.seconds, since=model.since)


def _wait_until(context: Context, step: StepNode, model: WaitModel) -> WaitUntil:
    until = model.until
    found = _when(model)
    label = model.title or f"waiting {moment(found)}{_since(model)}"
    followed = _followed(found.date, context) if until and until.follow else ()
    return WaitUntil(
        id=step.id,
        label=label,
        when=found,
        since=model.since,
        if_past=until.if_past if until else "go",
        follow=tuple(EventTrigger(event=kind) for kind in followed),
    )


def _when(model: WaitModel) -> When:
    business = model.hours == "business"
    if isinstance(model.for_, Duration):
        return When(offset=model.for_.seconds, business=business)
    if model.until is None:
        default = 0 if model.default is None else model.default.seconds
        return When(length=str(model.for_).partition(".")[2], default=default, business=business)
    return when(model.until, business=business)


def when(until: MomentModel, *, business: bool = False) -> When:
    """A moment as written, for the plan."""
    date = until.date if isinstance(until.date, str) else ""
    return When(date=date, offset=until.offset or 0, at=until.at or "", weekday=until.weekday or "", business=business)


def _since(model: WaitModel) -> str:
    return " since the start" if model.since == "start" else ""


def _check(context: Context, step: StepNode, node: Mapping) -> None:
    """What the model cannot: that the parts fit each other, and that names exist."""
    report = context.report
    given = [key for key in ("for", "until") if node.entry(key)]
    if len(given) != 1:
        report.error("RG210", step.at, " and ".join(given) or "neither", "one of for or until")
    length, until = node.get("for"), node.get("until")
    of_product = isinstance(length, Scalar) and length.text in LENGTHS
    if of_product and isinstance(length, Scalar) and "order" not in context.scope.scoped:
        report.error("RG311", length.span, length.text, "a playbook for an order: its products are meant")
    if (default := node.entry("default")) and not of_product:
        report.error("RG201", default.span, "default", "default beside a time of products")
    if hours := node.entry("hours"):
        check_business_hours(context, hours)
    if isinstance(until, Mapping):
        check_moment(context, until)


def check_business_hours(context: Context, hours: Entry) -> None:
    """That the policy says when the shop works, where that is what counts."""
    if context.policy is not None and not context.policy.business_hours:
        context.report.error("RG202", hours.span, "no business_hours", "business_hours in policy.yaml")


def check_moment(context: Context, until: Mapping) -> None:
    """What its model cannot: that its parts fit each other, and that the date exists."""
    named = until.entry("date")
    if named is not None:
        check_date(named, context.scope, context.report)
        return
    if not any(until.entry(key) for key in ("at", "weekday")):
        context.report.error("RG210", until.span, "no moment", "date, at or weekday")
    for key in ("offset", "follow", "if_past"):
        if entry := until.entry(key):
            context.report.error("RG201", entry.span, key, f"{key} beside a date")


def _followed(name: str, context: Context) -> tuple[str, ...]:
    """The kinds of events that can move a date: those that tell the field; of an attribute, all about the subject."""
    events = context.events
    head, dot, field = name.partition(".")
    own = [kind for kind, subject in events.subjects.items() if concerns(context.subject, subject)]
    if not dot:
        return tuple(sorted(own))
    telling = [
        kind
        for kind in own
        if events.subjects[kind] == head and (field in events.fields[kind] or field == _instant_of(kind, SCOPES[head]))
    ]
    return tuple(sorted(telling or [kind for kind in own if events.subjects[kind] == head]))


def _instant_of(kind: str, relation: str) -> str | None:
    source = EVENT_SOURCES.get(kind)
    if source is None or source.relation != relation:
        return None
    return source.instant or RELATIONS[relation].instant


WAIT = StepKind(
    "wait",
    "Waits a length of time since the step before or the journey's start, or until a moment of the calendar.",
    compile_wait,
    WaitModel,
    shorthand={"x-definition": "duration"},
)
