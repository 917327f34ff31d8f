"""Which attributes the rules of standing use."""

from collections.abc import Iterable, Mapping

from engine.attributes.definition import AttributeDefinition
from engine.conditions.ast import Condition, compares
from engine.standing.definition import StandingRules


def used_attributes(
    rules: StandingRules, whens: Iterable[Condition], catalogue: Mapping[str, AttributeDefinition]
) -> dict[str, AttributeDefinition]:
    """The attributes that the rules name, and those that these are computed from."""
    names = [test.name for when in whens for test in compares(when)]
    if rules.tiers is not None:
        names.append(rules.tiers.rank_by)
    if rules.rfm is not None:
        names += [rules.rfm.recency.attribute, rules.rfm.frequency.attribute, rules.rfm.monetary.attribute]
    used: dict[str, AttributeDefinition] = {}
    while names:
        name = names.pop()
        if name in catalogue and name not in used:
            used[name] = catalogue[name]
            names += made_from(catalogue[name], catalogue)
    return used


def made_from(definition: AttributeDefinition, catalogue: Mapping[str, AttributeDefinition]) -> list[str]:
    """Other attributes that its declaration names."""
    named = (value for value in (getattr(definition, name) for name in type(definition).model_fields))
    return [value for value in named if isinstance(value, str) and value in catalogue and value != definition.name]
