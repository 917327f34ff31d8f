"""Which parts of standing the playbooks in force use: rules that decide no others start the same journeys."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, TypeAdapter

from engine.conditions.ast import Compare, Condition
from engine.journeys.plan import ChangeTrigger, TemplateBy
from engine.language.rules import Rules
from engine.standing.order import conditions, named, part_of_name
from engine.standing.pruned import only

_CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)


def used_parts(rules: Rules, more: Sequence[BaseModel] = ()) -> frozenset[str]:
    """The parts (`tag NAME`, `segment NAME`, `stage`, `tier`, `rfm`) that a live playbook or the policy names.

    `more` are models that name some too, such as campaigns.
    """
    known = conditions(rules.standing)
    live = (plan for plan in rules.plans.values() if plan.starts)
    holds = (_CONDITION.validate_python(hold.condition) for hold in rules.policy.holds)
    found = (part for model in (*live, *holds, *more) for each in _models(model) for part in _named(each, known))
    return frozenset(found) & known.keys()


def with_used_standing(rules: Rules) -> Rules:
    """The same rules, deciding only the parts that are used and those that these depend on."""
    return replace(rules, standing=only(rules.standing, *sorted(used_parts(rules))))


def _models(value: object) -> Iterator[BaseModel]:
    """A model and all those inside it, wherever a plan or condition has them."""
    match value:
        case BaseModel():
            yield value
            for name in type(value).model_fields:
                yield from _models(getattr(value, name))
        case tuple() | list():
            for each in value:
                yield from _models(each)
        case dict():
            for each in value.values():
                yield from _models(each)


def _named(model: BaseModel, known: dict[str, Any]) -> tuple[str, ...]:
    match model:
        case Compare():
            return named(model, known)
        case ChangeTrigger(kind="tag" | "segment" as kind, names=names):
            return tuple(f"{kind} {name}" for name in names)
        case ChangeTrigger(kind=kind):
            return part_of_name(kind)
        case TemplateBy(by=by):
            return part_of_name(by)
        case _:
            return ()
