"""The step wait: a length of time."""

from typing import Literal

from pydantic import Field

from engine.calendar.durations import Duration
from engine.journeys.plan import Wait
from engine.language.issues import Span
from engine.language.located import Entry, Mapping, Node, Scalar
from engine.language.model import Model
from engine.language.steps.kind import Block, Context, StepKind, StepNode
from engine.language.validate import validate
from engine.language.values import DurationText, Name, Text
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


def _not_yet(context: Context, value: Node) -> bool:
    entries = value.entries if isinstance(value, Mapping) else ()
    later = [entry for entry in entries if entry.key in LATER]
    for entry in later:
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
)
