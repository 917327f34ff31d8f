"""What can be explained: every rule of standing and every attribute, found by name, each with its condition."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from engine.conditions.ast import All, Any, Compare, Condition, Not, Operator
from engine.conditions.environment import Catalogue
from engine.language.issues import did_you_mean, one_of
from engine.language.rules import Rules
from engine.standing.cut_offs import CutOffs, MeasureCutOffs, Number, RfmCutOffs
from engine.standing.definition import Measure, Rfm, RfmGroup, StandingRules, Tiers

Kind = Literal["segment", "tag", "stage", "tier", "rfm_group", "attribute"]
KINDS: tuple[Kind, ...] = ("segment", "tag", "stage", "tier", "rfm_group", "attribute")
"""Of several rules with one name the first kind is meant, unless the kind is written before it: `tier/vip`."""
WORDS = {
    "segment": "segment", "tag": "tag", "stage": "stage", "tier": "tier", "rfm_group": "RFM group",
    "attribute": "attribute",
}  # fmt: skip


class UnknownRuleError(LookupError):
    """There is no rule or attribute of this name."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A rule or attribute. `also` are other kinds that have one of the same name."""

    kind: Kind
    name: str
    title: str
    also: tuple[Kind, ...] = ()


def subjects(rules: Rules) -> Iterator[Subject]:
    """All that can be explained, in the rules' order."""
    own = rules.standing
    yield from (Subject("segment", each.name, each.title) for each in own.segments)
    yield from (Subject("tag", each.name, each.title) for each in own.tags)
    yield from (Subject("tag", name, title) for name, title in rules.hand_tags.items())
    yield from (Subject("stage", each.name, each.title) for each in (own.lifecycle.stages if own.lifecycle else ()))
    yield from (Subject("tier", each.name, each.title) for each in (own.tiers.tiers if own.tiers else ()))
    yield from (Subject("rfm_group", each.name, each.title) for each in (own.rfm.groups if own.rfm else ()))
    yield from (Subject("attribute", name, each.title) for name, each in rules.catalogue.items())


def find_subject(rules: Rules, text: str) -> Subject:
    """The rule or attribute that a name means; `kind/name` where several kinds have it.

    Raises:
        UnknownRuleError: there is none; the message says which name is like it.
    """
    kind, slash, name = text.partition("/")
    wanted = name if slash else text
    known = list(subjects(rules))
    if slash and kind not in KINDS:
        raise UnknownRuleError(_said(kind, f"a kind of rule: {one_of(KINDS)}", did_you_mean(kind, KINDS)))
    offered = [each for each in known if not slash or each.kind == kind]
    found = sorted((each for each in offered if each.name == wanted), key=lambda each: KINDS.index(each.kind))
    if not found:
        what = f"a {WORDS[kind]}" if slash else "a segment, tag, stage, tier, RFM group or attribute"
        raise UnknownRuleError(_said(wanted, what, did_you_mean(wanted, [each.name for each in offered])))
    first = found[0]
    return Subject(first.kind, first.name, first.title, tuple(each.kind for each in found[1:]))


def _said(found: str, expected: str, hint: str) -> str:
    return f"found {found!r}, expected {expected}" + (f" ({hint})" if hint else "")


def part_of(subject: Subject) -> str:
    """The part of standing that decides a subject, by its name in the order of deciding."""
    match subject.kind:
        case "tag" | "segment":
            return f"{subject.kind} {subject.name}"
        case "rfm_group":
            return "rfm"
        case kind:
            return kind


def condition_of(
    rules: StandingRules, kind: str, name: str, cut_offs: CutOffs | None, catalogue: Catalogue
) -> Condition | None:
    """The condition of a rule; that of a tier or RFM group is made from its base and the published cut-offs.

    None where there is none: a tag given by hand alone, or cut-offs that are not published yet.
    """
    match kind:
        case "tag":
            return next((each.when for each in rules.tags if each.name == name), None)
        case "segment":
            return next((each.when for each in rules.segments if each.name == name), None)
        case "stage" if rules.lifecycle is not None:
            return next((each.when for each in rules.lifecycle.stages if each.name == name), None)
        case "tier" if rules.tiers is not None and cut_offs is not None and cut_offs.tiers is not None:
            return _tier(rules.tiers, name, cut_offs.tiers, catalogue)
        case "rfm_group" if rules.rfm is not None and cut_offs is not None and cut_offs.rfm is not None:
            group = next((each for each in rules.rfm.groups if each.name == name), None)
            return None if group is None else _group(rules.rfm, group, cut_offs.rfm, catalogue)
        case _:
            return None


def _tier(tiers: Tiers, name: str, cut_offs: tuple[Number | None, ...], catalogue: Catalogue) -> Condition:
    """In the base, at or above the tier's cut-off, and below the cut-off of the better one."""
    place = [each.name for each in tiers.tiers].index(name)
    base = () if tiers.base is None else (tiers.base,)
    reached = [each for each in cut_offs[:place] if each is not None]
    below = tuple(_bound(tiers.rank_by, "lt", each, catalogue) for each in reached[-1:])
    if place < len(cut_offs):
        own = cut_offs[place]
        if own is None:
            return Any(parts=())
        return All(parts=(*base, _bound(tiers.rank_by, "gte", own, catalogue), *below))
    if not reached:
        return All(parts=())
    ranked = (*base, _bound(tiers.rank_by, "gte", reached[-1], catalogue))
    return Not(part=All(parts=ranked) if len(ranked) > 1 else ranked[0])


def _group(rfm: Rfm, group: RfmGroup, cut_offs: RfmCutOffs, catalogue: Catalogue) -> Condition:
    """In the base, and each measure on the group's side of where high begins."""
    sides = (
        (rfm.recency, cut_offs.recency, group.recent),
        (rfm.frequency, cut_offs.frequency, group.frequent),
        (rfm.monetary, cut_offs.monetary, group.valuable),
    )
    return All(parts=(rfm.base, *(_side(measure, published, high, catalogue) for measure, published, high in sides)))


def _side(measure: Measure, published: MeasureCutOffs, high: bool, catalogue: Catalogue) -> Condition:  # noqa: FBT001 -- a side
    if published.high is None:
        return Any(parts=()) if high else Compare(name=measure.attribute, operator="known")
    less = published.better == "less"
    operator: Operator = ("lte" if less else "gte") if high else ("gt" if less else "lt")
    return _bound(measure.attribute, operator, published.high, catalogue)


def _bound(name: str, operator: Operator, number: Number, catalogue: Catalogue) -> Compare:
    if catalogue.types.get(name) == "money" and catalogue.currency is not None:
        return Compare(name=name, operator=operator, amounts=((catalogue.currency, int(number)),))
    return Compare(name=name, operator=operator, operand=str(number) if isinstance(number, Decimal) else number)
