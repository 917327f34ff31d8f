"""Kinds of steps that the language knows and this version does not yet run: read, typed, and refused by name."""

from collections.abc import Callable
from collections.abc import Mapping as Dictionary

from pydantic import Field

from engine.language.conditions import compile_condition
from engine.language.issues import did_you_mean, one_of
from engine.language.located import Entry, Mapping, Node, Scalar, Sequence, found
from engine.language.model import Model
from engine.language.operands import listed
from engine.language.steps.block import compile_block
from engine.language.steps.kind import Block, Context, StepKind, StepNode
from engine.language.triggers import compile_triggers
from engine.language.validate import mapping, sequence, validate
from engine.language.values import AttributePart, ConditionPart, DurationText, Name, Names, Percent, PlainPart, Text

WAITS = ("wait", "wait_for", "first")
"""Steps that let time pass."""


class SwitchModel(Model):
    """Goes on with the steps of the case that is the attribute's value."""

    id: Name | None = Field(default=None, description="The step's name.")
    on: AttributePart = Field(description="The attribute whose value chooses.")


class SplitModel(Model):
    """An experiment: each subject always gets the same arm."""

    id: Name = Field(description="The experiment's name.")
    shares: dict[Name, Percent] = Field(description="The share of each arm; together 100%.")


class RepeatModel(Model):
    """Repeats steps."""

    id: Name | None = Field(default=None, description="The step's name.")
    times: int = Field(ge=1, le=1000, description="At most so often.")
    every: DurationText | None = Field(default=None, description="From the start of one to the start of the next.")
    until: ConditionPart = Field(default=None, description="No further once this holds.")


class CouponModel(Model):
    """Gives a coupon out of a pool."""

    id: Name = Field(description="The step's name.")
    pool: Name = Field(description="The pool of codes.")
    expires: DurationText | None = Field(default=None, description="So long after it was given.")


class PointsModel(Model):
    """Adds points to the customer's account, or takes some."""

    id: Name | None = Field(default=None, description="The step's name.")
    add: int | None = Field(default=None, ge=1, description="Points that are given.")
    take: int | None = Field(default=None, ge=1, description="Points that are taken.")
    reason: Text | None = Field(default=None, description="What the customer reads.")
    expires: DurationText | None = Field(default=None, description="So long after they were given.")


class TagStepModel(Model):
    """Gives the customer a tag, or takes it."""

    id: Name | None = Field(default=None, description="The step's name.")
    add: Names | None = Field(default=None, description="Tags that are given.")
    remove: Names | None = Field(default=None, description="Tags that are taken.")


class WebhookModel(Model):
    """Tells another system."""

    id: Name = Field(description="The step's name.")
    url: Text = Field(description="The address.")
    body: PlainPart = Field(default=None, description="What is sent.")


class CallModel(Model):
    """Runs an activity of the project's own."""

    id: Name = Field(description="The step's name.")
    activity: Name = Field(description="The activity.")
    with_: PlainPart = Field(default=None, alias="with", description="What it is given.")


class UpdateModel(Model):
    """Writes fields of the customer's record."""

    id: Name | None = Field(default=None, description="The step's name.")
    set: PlainPart = Field(description="Fields and their new values.")


class StartStepModel(Model):
    """Starts another playbook for the same subject."""

    id: Name | None = Field(default=None, description="The step's name.")
    playbook: Name = Field(description="The playbook.")


def _plain(kind: str, model: type[Model], title: str) -> StepKind:
    return StepKind(kind, title, _checked(model), model, runs=False)


def _checked(model: type[Model]) -> Callable[[Context, StepNode, int], Block]:
    def compile_it(context: Context, step: StepNode, _base: int) -> Block:
        validate(model, step.value, context.report, at=step.at)
        if isinstance(step.value, Mapping):
            _CHECKS.get(step.kind, _nothing)(context, step, step.value)
        return Block(())

    return compile_it


def _nothing(_context: Context, _step: StepNode, _node: Mapping) -> None:
    """Most kinds have no more to check than their model says."""


def _check_points(context: Context, step: StepNode, node: Mapping) -> None:
    _one_of(context, step, node, ("add", "take"))


def _check_tag(context: Context, step: StepNode, node: Mapping) -> None:
    _one_of(context, step, node, ("add", "remove"), both=True)
    typed = context.scope.bare.get("tags")
    for key in ("add", "remove"):
        value = node.get(key)
        for item in value.items if isinstance(value, Sequence) else (value,):
            if isinstance(item, Scalar) and isinstance(item.value, str) and typed is not None:
                listed(item, item.text, typed, context.report)


def _one_of(context: Context, step: StepNode, node: Mapping, keys: tuple[str, str], *, both: bool = False) -> None:
    given = [key for key in keys if node.entry(key)]
    if not given or (len(given) > 1 and not both):
        context.report.error("RG210", step.at, " and ".join(given) or "neither", f"one of {one_of(keys)}")


def _check_playbook(context: Context, _step: StepNode, node: Mapping) -> None:
    named = node.get("playbook")
    if isinstance(named, Scalar) and named.text and named.text not in context.playbooks:
        hint = did_you_mean(named.text, context.playbooks)
        context.report.error(
            "RG322", named.span, found(named), f"a playbook: {one_of(sorted(context.playbooks))}", hint
        )


_CHECKS = {"points": _check_points, "tag": _check_tag, "start": _check_playbook}


def compile_first(context: Context, step: StepNode, _base: int) -> Block:
    """A race: the first of several triggers decides which steps follow.

    ```yaml
    - first:
        - {event: order.shipped, then: [{wait: 1d}]}
        - {event: order.cancelled, then: [end]}
      within: 14d
      else: [end]
    ```
    """
    ways = sequence(step.value, context.report, "a list of triggers, each with then", step.at)
    blocks = []
    for item in ways.items if ways else ():
        holder = mapping(item, context.report, "a trigger with then")
        if holder is None:
            continue
        then = holder.entry("then")
        if then is None:
            context.report.error("RG202", holder.span, "no key then", "the key then: steps")
        else:
            blocks.append(compile_block(context, then.value, 0, then.span))
        trigger = Mapping(holder.span, tuple(entry for entry in holder if entry.key != "then"))
        compile_triggers(trigger, context.subject, context.events, context.scope, context.report, holder.span)
    _within(context, step)
    _blocks(context, step, ("else",))
    return Block(())


def _within(context: Context, step: StepNode) -> None:
    within = step.beside("within")
    if within is None:
        context.report.error("RG202", step.at, "no key within", "the key within: how long at most")
    else:
        validate(_WithinModel, Mapping(within.span, (Entry("within", step.at, within),)), context.report)


class _WithinModel(Model):
    within: DurationText


def compile_switch(context: Context, step: StepNode, _base: int) -> Block:
    """Goes on with the steps of the case that is the attribute's value.

    ```yaml
    - switch: {on: country}
      cases:
        DE: [{wait: 1d}]
        FR: [{wait: 2d}]
      else: [end]
    ```
    """
    validate(SwitchModel, step.value, context.report, at=step.at)
    named = step.value.get("on") if isinstance(step.value, Mapping) else None
    typed = context.scope.bare.get(named.text) if isinstance(named, Scalar) else None
    if isinstance(named, Scalar) and named.text and typed is None and not context.scope.disables(named.text):
        context.report.error(
            "RG301", named.span, found(named), "an attribute", did_you_mean(named.text, context.scope.bare)
        )
    cases = step.beside("cases")
    if isinstance(cases, Mapping) and typed is not None and typed.choices is not None:
        for entry in cases:
            listed(Scalar(entry.span, entry.key, entry.key), entry.key, typed, context.report)
    _by_name(context, cases, step)
    _blocks(context, step, ("else",))
    return Block(())


def compile_split(context: Context, step: StepNode, _base: int) -> Block:
    """An experiment by hash: each subject always gets the same arm.

    ```yaml
    - split: {id: wording, shares: {short: 50%, long: 50%}}
      arms:
        short: [{wait: 1d}]
        long: [{wait: 2d}]
    ```
    """
    model = validate(SplitModel, step.value, context.report, at=step.at)
    arms = step.beside("arms")
    _by_name(context, arms, step)
    if model is None or not isinstance(arms, Mapping):
        return Block(())
    if sum(model.shares.values()) != 10_000:
        total = f"{sum(model.shares.values()) / 100:g}% together"
        context.report.error("RG209", step.at, total, "shares of 100% together")
    for entry in arms:
        if entry.key not in model.shares:
            context.report.error("RG308", entry.span, entry.key, f"an arm with a share: {one_of(model.shares)}")
    return Block(())


def compile_parallel(context: Context, step: StepNode, _base: int) -> Block:
    """Several lists of steps at once; goes on when all have ended.

    ```yaml
    - parallel:
        mail: [{wait: 1d}]
        call: [{task: {id: call-them, team: sales}}]
    ```
    """
    _by_name(context, step.value, step)
    return Block(())


def compile_repeat(context: Context, step: StepNode, _base: int) -> Block:
    """Repeats steps, at most so often.

    ```yaml
    - repeat: {times: 3, until: {first_time_buyer: false}}
      steps: [{wait: 7d}]
    ```
    """
    validate(RepeatModel, step.value, context.report, at=step.at)
    until = step.value.entry("until") if isinstance(step.value, Mapping) else None
    if until is not None:
        compile_condition(until.value, context.scope_at(step), context.report)
    steps = step.beside("steps")
    _blocks(context, step, ("steps",))
    every = isinstance(step.value, Mapping) and step.value.entry("every") is not None
    if isinstance(steps, Sequence) and steps.items and not every and not _waits(steps):
        hint = "add every: 7d beside times, or a wait to its steps"
        context.report.error("RG503", step.at, "steps without a wait", "a wait in each round", hint)
    return Block(())


def _waits(node: Node) -> bool:
    """Whether every round lets time pass: a wait that stands in a branch may be passed by."""
    items = node.items if isinstance(node, Sequence) else ()
    return any(isinstance(item, Mapping) and any(entry.key in WAITS for entry in item) for item in items)


def _by_name(context: Context, node: Node | None, step: StepNode) -> None:
    holder = None if node is None else mapping(node, context.report, "steps by name", step.at)
    if holder is not None and not holder.entries:
        context.report.error("RG211", holder.span, "an empty mapping", "steps by name")
    for entry in holder or ():
        compile_block(context, entry.value, 0, entry.span)


def _blocks(context: Context, step: StepNode, keys: tuple[str, ...]) -> None:
    for key in keys:
        if (node := step.beside(key)) is not None:
            compile_block(context, node, 0, step.at)


LATER_KINDS: Dictionary[str, StepKind] = {
    kind.name: kind
    for kind in (
        StepKind(
            "first",
            "The first of several triggers decides.",
            compile_first,
            blocks=("else",),
            other=("within",),
            runs=False,
        ),
        StepKind(
            "switch",
            "Goes on by an attribute's value.",
            compile_switch,
            SwitchModel,
            blocks=("else",),
            other=("cases",),
            required=("cases",),
            runs=False,
        ),
        StepKind(
            "split",
            "An experiment by hash.",
            compile_split,
            SplitModel,
            other=("arms",),
            required=("arms",),
            runs=False,
        ),
        StepKind("parallel", "Several lists of steps at once.", compile_parallel, runs=False),
        StepKind(
            "repeat", "Repeats steps.", compile_repeat, RepeatModel, blocks=("steps",), required=("steps",), runs=False
        ),
        _plain("coupon", CouponModel, "Gives a coupon."),
        _plain("points", PointsModel, "Adds or takes points."),
        _plain("tag", TagStepModel, "Gives or takes tags."),
        _plain("webhook", WebhookModel, "Tells another system."),
        _plain("call", CallModel, "Runs an activity."),
        _plain("update", UpdateModel, "Writes fields of the customer's record."),
        _plain("start", StartStepModel, "Starts another playbook."),
    )
}
