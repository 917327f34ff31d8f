"""The step end: the journey ends here."""

from pydantic import Field

from engine.journeys.plan import End
from engine.language.located import Scalar
from engine.language.model import Model
from engine.language.steps.kind import Block, Context, StepKind, StepNode
from engine.language.validate import validate
from engine.language.values import Name


class EndModel(Model):
    """Ends the journey, with a word for how.

    ```yaml
    - end
    - end: {outcome: gave-up}
    ```
    """

    id: Name | None = Field(default=None, description="The step's name.")
    outcome: Name = Field(default="ended", description="How it ended, in a word, for reports.")


def compile_end(context: Context, step: StepNode, _base: int) -> Block:
    """One instruction, after which nothing in its block is reached."""
    bare = isinstance(step.value, Scalar) and step.value.value is None
    model = EndModel() if bare else validate(EndModel, step.value, context.report, at=step.at)
    outcome = model.outcome if model else "ended"
    return Block((End(id=step.id, outcome=outcome),), open=False)


END = StepKind("end", "Ends the journey.", compile_end, EndModel, shorthand={"type": "null"}, fails=False)
