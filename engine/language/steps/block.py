"""Blocks: a list of steps to flat code, every jump forward."""

from collections.abc import Collection, Iterator

from pydantic import Field

from engine.journeys.plan import Jump, Step, WaitUntil, never_fails
from engine.language.issues import Report, Span, closest, did_you_mean, one_of
from engine.language.located import Entry, Mapping, Node, Scalar, Sequence, found
from engine.language.model import Model
from engine.language.steps.kind import Block, Context, StepKind, StepNode
from engine.language.validate import sequence, validate
from engine.language.values import Name, Text

FAILURE = "on_failure"
NESTED = ("then", "else", "got", "steps", FAILURE)
NESTED_BY_NAME = ("cases", "arms", "parallel")


def blocks_of(item: Mapping) -> Iterator[Node]:
    """The lists of steps inside a step, in the order of writing."""
    for entry in item:
        if entry.key in NESTED:
            yield entry.value
        elif entry.key in NESTED_BY_NAME and isinstance(entry.value, Mapping):
            yield from (each.value for each in entry.value)
        elif entry.key == "first" and isinstance(entry.value, Sequence):
            for way in entry.value.items:
                then = way.get("then") if isinstance(way, Mapping) else None
                if then is not None:
                    yield then


class BesideModel(Model):
    """What may stand beside a kind whose value is no mapping of its own."""

    id: Name | None = Field(default=None, description="The step's name.")
    title: Text | None = Field(default=None, description="What people read in the Temporal UI.")


def compile_block(context: Context, node: Node, base: int, at: Span) -> Block:
    """Compiles a list of steps.

    Args:
        context: The playbook's surroundings.
        node: The list.
        base: The index that the first instruction will have.
        at: Where to show that steps are missing.
    """
    listed = sequence(node, context.report, "a list of steps", at)
    if listed is None:
        return Block(())
    if not listed.items:
        context.report.error("RG211", listed.span, "an empty list", "at least one step")
    code: list[Step] = []
    reachable = True
    skipping: list[WaitUntil] = []
    for item in listed.items:
        if not reachable:
            context.report.error(
                "RG502", item.span, "a step after the end", "nothing", "remove it, or the end before it"
            )
            break
        block = _step(context, item, base + len(code))
        code += block.code
        passed = bool(skipping)
        code = [_skip(each, base + len(code)) if each in skipping else each for each in code]
        skipping = [each for each in block.code[:1] if isinstance(each, WaitUntil) and each.if_past == "skip"]
        reachable = block.open or passed
    return Block(tuple(code), reachable)


def _step(context: Context, item: Node, base: int) -> Block:
    step = _identify(context, item)
    if step is None:
        return Block(())
    kind = context.kinds[step.kind]
    _check_beside(context, step, kind)
    block = kind.compile(context, step, base)
    return _with_failure(context, step, kind, block, base)


def _skip(step: Step, to: int) -> Step:
    """The wait, leading past the step that comes after it where its moment is past already."""
    return step.model_copy(update={"skip_to": to})


def _with_failure(context: Context, step: StepNode, kind: StepKind, block: Block, base: int) -> Block:
    """The block, a jump past the steps for its failure, and those steps.

    They are for the step's own failure: steps inside its blocks have their own.
    """
    entry = None if step.holder is None else step.holder.entry(FAILURE)
    if entry is None:
        return block
    jumps = 1 if block.open else 0
    other_base = base + len(block.code) + jumps
    other = compile_block(context, entry.value, other_base, entry.span)
    own = (step.id, f"{step.id}/until")
    failing = [each for each in block.code if each.id in own and not never_fails(each)]
    if block.code and not failing:
        context.report.warning(
            "RG502", entry.span, f"{FAILURE} beside {kind.name}, which never fails", "it beside a step that can fail"
        )
        return block
    code = [each.model_copy(update={"on_failure": other_base}) if each in failing else each for each in block.code]
    jump = (Jump(id=f"{step.id}/done", to=other_base + len(other.code)),) * jumps
    return Block((*code, *jump, *other.code), block.open or other.open)


def _identify(context: Context, item: Node) -> StepNode | None:
    """Which step an entry is; None and an issue if it is none that runs."""
    place = context.steps.get(context.ids.get(item.span, ""), 0)
    identity = context.ids.get(item.span, "")
    if isinstance(item, Scalar) and item.text == "end" and isinstance(item.value, str):
        return StepNode("end", identity, place, item.span, Scalar(item.span, None, ""), None)
    if not isinstance(item, Mapping) or not item.entries:
        context.report.error("RG203", item.span, found(item), "a step such as send: {…}", _hint(item, context))
        return None
    entry = kind_entry(item, context.kinds, context.report)
    if entry is None:
        return None
    return StepNode(entry.key, identity, place, entry.span, entry.value, item)


def kind_entry(item: Mapping, known: Collection[str], report: Report | None = None) -> Entry | None:
    """The entry that says what kind of step it is; without a report even if it is not sound."""
    named = [entry for entry in item if entry.key in known]
    if report is None:
        return named[0] if named else None
    if not named:
        first = next((entry for entry in item if entry.key not in (*NESTED, "id", "title")), item.entries[0])
        hint = did_you_mean(first.key, known)
        report.error("RG201", first.span, first.key, f"a kind of step: {one_of(known)}", hint)
        return None
    if len(named) > 1:
        given = f"{named[0].key} and {named[1].key} in one step"
        report.error(
            "RG210", named[1].span, given, "one kind in each step", f"begin {named[1].key} in a new line with a dash"
        )
        return None
    return named[0]


def _check_beside(context: Context, step: StepNode, kind: StepKind) -> None:
    """Only the kind's own blocks may stand beside it, and some must."""
    if step.holder is None:
        return
    allowed = (*kind.blocks, *kind.beside, *kind.other, FAILURE)
    for entry in step.holder:
        if entry.key != kind.name and entry.key not in allowed:
            hint = did_you_mean(entry.key, allowed) or _inside(entry.key, kind)
            expected = f"beside {kind.name}: {one_of(allowed)}"
            context.report.error("RG201", entry.span, entry.key, expected, hint)
    beside = tuple(entry for entry in step.holder if entry.key in kind.beside)
    validate(BesideModel, Mapping(step.holder.span, beside), context.report)
    for key in kind.required:
        misspelt = any(closest(entry.key, allowed) == key for entry in step.holder if entry.key not in allowed)
        if step.holder.get(key) is None and not misspelt:
            context.report.error("RG202", step.at, f"no key {key}", f"the key {key} beside {kind.name}")


def _inside(key: str, kind: StepKind) -> str:
    inside = kind.model is not None and key in kind.model.model_fields
    return f"it belongs inside {kind.name}: indent it further" if inside else ""


def _hint(item: Node, context: Context) -> str:
    return did_you_mean(item.text, context.kinds) if isinstance(item, Scalar) and item.text else ""
