"""Triggers that the language knows and this version does not yet run: read, typed, and refused by name."""

from collections.abc import Mapping as Dictionary

from pydantic import Field

from engine.language.conditions import compile_condition
from engine.language.issues import Report
from engine.language.located import Mapping, is_nothing
from engine.language.model import Model
from engine.language.scope import Scope
from engine.language.validate import names, validate
from engine.language.values import ConditionPart


class WhenTriggerModel(Model):
    """A condition that begins to hold: `{when: {days_since_last_order: {gte: 90}}}`."""

    when: ConditionPart = Field(description="Starts as soon as this holds.")


LATER_MODELS: Dictionary[str, type[Model]] = {"when": WhenTriggerModel}


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
        if entry.key == "when" and not is_nothing(entry.value):
            compile_condition(entry.value, scope, report)
        report.error("RG501", entry.span, f"the trigger {entry.key}", "a trigger that runs: event", "it is planned")
    return bool(later)
