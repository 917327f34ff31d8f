"""The step tag: gives the customer tags, or takes them, in the playbook's name."""

from pydantic import ConfigDict, Field

from engine.journeys.plan import Tag
from engine.language.located import Mapping, Scalar, Sequence
from engine.language.model import Model
from engine.language.operands import listed
from engine.language.steps.kind import Block, Context, StepKind, StepNode
from engine.language.validate import validate
from engine.language.values import DurationText, Name, Names, Text


class TagStepModel(Model):
    """Gives the customer tags, or takes away what was given.

    ```yaml
    - tag: {add: guest-of-honour, expires: 30d}
    - tag: {remove: guest-of-honour}
    ```
    """

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["add"]}, {"required": ["remove"]}]})

    id: Name | None = Field(default=None, description="The step's name.")
    title: Text | None = Field(default=None, description="What people read in the Temporal UI.")
    add: Names | None = Field(default=None, description="Tags that are given.")
    remove: Names | None = Field(default=None, description="Tags that are taken, if a person or playbook gave them.")
    expires: DurationText | None = Field(default=None, description="How long they are kept; default: until taken.")


def compile_tag(context: Context, step: StepNode, _base: int) -> Block:
    """One instruction; the tags must be ones that the rules know."""
    before = context.report.faults
    model = validate(TagStepModel, step.value, context.report, at=step.at)
    if isinstance(step.value, Mapping):
        _check(context, step, step.value)
    if model is None or context.report.faults > before:
        return Block(())
    add, remove = model.add or (), model.remove or ()
    words = [_words("giving", add)] * bool(add) + [_words("taking", remove)] * bool(remove)
    expires = None if model.expires is None else model.expires.seconds
    label = model.title or " and ".join(words)
    tag = Tag(id=step.id, label=label, add=add, remove=remove, expires=expires)
    context.causes.append((step.at, tag))
    return Block((tag,))


def _words(doing: str, tags: tuple[str, ...]) -> str:
    return f"{doing} the tag{'s' if len(tags) > 1 else ''} {', '.join(tags)}"


def _check(context: Context, step: StepNode, node: Mapping) -> None:
    given = [key for key in ("add", "remove") if node.entry(key)]
    if not given:
        context.report.error("RG210", step.at, "neither", "add, remove or both")
    if (expires := node.entry("expires")) and "add" not in given:
        context.report.error("RG201", expires.span, "expires", "expires beside add")
    typed = context.scope.bare.get("tags")
    seen: set[str] = set()
    for key in given:
        value = node.get(key)
        for item in value.items if isinstance(value, Sequence) else (value,):
            if not isinstance(item, Scalar) or not isinstance(item.value, str):
                continue
            if typed is not None:
                listed(item, item.text, typed, context.report)
            if item.text in seen:
                context.report.error("RG309", item.span, item.text, "each tag once")
            seen.add(item.text)


TAG = StepKind("tag", "Gives the customer tags, or takes them.", compile_tag, TagStepModel)
