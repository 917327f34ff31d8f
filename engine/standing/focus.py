"""What of a standing can have changed where only some facts have: which rules, by which attributes, of which facts."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from engine.attributes.definition import AttributeDefinition
from engine.conditions.ast import compares, dids
from engine.standing.definition import StandingRules
from engine.standing.flip import CALENDAR, DID, LAST, Flips
from engine.standing.order import conditions, dependencies
from engine.standing.uses import made_from


@dataclass(frozen=True, slots=True)
class Touched:
    """Relations of which rows are other ones now, and kinds of events of which there are others."""

    relations: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Scope:
    """What is judged anew.

    `parts` are those of the rules; `names` the attributes to fold, `kinds` the events to count, and `flips` the sources
    of flips (see `Flips.by_source`) to look through. All others are as they were.
    """

    parts: frozenset[str]
    names: frozenset[str]
    kinds: frozenset[str]
    flips: frozenset[str]


def scope_of(rules: StandingRules, flips: Flips, touched: Touched) -> Scope:
    """What the touched facts can have changed, with all that is needed to judge it.

    Args:
        rules: the rules of standing.
        flips: compiled from them.
        touched: what has changed.
    """
    changed = _changed(flips.used, touched.relations)
    parts = _closed(rules, _direct(rules, changed, touched.kinds))
    named = frozenset(_named(rules, parts)) & flips.used.keys()
    of_relations = frozenset(name for name, each in flips.used.items() if _relation(each) in touched.relations)
    calendar = flips.calendar if flips.calendar & changed else frozenset()
    names = frozenset({*named, *of_relations, *calendar})
    companions = frozenset(f"{name}{LAST}" for name in of_relations) & flips.companions.keys()
    asked = (did.event for part in parts for when in conditions(rules)[part] for did in dids(when))
    kinds = frozenset({*touched.kinds, *asked}) & flips.events
    return Scope(
        parts,
        names | companions,
        kinds,
        frozenset(
            {*touched.relations, *(f"{DID}{kind}" for kind in touched.kinds), *((CALENDAR,) if calendar else ())}
        ),
    )


def _relation(definition: AttributeDefinition) -> str:
    return "" if definition.aggregate == "ratio" else definition.of.partition(".")[0]


def _changed(used: Mapping[str, AttributeDefinition], relations: Collection[str]) -> frozenset[str]:
    """Attributes of these relations, and those that are computed from such."""
    found = {name for name, each in used.items() if _relation(each) in relations}
    while more := {name for name, each in used.items() if name not in found and found & {*made_from(each, used)}}:
        found |= more
    return frozenset(found)


def _direct(rules: StandingRules, changed: Collection[str], kinds: Collection[str]) -> Iterator[str]:
    """Parts that name such attributes or count such events."""
    for part, whens in conditions(rules).items():
        counted = any(did.event in kinds for when in whens for did in dids(when))
        if counted or not frozenset(changed).isdisjoint(_named(rules, (part,))):
            yield part


def _named(rules: StandingRules, parts: Iterable[str]) -> Iterator[str]:
    """What the conditions of these parts compare, and what is ranked and measured."""
    of = conditions(rules)
    for part in parts:
        yield from (test.name for test in chain.from_iterable(map(compares, of[part])))
        if part == "tier" and rules.tiers is not None:
            yield rules.tiers.rank_by
        if part == "rfm" and rules.rfm is not None:
            yield from (each.attribute for each in (rules.rfm.recency, rules.rfm.frequency, rules.rfm.monetary))


def _closed(rules: StandingRules, parts: Iterable[str]) -> frozenset[str]:
    """These parts and all that depend on them."""
    needs, found = dependencies(rules), set(parts)
    while more := {part for part, named in needs.items() if part not in found and named & found}:
        found |= more
    return frozenset(found)
