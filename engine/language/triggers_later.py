"""Triggers that the language knows and this version does not yet run: read, typed, and refused by name."""

from collections.abc import Mapping as Dictionary
from typing import Literal

from pydantic import Field

from engine.language.conditions import compile_condition
from engine.language.issues import Report, did_you_mean
from engine.language.located import Mapping, Scalar, found, is_nothing
from engine.language.model import Model
from engine.language.scope import Scope
from engine.language.validate import names, validate
from engine.language.values import AttributePart, Clock, ConditionPart, SignedDuration

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class DateTriggerModel(Model):
    """A date of the customer's: `{date: birthday, offset: -7d, at: "10:00", feb_29: feb_28}`."""

    date: AttributePart = Field(description="An attribute of type date or instant.")
    offset: SignedDuration | None = Field(default=None, description="So long before (-7d) or after it.")
    at: Clock | None = Field(default=None, description="The time of the customer's clock.")
    feb_29: Literal["feb_28", "mar_1"] = Field(default="feb_28", description="What 29 February is in other years.")


class EveryTriggerModel(Model):
    """A day of the calendar: `{every: month, day: 8, at: "10:00"}`."""

    every: Literal["day", "week", "month", "quarter", "year"] = Field(description="How often.")
    weekday: Weekday | None = Field(default=None, description="The day of the week.")
    month: int | None = Field(default=None, ge=1, le=12, description="The month of the year.")
    day: int | None = Field(default=None, ge=1, le=31, description="The day of the month.")
    at: Clock | None = Field(default=None, description="The time of the customer's clock.")


class WhenTriggerModel(Model):
    """A condition that begins to hold: `{when: {days_since_last_order: {gte: 90}}}`."""

    when: ConditionPart = Field(description="Starts as soon as this holds.")


LATER_MODELS: Dictionary[str, type[Model]] = {
    "date": DateTriggerModel,
    "every": EveryTriggerModel,
    "when": WhenTriggerModel,
}


def later_keys(holder: Mapping) -> tuple[str, ...]:
    """The keys of a mapping that belong to triggers that do not run yet."""
    kinds = [kind for kind in LATER_MODELS if holder.entry(kind)]
    return tuple(dict.fromkeys(key for kind in kinds for key in names(LATER_MODELS[kind])))


def not_yet(holder: Mapping, scope: Scope, report: Report) -> bool:
    """Whether a mapping holds a trigger that does not run yet; it is checked all the same."""
    later = [entry for entry in holder if entry.key in LATER_MODELS]
    for entry in later:
        model = LATER_MODELS[entry.key]
        own = tuple(each for each in holder if each.key in names(model))
        validate(model, Mapping(holder.span, own), report, at=entry.span)
        if entry.key == "date":
            _check_date(entry.value, scope, report)
        if entry.key == "when" and not is_nothing(entry.value):
            compile_condition(entry.value, scope, report)
        report.error("RG501", entry.span, f"the trigger {entry.key}", "a trigger that runs: event", "it is planned")
    return bool(later)


def _check_date(node: object, scope: Scope, report: Report) -> None:
    if not isinstance(node, Scalar) or is_nothing(node):
        return
    head, dot, tail = node.text.partition(".")
    known = scope.scoped.get(head, {}) if dot else scope.bare
    typed = known.get(tail if dot else head)
    if typed is None and not scope.disables(node.text):
        report.error(
            "RG303" if dot else "RG301", node.span, found(node), "an attribute", did_you_mean(tail or head, known)
        )
    elif typed is not None and typed.type not in ("date", "instant"):
        report.error("RG401", node.span, f"{node.text}, of type {typed.type}", "an attribute of type date or instant")
