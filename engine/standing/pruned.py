"""The rules that decide some parts of standing: those parts, and all they depend on."""

from engine.standing.definition import StandingRules
from engine.standing.order import dependencies, dependency_order


def only(rules: StandingRules, *parts: str) -> StandingRules:
    """The rules of these parts (`tag NAME`, `segment NAME`, `stage`, `tier`, `rfm`) and of those they depend on."""
    needs = dependencies(rules)
    wanted, unseen = {*parts} & needs.keys(), [*parts]
    while unseen:
        more = needs.get(unseen.pop(), frozenset()) - wanted
        wanted |= more
        unseen += more
    return StandingRules(
        tags=tuple(each for each in rules.tags if f"tag {each.name}" in wanted),
        segments=tuple(each for each in rules.segments if f"segment {each.name}" in wanted),
        lifecycle=rules.lifecycle if "stage" in wanted else None,
        tiers=rules.tiers if "tier" in wanted else None,
        rfm=rules.rfm if "rfm" in wanted else None,
        order=tuple(each for each in dependency_order(rules) if each in wanted),
    )
