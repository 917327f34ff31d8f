"""What differs between two versions of the rules, as far as anybody's standing or the start of journeys goes."""

from collections.abc import Iterator, Mapping

from engine.journeys.plan import ChangeTrigger
from engine.language.rules import Rules
from engine.standing.digest import digests


def edited_parts(old: Rules | None, new: Rules) -> frozenset[str]:
    """The parts (`tag NAME`, `segment NAME`, `stage`, `tier`, `rfm`) that are not the same rule in both versions.

    Where the policy's zone or currency differs every part may decide otherwise. `old` None: there was none before.
    """
    before, after = _digests(old), _digests(new)
    if old is not None and _surroundings(old) != _surroundings(new):
        return frozenset(before) | frozenset(after)
    return frozenset(part for part in before.keys() | after.keys() if before.get(part) != after.get(part))


def _digests(rules: Rules | None) -> Mapping[str, str]:
    return {} if rules is None else digests(rules.standing, rules.catalogue, rules.words)


def _surroundings(rules: Rules) -> tuple[str | None, ...]:
    return rules.policy.zone, rules.policy.currency


def new_triggers(old: Rules | None, new: Rules) -> Mapping[str, tuple[ChangeTrigger, ...]]:
    """By playbook the triggers `enters` that start journeys now and did not before: some people are inside already."""
    found = {name: tuple(_new(old, new, name)) for name, plan in new.plans.items() if plan.starts}
    return {name: triggers for name, triggers in found.items() if triggers}


def _new(old: Rules | None, new: Rules, name: str) -> Iterator[ChangeTrigger]:
    plan, before = new.plans[name], None if old is None else old.plans.get(name)
    known = before.start.any if before is not None and before.starts else ()
    for each in plan.start.any:
        if isinstance(each, ChangeTrigger) and each.change == "enters" and plan.subject == "customer":
            names = tuple(one for one in each.names if not _meant(known, each, one))
            if names:
                yield each.model_copy(update={"names": names})


def _meant(known: tuple[object, ...], trigger: ChangeTrigger, name: str) -> bool:
    return any(
        isinstance(each, ChangeTrigger) and each.change == "enters" and each.kind == trigger.kind and name in each.names
        for each in known
    )
