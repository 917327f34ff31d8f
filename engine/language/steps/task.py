"""The step task: work for a team of people."""

from typing import Literal

from pydantic import Field

from engine.journeys.plan import Task
from engine.language.issues import did_you_mean
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
    """Moves an open task to another team."""

    id: Name | None = Field(default=None, description="The step's name.")
    move: Name = Field(description="The id of the step that opened it.")
    to: Name = Field(description="Who does it from now on.")
    due: DurationText | None = Field(default=None, description="By when, counted from now.")


def compile_task(context: Context, step: StepNode, _base: int) -> Block:
    """One instruction."""
    if isinstance(step.value, Mapping) and (move := step.value.entry("move")):
        validate(MoveModel, step.value, context.report, at=step.at)
        if isinstance(move.value, Scalar) and move.value.text not in context.steps:
            hint = did_you_mean(move.value.text, context.steps)
            context.report.error("RG308", move.value.span, found(move.value), "the id of a task", hint)
        context.report.error("RG501", move.span, "moving a task", "opening a task", "it is planned")
        return Block(())
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


def _check_hours(context: Context, node: Mapping, hours: Entry) -> None:
    check_business_hours(context, hours)
    if node.entry("due") is None:
        context.report.error("RG201", hours.span, "hours", "hours beside due")


TASK = StepKind("task", "Opens a task for a team.", compile_task, TaskModel)
