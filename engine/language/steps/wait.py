"""The step wait: a length of time."""

from typing import Literal

from pydantic import Field

from engine.calendar.durations import Duration
from engine.journeys.plan import Wait
from engine.language.issues import Span, did_you_mean
from engine.language.located import Entry, Mapping, Node, Scalar, found
from engine.language.model import Model
from engine.language.steps.kind import Block, Context, StepKind, StepNode
from engine.language.validate import validate
from engine.language.values import AttributePart, Clock, DurationText, Name, SignedDuration, Text
from engine.language.words import duration

LATER = ("until", "hours", "follow", "if_past")


class WaitModel(Model):
    """Waits since the step before, or since the journey's start.

    ```yaml
    - wait: 7d
    - wait: {for: 72h, since: start}
    ```
    """

    id: Name | None = Field(default=None, description="The step's name.")
    title: Text | None = Field(default=None, description="What people read in the Temporal UI.")
    for_: DurationText = Field(alias="for", description="How long.")
    since: Literal["previous", "start"] = Field(
        default="previous", description="Counted from the step before, or from the journey's start."
    )


def compile_wait(context: Context, step: StepNode, _base: int) -> Block:
    """One instruction."""
    if _not_yet(context, step.value):
        return Block(())
    model = validate(WaitModel, _written_out(step.value, step.at), context.report, at=step.at)
    return Block((_instruction(step, model),) if model else ())


def _instruction(step: StepNode, model: WaitModel) -> Wait:
    length: Duration = model.for_
    since = " since the start" if model.since == "start" else ""
    label = model.title or f"waiting {duration(length)}{since}"
    return Wait(id=step.id, label=label, seconds=length.seconds, since=model.since)


def _written_out(value: Node, at: Span) -> Node:
    """`wait: 7d` as `wait: {for: 7d}`."""
    if isinstance(value, Mapping):
        return value
    return Mapping(value.span, (Entry("for", at, value),))


class UntilModel(Model):
    """A date, and a time before or after it."""

    date: AttributePart = Field(description="An instant or date: order.estimated_at.")
    offset: SignedDuration | None = Field(default=None, description="So long before (-1d) or after it.")
    at: Clock | None = Field(default=None, description="The time of the customer's clock.")
    follow: bool = Field(default=False, description="Whether the wait moves when the date does.")
    if_past: Literal["go", "skip", "end"] = Field(default="go", description="What is done if it is past already.")


def _check_until(context: Context, entry: Entry) -> None:
    node = entry.value
    model = validate(UntilModel, node, context.report, at=entry.span)
    named = node.get("date") if isinstance(node, Mapping) else None
    if model is None or not isinstance(named, Scalar) or not named.text:
        return
    head, dot, tail = named.text.partition(".")
    known = context.scope.scoped.get(head, {}) if dot else context.scope.bare
    typed = known.get(tail if dot else head)
    if typed is None and not context.scope.disables(named.text):
        code, what = ("RG303", f"a field of {head}") if dot else ("RG301", "an attribute")
        context.report.error(code, named.span, named.text, what, did_you_mean(tail or head, known))
    elif typed is not None and typed.type not in ("date", "instant"):
        context.report.error("RG401", named.span, f"{named.text}, of type {typed.type}", "a date or an instant")


def _not_yet(context: Context, value: Node) -> bool:
    entries = value.entries if isinstance(value, Mapping) else ()
    later = [entry for entry in entries if entry.key in LATER]
    for entry in later:
        if entry.key == "until":
            _check_until(context, entry)
        if entry.key == "hours" and not (isinstance(entry.value, Scalar) and entry.value.text == "business"):
            context.report.error("RG204", entry.value.span, found(entry.value), "business")
        context.report.error("RG501", entry.span, f"wait with {entry.key}", "wait with for and since", "it is planned")
    length = value.get("for") if isinstance(value, Mapping) else None
    if isinstance(length, Scalar) and length.text.startswith("product."):
        context.report.error("RG501", length.span, f"wait for {length.text}", "a duration such as 7d", "it is planned")
        return True
    return bool(later)


WAIT = StepKind(
    "wait",
    "Waits a length of time since the step before, or since the journey's start.",
    compile_wait,
    WaitModel,
    shorthand={"x-definition": "duration"},
    fails=False,
)
