"""The step wait_for: an event, at most so long, with a block for either outcome."""

from pydantic import Field

from engine.journeys.plan import Jump, WaitFor
from engine.language.located import Mapping, Node
from engine.language.steps.block import compile_block
from engine.language.steps.kind import Block, Context, StepKind, StepNode
from engine.language.steps.wait import MomentModel, check_moment, when
from engine.language.triggers import TriggerModel, compile_triggers, trigger_part
from engine.language.values import DurationText, Name, Text
from engine.language.words import duration, moment, triggers


class WaitForModel(TriggerModel):
    """Waits for one of the triggers, at most so long."""

    id: Name | None = Field(default=None, description="The step's name.")
    title: Text | None = Field(default=None, description="What people read in the Temporal UI.")
    within: DurationText = Field(description="The longest time to wait.")
    until: MomentModel | None = Field(default=None, description="A moment at which the wait is over in any case.")


def compile_wait_for(context: Context, step: StepNode, base: int) -> Block:
    """`WaitFor`, the block got, a jump past the block else, the block else.

    ```yaml
    - wait_for: {event: order.shipped, within: 14d}
      got: [{wait: 2d}]
      else: [{task: {id: ask, team: logistics, due: 4h}}]
    - wait_for: {event: order.delivered, until: {date: order.estimated_at}, within: 28d}
    ```
    """
    holder, model = trigger_part(WaitForModel, step.value, context.report, step.at)
    any_of = (
        compile_triggers(holder, context.subject, context.events, context.scope, context.report, step.at)
        if holder
        else ()
    )
    until = holder.get("until") if holder else None
    if isinstance(until, Mapping):
        check_moment(context, until)
    got = _block(context, step, step.beside("got"), base + 1)
    jumps = 1 if step.beside("else") is not None and got.open else 0
    other_base = base + 1 + len(got.code) + jumps
    other = _block(context, step, step.beside("else"), other_base)
    if model is None or not any_of:
        return Block(())
    jump = (Jump(id=f"{step.id}/join", to=other_base + len(other.code)),) * jumps
    ends = when(model.until) if model.until else None
    label = f"waiting for {triggers(any_of)}{f' {moment(ends)}' if ends else ''}, at most {duration(model.within)}"
    wait = WaitFor(
        id=step.id,
        label=str(model.title or label),
        any=any_of,
        within=model.within.seconds,
        until=ends,
        got=base + 1,
        orelse=other_base,
    )
    return Block((wait, *got.code, *jump, *other.code), got.open or other.open)


def _block(context: Context, step: StepNode, node: Node | None, base: int) -> Block:
    return Block(()) if node is None else compile_block(context, node, base, step.at)


WAIT_FOR = StepKind(
    "wait_for",
    "Waits for an event, at most so long: then goes on with got, else with else.",
    compile_wait_for,
    WaitForModel,
    definition="wait-for",
    blocks=("got", "else"),
)
