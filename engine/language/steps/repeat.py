"""The step repeat: the same steps again, at most so often."""

from pydantic import Field

from engine.journeys.plan import Again, Branch, Jump, Repeat, Step
from engine.language.conditions import compile_condition
from engine.language.located import Mapping, Node, Sequence
from engine.language.model import Model
from engine.language.steps.block import compile_block
from engine.language.steps.kind import Block, Context, StepKind, StepNode
from engine.language.validate import validate
from engine.language.values import ConditionPart, DurationText, Name, Text
from engine.language.words import condition as in_words
from engine.language.words import duration

WAITS = ("wait", "wait_for", "first")
"""Steps that let time pass."""


class RepeatModel(Model):
    """Repeats steps, at most so often.

    ```yaml
    - repeat: {times: 3, every: 7d, until: {first_time_buyer: false}}
      steps: [{send: {channel: email, template: unpaid}}]
    - repeat: {times: 2}
      steps: [{wait: 7d}]
    ```
    """

    id: Name | None = Field(default=None, description="The step's name.")
    title: Text | None = Field(default=None, description="What people read in the Temporal UI.")
    times: int = Field(ge=1, le=1000, description="At most so often.")
    every: DurationText | None = Field(default=None, description="From the start of one to the start of the next.")
    until: ConditionPart = Field(default=None, description="Asked before each round: no further once this holds.")


def compile_repeat(context: Context, step: StepNode, base: int) -> Block:
    """`Repeat`, a branch past all if `until` holds, the steps, `Again`."""
    before = context.report.faults
    model = validate(RepeatModel, step.value, context.report, at=step.at)
    entry = step.value.entry("until") if isinstance(step.value, Mapping) else None
    until = None if entry is None else compile_condition(entry.value, context.scope_at(step), context.report)
    steps = step.beside("steps")
    body_at = base + (3 if entry is not None else 1)
    body = Block(()) if steps is None else compile_block(context, steps, body_at, step.at)
    every = isinstance(step.value, Mapping) and step.value.entry("every") is not None
    if isinstance(steps, Sequence) and steps.items and not every and not _waits(steps):
        hint = "add every: 7d beside times, or a wait to its steps"
        context.report.error("RG503", step.at, "steps without a wait", "a wait in each round", hint)
    if model is None or context.report.faults > before:
        return Block(())
    last = body_at + len(body.code)
    asked: tuple[Step, ...] = ()
    if until is not None:
        label = f"{model.title}: is it over" if model.title else f"asking whether {in_words(until)}"
        asked = (
            Branch(id=f"{step.id}/until", label=label, condition=until, orelse=body_at),
            Jump(id=f"{step.id}/enough", to=last + 1),
        )
    pause = f", every {duration(model.every)}" if model.every else ""
    label = model.title or f"repeating, at most {model.times} times{pause}"
    first = Repeat(id=step.id, label=label, times=model.times, last=last)
    seconds = model.every.seconds if model.every else None
    again = Again(id=f"{step.id}/again", label=f"the next round{pause}", repeat=base, times=model.times, every=seconds)
    return Block((first, *asked, *body.code, again), open=True)


def _waits(node: Node) -> bool:
    """Whether every round lets time pass: a wait that stands in a branch may be passed by."""
    items = node.items if isinstance(node, Sequence) else ()
    return any(isinstance(item, Mapping) and any(entry.key in WAITS for entry in item) for item in items)


REPEAT = StepKind(
    "repeat",
    "Repeats steps, at most so often.",
    compile_repeat,
    RepeatModel,
    blocks=("steps",),
    required=("steps",),
)
