"""The step update: sets fields of the customer's record."""

from functools import cache
from typing import Any

from pydantic import Field

from engine.journeys.plan import Update
from engine.language.files import shipped_contracts
from engine.language.issues import one_of
from engine.language.located import Mapping
from engine.language.model import Model
from engine.language.steps.kind import Block, Context, StepKind, StepNode
from engine.language.steps.values import Given, check_given, read_given
from engine.language.validate import mapping, validate
from engine.language.values import Name, Text, UpdatePart

_EVENT = "customer.updated"
_NOT_OF_RULES = frozenset({"known_since"})


class UpdateModel(Model):
    """Sets fields of the customer's record: a fact like one that the shop tells, once, under the step's key.

    ```yaml
    - update: {set: {source: win-back}}
    ```
    """

    id: Name | None = Field(default=None, description="The step's name.")
    title: Text | None = Field(default=None, description="What people read in the Temporal UI.")
    set: UpdatePart = Field(description="Fields and their new values.")


@cache
def update_schema() -> dict[str, Any]:
    """What may be set: the fields of the event `customer.updated` that rules may tell, and that name nobody."""
    told = shipped_contracts()[_EVENT]
    properties = {
        name: part
        for name, part in told["properties"].items()
        if name not in _NOT_OF_RULES and not part.get("personal")
    }
    return {"type": "object", "properties": properties}


def compile_update(context: Context, step: StepNode, _base: int) -> Block:
    """One instruction."""
    before = context.report.faults
    model = validate(UpdateModel, step.value, context.report, at=step.at)
    given = _checked(context, step, step.value) if isinstance(step.value, Mapping) else Given()
    if model is None or context.report.faults > before:
        return Block(())
    label = model.title or f"setting the customer's {one_of((*given.literal, *given.looked_up))}"
    update = Update(id=step.id, label=label, given=given.literal, looked_up=given.looked_up)
    context.causes.append((step.at, update))
    return Block((update,))


def _checked(context: Context, step: StepNode, node: Mapping) -> Given:
    entry = node.entry("set")
    fields = (
        None if entry is None else mapping(entry.value, context.report, "fields, such as {locale: de-DE}", entry.span)
    )
    if entry is None or fields is None:
        return Given()
    if not fields.entries:
        context.report.error("RG211", fields.span, "an empty mapping", "at least one field")
    scope = context.scope_at(step)
    given = read_given(fields, scope, context.report)
    check_given(fields, given, update_schema(), scope, context.report, entry.span)
    return given


UPDATE = StepKind("update", "Sets fields of the customer's record.", compile_update, UpdateModel)
