"""The step start: starts another playbook for the same subject, or for its customer."""

from pydantic import Field

from engine.journeys.plan import StartPlaybook
from engine.language.issues import did_you_mean, one_of
from engine.language.located import Mapping, Scalar, found
from engine.language.model import Model
from engine.language.steps.kind import Block, Context, StepKind, StepNode
from engine.language.validate import validate
from engine.language.values import Name, Text


class StartStepModel(Model):
    """Starts another playbook for the same subject, or for its customer, if that playbook's own terms allow it.

    ```yaml
    - start: {playbook: unpaid-orders}
    ```
    """

    id: Name | None = Field(default=None, description="The step's name.")
    title: Text | None = Field(default=None, description="What people read in the Temporal UI.")
    playbook: Name = Field(description="The playbook.")


def compile_start(context: Context, step: StepNode, _base: int) -> Block:
    """One instruction. Circles are looked for when all playbooks are known: `engine.language.circles`."""
    before = context.report.faults
    model = validate(StartStepModel, step.value, context.report, at=step.at)
    if isinstance(step.value, Mapping):
        _check(context, step, step.value)
    if model is None or context.report.faults > before:
        return Block(())
    label = model.title or f"starting {model.playbook}"
    return Block((StartPlaybook(id=step.id, label=label, given={"playbook": model.playbook}),))


def _check(context: Context, step: StepNode, node: Mapping) -> None:
    named = node.get("playbook")
    if not isinstance(named, Scalar) or not named.text:
        return
    if named.text not in context.playbooks:
        hint = did_you_mean(named.text, context.playbooks)
        expected = f"a playbook: {one_of(sorted(context.playbooks))}"
        context.report.error("RG322", named.span, found(named), expected, hint)
        return
    subject = context.playbooks[named.text]
    if subject not in (context.subject, "customer", ""):
        expected = f"a playbook for {' or '.join(dict.fromkeys((context.subject, 'customer')))}"
        context.report.error("RG326", named.span, f"{named.text}, for {subject}", expected)
    context.causes.append((named.span, StartPlaybook(id=step.id, given={"playbook": named.text})))


START = StepKind("start", "Starts another playbook.", compile_start, StartStepModel)
