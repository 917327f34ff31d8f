"""The step call: runs an activity of the project's own."""

from pydantic import Field

from engine.journeys.plan import Call
from engine.language.issues import Span, did_you_mean, one_of
from engine.language.located import Mapping, Scalar, found
from engine.language.model import Model
from engine.language.own import Declared
from engine.language.steps.kind import Block, Context, StepKind, StepNode
from engine.language.steps.values import Given, check_given, read_given
from engine.language.validate import mapping, validate
from engine.language.values import ActivityPart, CallPart, Name, Text


class CallModel(Model):
    """Runs an activity of the project's own.

    What it is given is checked against what the activity takes. A value is written as such, or as the name of an
    attribute, which is looked up when the step is taken.

    ```yaml
    - call: {id: reward, activity: loyalty-points, with: {points: 50, spent: {attribute: paid_orders}}}
    - if: {step: reward, balance: {gte: 500}}
      then: [{task: {team: support, title: Say thank you}}]
    ```
    """

    id: Name = Field(description="The step's name.")
    title: Text | None = Field(default=None, description="What people read in the Temporal UI.")
    activity: ActivityPart = Field(description="The activity.")
    with_: CallPart = Field(default=None, alias="with", description="What it is given.")


def compile_call(context: Context, step: StepNode, _base: int) -> Block:
    """One instruction, with the activity's own times in it."""
    before = context.report.faults
    model = validate(CallModel, step.value, context.report, at=step.at)
    declared = _declared(context, step)
    given = Given() if declared is None else _given(context, step, declared)
    if model is None or declared is None or context.report.faults > before:
        return Block(())
    return Block(
        (
            Call(
                id=step.id,
                label=model.title or f"calling {declared.name}",
                activity=declared.name,
                given=given.literal,
                looked_up=given.looked_up,
                idempotency=declared.idempotency,
                timeout=declared.timeout,
                first_pause=declared.first_pause,
                longest_pause=declared.longest_pause,
                attempts=declared.attempts,
            ),
        )
    )


def _declared(context: Context, step: StepNode) -> Declared | None:
    """The activity that is named, or None and an issue."""
    named = step.value.get("activity") if isinstance(step.value, Mapping) else None
    if not isinstance(named, Scalar) or not isinstance(named.value, str):
        if named is not None:
            context.report.error("RG203", named.span, found(named), "the name of an activity")
        return None
    own = context.own
    if named.text in own.by_name:
        return own.by_name[named.text]
    if own.incomplete:
        hint = "correct it first: a file of activities has errors of its own"
        context.report.warning("RG313", named.span, named.text, "a sound activity", hint)
        return None
    known = one_of(sorted(own.by_name))
    hint = did_you_mean(named.text, own.by_name) or f"`regulars new activity {named.text}`"
    expected = f"an activity of the project: {known}" if known else "an activity, and the project has none"
    context.report.error("RG323", named.span, found(named), expected, hint)
    return None


def _given(context: Context, step: StepNode, declared: Declared) -> Given:
    entry = step.value.entry("with") if isinstance(step.value, Mapping) else None
    node = Mapping(step.at, ()) if entry is None else mapping(entry.value, context.report, "a mapping", entry.span)
    if node is None:
        return Given()
    at: Span = step.at if entry is None else entry.span
    scope = context.scope_at(step)
    given = read_given(node, scope, context.report)
    check_given(node, given, declared.given, scope, context.report, at)
    return given


CALL = StepKind("call", "Runs an activity of the project's own.", compile_call, CallModel, by="call-by-activity")
