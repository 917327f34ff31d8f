"""The step parallel: several lists of steps at once."""

from engine.journeys.plan import Join, Parallel, Step
from engine.language.issues import one_of
from engine.language.located import Scalar
from engine.language.steps.block import compile_block
from engine.language.steps.kind import Block, Context, StepKind, StepNode
from engine.language.validate import mapping


def compile_parallel(context: Context, step: StepNode, base: int) -> Block:
    """`Parallel`, then each list of steps with a `Join` behind it.

    ```yaml
    - parallel:
        by-mail: [{send: {channel: email, template: unpaid}}, {wait: 1d}]
        by-phone: [{task: {id: phone, team: care}}]
    ```
    """
    before = context.report.faults
    holder = mapping(step.value, context.report, "steps by name", step.at)
    entries = holder.entries if holder is not None else ()
    if holder is not None and not entries:
        context.report.error("RG211", holder.span, "an empty mapping", "steps by name")
    code: list[Step] = []
    starts: list[int] = []
    closed = False
    for entry in entries:
        starts.append(base + 1 + len(code))
        block = compile_block(context, entry.value, starts[-1], entry.span)
        join = (Join(id=f"{step.id}/{entry.key}"),) if block.open else ()
        code += [*block.code, *join]
        closed = closed or not block.open
    if context.report.faults > before:
        return Block(())
    title = step.beside("title")
    named = isinstance(title, Scalar) and title.text
    label = title.text if isinstance(title, Scalar) and named else f"at once: {one_of(each.key for each in entries)}"
    first = Parallel(id=step.id, label=label, branches=tuple(starts), join=base + 1 + len(code))
    return Block((first, *code), open=not closed)


PARALLEL = StepKind(
    "parallel",
    "Several lists of steps at once; goes on when all of them have come to their end.",
    compile_parallel,
    definition="parallel",
    beside=("id", "title"),
    fails=False,
)
