"""Several blocks of which one is taken: each behind the other, all leading to where they meet."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.journeys.plan import Jump, Step
from engine.language.issues import Span
from engine.language.located import Node
from engine.language.steps.block import compile_block
from engine.language.steps.kind import Block, Context, StepNode


@dataclass(frozen=True, slots=True)
class Ways:
    """The code of all ways, and the index at which each begins."""

    code: tuple[Step, ...]
    starts: tuple[int, ...]
    open: bool

    def behind(self, *first: Step) -> Block:
        """The step's own instructions and its ways."""
        return Block((*first, *self.code), self.open)


def compile_ways(context: Context, step: StepNode, ways: Sequence[tuple[Node | None, Span]], base: int) -> Ways:
    """Compiles the blocks of a step of which one is taken.

    Args:
        context: The playbook's surroundings.
        step: The step.
        ways: Each way's steps, none for one that goes on at once, and where to show what is wrong with it.
        base: The index that the first way's first instruction will have.
    """
    blocks: list[Block] = []
    starts: list[int] = []
    at = base
    for number, (node, span) in enumerate(ways, 1):
        block = Block(()) if node is None else compile_block(context, node, at, span)
        starts.append(at)
        blocks.append(block)
        at += len(block.code) + (block.open and number < len(ways))
    code: list[Step] = []
    for number, block in enumerate(blocks, 1):
        code += block.code
        if block.open and number < len(blocks):
            code.append(Jump(id=f"{step.id}/join-{number}", to=at))
    return Ways(tuple(code), tuple(starts), not blocks or any(block.open for block in blocks))
