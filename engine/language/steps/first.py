"""The step first: a race, of which the first trigger that comes decides."""

from pydantic import Field

from engine.calendar.durations import Duration
from engine.journeys.plan import First, Trigger, Way
from engine.language.issues import Span
from engine.language.located import Entry, Mapping, Node, Scalar
from engine.language.model import Model
from engine.language.steps.kind import Block, Context, StepKind, StepNode
from engine.language.steps.ways import compile_ways
from engine.language.triggers import TriggerModel, compile_triggers, trigger_part
from engine.language.validate import sequence, validate
from engine.language.values import DurationText, StepsPart
from engine.language.words import duration, triggers


class WayModel(TriggerModel):
    """One way out of a race: a trigger, and the steps that follow if it comes first."""

    then: StepsPart = Field(description="Steps.")


class WithinModel(Model):
    """How long a race lasts."""

    within: DurationText = Field(description="The longest time to wait.")


def compile_first(context: Context, step: StepNode, base: int) -> Block:
    """`First`, then the ways and the block else, each leading on to where they meet.

    ```yaml
    - first:
        - {event: order.shipped, then: [{wait: 1d}]}
        - {event: order.cancelled, then: [end]}
      within: 14d
      else: [{task: {team: logistics, title: Ask where it is}}]
    ```
    """
    before = context.report.faults
    listed = sequence(step.value, context.report, "a list of triggers, each with then", step.at)
    items = listed.items if listed is not None else ()
    if listed is not None and not items:
        context.report.error("RG211", listed.span, "an empty list", "triggers, each with then")
    found = [_way(context, item) for item in items]
    within = _within(context, step)
    ways: list[tuple[Node | None, Span]] = [(then, span) for _, then, span in found]
    compiled = compile_ways(context, step, [*ways, (step.beside("else"), step.at)], base + 1)
    if within is None or context.report.faults > before:
        return compiled.behind()
    made = tuple(Way(any=any_of, to=to) for (any_of, _, _), to in zip(found, compiled.starts, strict=False))
    title = step.beside("title")
    awaited = triggers(tuple(each for any_of, _, _ in found for each in any_of))
    label = title.text if isinstance(title, Scalar) and title.text else f"waiting for the first of {awaited}"
    return compiled.behind(
        First(
            id=step.id,
            label=f"{label}, at most {duration(within)}",
            ways=made,
            within=within.seconds,
            orelse=compiled.starts[-1],
        )
    )


def _way(context: Context, item: Node) -> tuple[tuple[Trigger, ...], Node | None, Span]:
    holder, _ = trigger_part(WayModel, item, context.report, item.span)
    if holder is None:
        return (), None, item.span
    any_of = compile_triggers(holder, context.subject, context.events, context.scope, context.report, holder.span)
    return any_of, holder.get("then"), holder.span


def _within(context: Context, step: StepNode) -> Duration | None:
    within = step.beside("within")
    if within is None:
        context.report.error("RG202", step.at, "no key within", "the key within: how long at most")
        return None
    holder = Mapping(within.span, (Entry("within", step.at, within),))
    model = validate(WithinModel, holder, context.report)
    return model.within if model else None


FIRST = StepKind(
    "first",
    "A race: the first of several triggers decides, within a time.",
    compile_first,
    definition="first",
    blocks=("else",),
    beside=("id", "title"),
    other=("within",),
    fails=False,
)
