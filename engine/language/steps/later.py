"""Kinds of steps that the language knows and this version does not yet run: read, typed, and refused by name."""

from collections.abc import Callable
from collections.abc import Mapping as Dictionary

from pydantic import Field

from engine.language.issues import did_you_mean, one_of
from engine.language.located import Mapping, Scalar, found
from engine.language.model import Model
from engine.language.steps.kind import Block, Context, StepKind, StepNode
from engine.language.validate import validate
from engine.language.values import DurationText, Name, Text


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


def _one_of(context: Context, step: StepNode, node: Mapping, keys: tuple[str, str]) -> None:
    given = [key for key in keys if node.entry(key)]
    if len(given) != 1:
        context.report.error("RG210", step.at, " and ".join(given) or "neither", f"one of {one_of(keys)}")


def _check_playbook(context: Context, _step: StepNode, node: Mapping) -> None:
    named = node.get("playbook")
    if isinstance(named, Scalar) and named.text and named.text not in context.playbooks:
        hint = did_you_mean(named.text, context.playbooks)
        context.report.error(
            "RG322", named.span, found(named), f"a playbook: {one_of(sorted(context.playbooks))}", hint
        )


_CHECKS = {"points": _check_points, "start": _check_playbook}


LATER_KINDS: Dictionary[str, StepKind] = {
    kind.name: kind
    for kind in (
        _plain("coupon", CouponModel, "Gives a coupon."),
        _plain("points", PointsModel, "Adds or takes points."),
        _plain("start", StartStepModel, "Starts another playbook."),
    )
}
