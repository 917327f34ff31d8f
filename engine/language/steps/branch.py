"""The step if: a condition, asked as of the moment the journey is there."""

from engine.conditions.ast import All
from engine.journeys.plan import Branch, Jump
from engine.language.conditions import compile_condition
from engine.language.issues import shorten
from engine.language.located import Scalar
from engine.language.steps.block import compile_block
from engine.language.steps.kind import Block, Context, StepKind, StepNode
from engine.language.words import condition as in_words


def compile_if(context: Context, step: StepNode, base: int) -> Block:
    """`Branch`, the block then, a jump past the block else, the block else.

    ```yaml
    - if: {step: first, sent: true}
      then: [{wait: 2d}]
      else: [end]
    ```
    """
    condition = compile_condition(step.value, context.scope_at(step), context.report)
    then_node, else_node = step.beside("then"), step.beside("else")
    then = Block(()) if then_node is None else compile_block(context, then_node, base + 1, step.at)
    jumps = 1 if else_node is not None and then.open else 0
    other_base = base + 1 + len(then.code) + jumps
    other = Block(()) if else_node is None else compile_block(context, else_node, other_base, step.at)
    jump = (Jump(id=f"{step.id}/join", to=other_base + len(other.code)),) * jumps
    asked = All(parts=()) if condition is None else condition
    branch = Branch(id=step.id, label=_label(step, in_words(asked)), condition=asked, orelse=other_base)
    return Block((branch, *then.code, *jump, *other.code), then.open or other.open)


def _label(step: StepNode, words: str) -> str:
    title = step.beside("title")
    return shorten(title.text, 120) if isinstance(title, Scalar) and title.text else f"asking whether {words}"


IF = StepKind(
    "if",
    "Asks a condition as of this moment: then goes on with then, else with else.",
    compile_if,
    definition="condition",
    blocks=("then", "else"),
    required=("then",),
    beside=("id", "title"),
)
