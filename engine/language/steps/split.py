"""The step split: an experiment whose arms are chosen by a hash."""

from pydantic import Field

from engine.journeys.experiment import WHOLE
from engine.journeys.plan import Arm, Split
from engine.language.issues import one_of
from engine.language.located import Mapping
from engine.language.model import Model
from engine.language.steps.kind import Block, Context, StepKind, StepNode
from engine.language.steps.ways import compile_ways
from engine.language.validate import mapping, validate
from engine.language.values import Name, Percent, Text
from engine.language.words import name as in_words


class SplitModel(Model):
    """An experiment: each subject always gets the same arm, in each of its journeys.

    ```yaml
    - split: {id: wording, shares: {short: 45%, long: 45%, nothing: 10%}}
      arms:
        short: [{wait: 1d}]
        long: [{wait: 2d}]
    ```
    """

    id: Name = Field(description="The experiment's name.")
    title: Text | None = Field(default=None, description="What people read in the Temporal UI.")
    shares: dict[Name, Percent] = Field(
        description="The share of each arm, together 100%; an arm without steps goes on at once."
    )


def compile_split(context: Context, step: StepNode, base: int) -> Block:
    """`Split`, then the arms, each leading on to where they meet."""
    before = context.report.faults
    model = validate(SplitModel, step.value, context.report, at=step.at)
    node = step.beside("arms")
    arms = None if node is None else mapping(node, context.report, "steps by the name of an arm", step.at)
    if arms is not None and not arms.entries:
        context.report.error("RG211", arms.span, "an empty mapping", "steps by the name of an arm")
    if model is not None and arms is not None:
        _check(context, step, model, arms)
    named = list(arms) if arms is not None else []
    idle = [name for name in model.shares if arms is not None and arms.get(name) is None] if model else []
    ways = [(each.value, each.span) for each in named]
    compiled = compile_ways(context, step, [*ways, *([(None, step.at)] if idle else [])], base + 1)
    if model is None or arms is None or context.report.faults > before:
        return compiled.behind()
    starts = {each.key: start for each, start in zip(named, compiled.starts, strict=False)}
    made = tuple(
        Arm(name=name, share=share, to=starts.get(name, compiled.starts[-1])) for name, share in model.shares.items()
    )
    label = model.title or f"experiment {in_words(step.id)}: {one_of(model.shares)}"
    return compiled.behind(Split(id=step.id, label=label, arms=made))


def _check(context: Context, step: StepNode, model: SplitModel, arms: Mapping) -> None:
    if sum(model.shares.values()) != WHOLE:
        total = f"{sum(model.shares.values()) / 100:g}% together"
        context.report.error("RG209", step.at, total, "shares of 100% together")
    for entry in arms:
        if entry.key not in model.shares:
            context.report.error("RG308", entry.span, entry.key, f"an arm with a share: {one_of(model.shares)}")


SPLIT = StepKind(
    "split",
    "An experiment: each subject always gets the same arm.",
    compile_split,
    SplitModel,
    other=("arms",),
    required=("arms",),
    fails=False,
)
