"""The step task: work for a team of people."""

from typing import Any, Literal

from pydantic import Field

from engine.journeys.plan import Move, Task
from engine.language.issues import did_you_mean, one_of
from engine.language.located import Entry, Mapping, Scalar, found
from engine.language.model import Model
from engine.language.steps.kind import Block, Context, StepKind, StepNode
from engine.language.steps.wait import check_business_hours
from engine.language.validate import validate
from engine.language.values import DurationText, Name, Text
from engine.language.words import name as in_words


class TaskModel(Model):
    """Opens a task for a team.

    ```yaml
    - task: {id: call, team: sales, title: Call about the open order, due: 4h}
    - task: {id: answer, team: support, due: 4h, hours: business}
    ```
    """

    id: Name | None = Field(default=None, description="The step's name.")
    team: Name = Field(description="Who does it.")
    title: Text | None = Field(default=None, description="What people read in the Temporal UI.")
    due: DurationText | None = Field(default=None, description="By when, counted from now.")
    hours: Literal["business"] | None = Field(default=None, description="Only the shop's working time counts.")


class MoveModel(Model):
    """Moves a task that is still open to another team.

    ```yaml
    - task: {move: answer, to: support-lead, due: 4h, hours: business}
    ```
    """

    id: Name | None = Field(default=None, description="The step's name.")
    move: Name = Field(description="The id of the step that opened it.")
    to: Name = Field(description="Who does it from now on.")
    title: Text | None = Field(default=None, description="What people read in the Temporal UI.")
    due: DurationText | None = Field(default=None, description="By when, counted from now; default: as before.")
    hours: Literal["business"] | None = Field(default=None, description="Only the shop's working time counts.")


def compile_task(context: Context, step: StepNode, _base: int) -> Block:
    """One instruction."""
    if isinstance(step.value, Mapping) and (move := step.value.entry("move")):
        return _move(context, step, step.value, move)
    model = validate(TaskModel, step.value, context.report, at=step.at)
    if isinstance(step.value, Mapping) and (hours := step.value.entry("hours")):
        _check_hours(context, step.value, hours)
    if model is None:
        return Block(())
    title = model.title or in_words(step.id).capitalize()
    due = None if model.due is None else model.due.seconds
    label = f"task for {model.team}: {title}"
    business = model.hours == "business"
    return Block(
        (Task(id=step.id, label=label, task=step.id, team=model.team, title=title, due=due, business=business),)
    )


def _move(context: Context, step: StepNode, node: Mapping, move: Entry) -> Block:
    before = context.report.faults
    model = validate(MoveModel, node, context.report, at=step.at)
    if hours := node.entry("hours"):
        _check_hours(context, node, hours)
    earlier = [name for name in context.tasks if context.steps[name] < step.place]
    if isinstance(move.value, Scalar) and move.value.text not in earlier:
        late = move.value.text in context.tasks
        hint = "it comes later in the playbook" if late else did_you_mean(move.value.text, earlier)
        expected = f"an earlier task: {one_of(earlier)}" if earlier else "a task that an earlier step has opened"
        context.report.error("RG308", move.value.span, found(move.value), expected, hint)
    if model is None or context.report.faults > before:
        return Block(())
    given: dict[str, Any] = {"task": model.move, "to": model.to}
    if model.due is not None:
        given |= {"due": model.due.seconds, **({"business": True} if model.hours else {})}
    label = model.title or f"moving the task {model.move} to {model.to}"
    return Block((Move(id=step.id, label=label, given=given),))


def _check_hours(context: Context, node: Mapping, hours: Entry) -> None:
    check_business_hours(context, hours)
    if node.entry("due") is None:
        context.report.error("RG201", hours.span, "hours", "hours beside due")


TASK = StepKind(
    "task",
    "Opens a task for a team, or moves one.",
    compile_task,
    TaskModel,
    shorthand=MoveModel.model_json_schema(),
)
