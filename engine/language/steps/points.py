"""The step points: entries of the ledger of points."""

from typing import Annotated, Any, Literal

from pydantic import Field

from engine.journeys.plan import Points
from engine.language.conditions import typed_name
from engine.language.issues import one_of
from engine.language.located import Entry, Mapping, Scalar, Sequence, found
from engine.language.model import Model
from engine.language.operands import amount
from engine.language.steps.kind import Block, Context, StepKind, StepNode
from engine.language.validate import validate
from engine.language.values import DurationText, Name, PerPart, Text

_WAYS = ("add", "take", "reverse")


class EarnModel(Model):
    """Points by what something amounts to: one for each full `per`."""

    of: Text = Field(description="A number or amount, such as order.total.")
    per: PerPart = Field(description="One point for each full so much of it: one amount for each currency.")


class PointsModel(Model):
    """Gives points, takes some, or takes back what the order has earned.

    ```yaml
    - points: {id: earn, add: {of: order.total, per: [1 EUR, 5 BRL]}, pending: 14d, expires: 365d}
    - points: {add: 50}
    - points: {id: pay, take: 500}
      on_failure: [end]           # there are not as many
    - points: {reverse: refunded}
    ```
    """

    id: Name | None = Field(default=None, description="The step's name.")
    title: Text | None = Field(default=None, description="What people read in the Temporal UI.")
    add: Annotated[int, Field(ge=1)] | EarnModel | None = Field(default=None, description="Points that are given.")
    take: int | None = Field(default=None, ge=1, description="Points that are taken, the oldest first.")
    reverse: Literal["all", "refunded"] | None = Field(
        default=None, description="Takes back what the order earned: all of it, or as much as was refunded of it."
    )
    pending: DurationText | None = Field(default=None, description="So long they cannot be spent yet.")
    expires: DurationText | None = Field(default=None, description="So long after they were given what is left goes.")


def compile_points(context: Context, step: StepNode, _base: int) -> Block:
    """One instruction."""
    before = context.report.faults
    model = validate(PointsModel, step.value, context.report, at=step.at)
    per = _check(context, step, step.value) if isinstance(step.value, Mapping) else None
    if model is None or context.report.faults > before:
        return Block(())
    given: dict[str, Any] = {
        "add": model.add if isinstance(model.add, int) else None,
        "per": per,
        "take": model.take,
        "reverse": model.reverse,
        "pending": model.pending and model.pending.seconds,
        "expires": model.expires and model.expires.seconds,
    }
    looked_up = {"of": model.add.of} if isinstance(model.add, EarnModel) else {}
    literal = {key: value for key, value in given.items() if value is not None}
    return Block((Points(id=step.id, label=model.title or _words(model), given=literal, looked_up=looked_up),))


def _words(model: PointsModel) -> str:
    if model.take is not None:
        return f"taking {model.take} points"
    if model.reverse is not None:
        return "taking back the order's points"
    return f"giving {model.add} points" if isinstance(model.add, int) else "giving points"


def _check(context: Context, step: StepNode, node: Mapping) -> int | dict[str, int] | None:
    """What is wrong beside the model; gives what one point is given per, by currency where it is an amount."""
    given = [key for key in _WAYS if node.entry(key)]
    if len(given) != 1:
        context.report.error("RG210", step.at, " and ".join(given) or "neither", f"one of {one_of(_WAYS)}")
    for key in ("pending", "expires"):
        if (entry := node.entry(key)) and "add" not in given:
            context.report.error("RG201", entry.span, key, f"{key} beside add")
    if (entry := node.entry("reverse")) and context.subject != "order":
        context.report.error("RG311", entry.span, "reverse", "a playbook for orders: what it earned is taken back")
    earned = node.get("add")
    named = earned.entry("of") if isinstance(earned, Mapping) else None
    if named is None or not isinstance(named.value, Scalar) or not isinstance(earned, Mapping):
        return None
    return _per(context, step, named, earned)


def _per(context: Context, step: StepNode, named: Entry, earned: Mapping) -> int | dict[str, int] | None:
    """What points are counted by: a whole number per number, or money of the order's per amount."""
    name = named.value.text if isinstance(named.value, Scalar) else ""
    typed = typed_name(Entry(name, named.value.span, named.value), context.scope_at(step), context.report)
    per = earned.get("per")
    if typed is None or per is None:
        return None
    if typed.type == "money" and not name.startswith("order."):
        context.report.error("RG401", named.value.span, name, "a whole number, or an amount of the order's")
    elif typed.type not in ("integer", "money"):
        context.report.error("RG401", named.value.span, f"{name}, of type {typed.type}", "a whole number or an amount")
    elif typed.type == "money":
        amounts = [amount(each, name, context.report) for each in (per.items if isinstance(per, Sequence) else (per,))]
        if any(each is not None and each.minor <= 0 for each in amounts):
            context.report.error("RG209", per.span, "nothing", "more than nothing")
        return {each.currency: each.minor for each in amounts if each is not None}
    elif isinstance(per, Scalar) and isinstance(per.value, int) and not isinstance(per.value, bool) and per.value > 0:
        return per.value
    else:
        context.report.error("RG401", per.span, found(per), "a whole number, at least 1")
    return None


POINTS = StepKind("points", "Gives, takes or takes back points.", compile_points, PointsModel)
