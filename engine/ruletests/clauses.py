"""Clauses of rules of standing: which there are, and which of them decided a verdict.

A clause decided when the rule's verdict would have been the other one, had the clause been the other way; so a clause
is tested only where nothing else gives the same answer (in the literature: modified condition/decision coverage).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.conditions.ast import All, Any, Condition, Not
from engine.conditions.trace import Trace
from engine.standing.cut_offs import CutOffs
from engine.standing.definition import StandingRules
from engine.standing.order import UNNAMED, conditions

_MEASURES = ("recency", "frequency", "monetary")


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause of a rule. `condition` None: a cut-off, named by `text`.

    `key` names it among all clauses: the rule, which of its conditions, and the place within.
    """

    key: str
    rule: str
    condition: Condition | None
    text: str = ""


def clauses(rules: StandingRules) -> tuple[Clause, ...]:
    """All clauses, by rule: comparisons and events that conditions ask for, and the cut-offs of tiers and RFM."""
    found = [each for rule, whens in wholes(rules).items() for each in _of_rule(rule, whens)]
    if rules.tiers is not None:
        names = [tier.name for tier in rules.tiers.tiers[:-1]]
        found += [Clause(f"tier/{name}", "tier", None, f"{rules.tiers.rank_by} reaches {name}") for name in names]
    if rules.rfm is not None:
        found += [Clause(f"rfm/{name}", "rfm", None, f"{name} is high") for name in _MEASURES]
    return tuple(found)


def wholes(rules: StandingRules) -> dict[str, dict[str, Condition]]:
    """The whole conditions of each rule by a name within it: a lifecycle has one for each stage."""
    named = {rule: whens for rule, whens in conditions(rules).items() if UNNAMED not in rule}
    of = {rule: {"": whens[0]} for rule, whens in named.items() if rule != "stage" and whens}
    if rules.lifecycle is not None:
        of |= {f"stage {stage.name}": {"": stage.when} for stage in rules.lifecycle.stages}
    return of


def _of_rule(rule: str, whens: Mapping[str, Condition]) -> Iterator[Clause]:
    for name, when in whens.items():
        for path, leaf in leaves(when):
            yield Clause(f"{rule}{name}{path}", rule, leaf)


def leaves(condition: Condition, path: str = "/") -> Iterator[tuple[str, Condition]]:
    """The clauses of a condition with their places."""
    match condition:
        case All(parts=parts) | Any(parts=parts):
            for place, part in enumerate(parts):
                yield from leaves(part, f"{path}{place}/")
        case Not(part=part):
            yield from leaves(part, f"{path}not/")
        case _:
            yield path, condition


def decisive(trace: Trace, path: str = "/") -> Iterator[tuple[str, Trace]]:
    """The clauses that decided, with their places."""
    match trace.condition:
        case All():
            yield from _deciding(trace, path, neutral=True)
        case Any():
            yield from _deciding(trace, path, neutral=False)
        case Not():
            yield from decisive(trace.parts[0], f"{path}not/")
        case _:
            yield path, trace


def _deciding(trace: Trace, path: str, *, neutral: bool) -> Iterator[tuple[str, Trace]]:
    """Of several parts one decides when all others leave it to it: hold in an `all`, fail in an `any`."""
    against = [place for place, part in enumerate(trace.parts) if part.verdict is not neutral]
    for place, part in enumerate(trace.parts):
        if not against or against == [place]:
            yield from decisive(part, f"{path}{place}/")


def tier_decisions(rules: StandingRules, value: object, cut_offs: CutOffs | None) -> dict[str, bool]:
    """Which tiers' cut-offs decided, and how: the one that is reached, and the one above, which is missed."""
    if rules.tiers is None or cut_offs is None or cut_offs.tiers is None or not isinstance(value, int):
        return {}
    decided: dict[str, bool] = {}
    for tier, cut_off in zip(rules.tiers.tiers, cut_offs.tiers, strict=False):
        decided[f"tier/{tier.name}"] = cut_off is not None and value >= cut_off
        if decided[f"tier/{tier.name}"]:
            break
    return decided


def rfm_decisions(rules: StandingRules, values: Mapping[str, object], cut_offs: CutOffs | None) -> dict[str, bool]:
    """How each side of an RFM group was decided."""
    rfm = rules.rfm
    if rfm is None or cut_offs is None or cut_offs.rfm is None:
        return {}
    decided: dict[str, bool] = {}
    for name in _MEASURES:
        value = values.get(getattr(rfm, name).attribute)
        if isinstance(value, int):
            decided[f"rfm/{name}"] = getattr(cut_offs.rfm, name).is_high(value)
    return decided
