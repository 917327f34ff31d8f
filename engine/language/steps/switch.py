"""The step switch: goes on by an attribute's value."""

from pydantic import Field

from engine.journeys.plan import Switch
from engine.language.issues import did_you_mean, one_of
from engine.language.located import Entry, Mapping, Scalar, found
from engine.language.model import Model
from engine.language.operands import listed
from engine.language.scope import ALL_SCOPES, Typed
from engine.language.steps.kind import Block, Context, StepKind, StepNode
from engine.language.steps.ways import compile_ways
from engine.language.validate import mapping, validate
from engine.language.values import Name, Text, ValueOfPart

_CHOOSING = ("string", "boolean", "integer")


class SwitchModel(Model):
    """Goes on with the steps of the case that is the attribute's value as of this moment.

    ```yaml
    - switch: {on: country}
      cases:
        DE: [{wait: 1d}]
        FR: [{wait: 2d}]
      else: [end]
    ```
    """

    id: Name | None = Field(default=None, description="The step's name.")
    title: Text | None = Field(default=None, description="What people read in the Temporal UI.")
    on: ValueOfPart = Field(description="The attribute, or field of the subject, whose value chooses.")


def compile_switch(context: Context, step: StepNode, base: int) -> Block:
    """`Switch`, then the cases and the block else, each leading on to where they meet."""
    before = context.report.faults
    model = validate(SwitchModel, step.value, context.report, at=step.at)
    named = step.value.entry("on") if isinstance(step.value, Mapping) else None
    typed = _typed(named, context) if named is not None else None
    cases = _cases(context, step)
    if typed is not None:
        _check_cases(cases, typed, context)
    ways = [(each.value, each.span) for each in cases]
    compiled = compile_ways(context, step, [*ways, (step.beside("else"), step.at)], base + 1)
    if model is None or typed is None or not isinstance(model.on, str) or context.report.faults > before:
        return compiled.behind()
    starts = dict(zip([each.key for each in cases], compiled.starts, strict=False))
    label = model.title or f"choosing by {model.on}"
    return compiled.behind(Switch(id=step.id, label=label, on=model.on, cases=starts, orelse=compiled.starts[-1]))


def _cases(context: Context, step: StepNode) -> tuple[Entry, ...]:
    node = step.beside("cases")
    holder = None if node is None else mapping(node, context.report, "steps by value", step.at)
    if holder is not None and not holder.entries:
        context.report.error("RG211", holder.span, "an empty mapping", "steps by value")
    return () if holder is None else holder.entries


def _typed(named: Entry, context: Context) -> Typed | None:
    node, report, scope = named.value, context.report, context.scope
    text = node.text if isinstance(node, Scalar) else ""
    head, dot, field = text.partition(".")
    if not text:
        report.error("RG203", named.span, found(node), "an attribute")
    elif scope.disables(text):
        report.warning("RG313", node.span, text, "a sound attribute", "correct it first: it has errors of its own")
    elif dot and head in ALL_SCOPES and head not in scope.scoped:
        here = one_of([f"{each}." for each in scope.scoped]) or "no scope"
        report.error("RG311", node.span, text, f"names of this place: {here} and bare names")
    elif text not in scope.names:
        known = scope.scoped.get(head, {}) if dot else scope.bare
        code, what = ("RG303", f"a field of {head}") if dot else ("RG301", "an attribute")
        report.error(code, node.span, text, what, did_you_mean(field or head, known))
    elif scope.names[text].type not in _CHOOSING:
        kind = scope.names[text].type
        report.error("RG402", node.span, f"{text}, of type {kind}", f"an attribute of type {one_of(_CHOOSING)}")
    else:
        return scope.names[text]
    return None


def _check_cases(cases: tuple[Entry, ...], typed: Typed, context: Context) -> None:
    """A case that can never come is a slip."""
    for entry in cases:
        if typed.type == "boolean" and entry.key not in ("true", "false"):
            context.report.error("RG401", entry.span, entry.key, "the case true or false")
        elif typed.type == "integer" and not entry.key.removeprefix("-").isdecimal():
            context.report.error("RG401", entry.span, entry.key, "a whole number")
        elif typed.choices is not None:
            listed(Scalar(entry.span, entry.key, entry.key), entry.key, typed, context.report)


SWITCH = StepKind(
    "switch",
    "Goes on by an attribute's value as of this moment.",
    compile_switch,
    SwitchModel,
    blocks=("else",),
    other=("cases",),
    required=("cases",),
)
