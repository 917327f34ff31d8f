"""No shipped rule can be changed a little without one of its tests failing.

Each condition of a tag, segment or stage is changed in one place: a threshold by the least step, `lt` to `lte`, a name
taken out of a list, a clause left out, the window of an event by a day. The tests that say something of the rule must
notice.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import engine
from engine.conditions.ast import All, Any, Compare, Condition, Did, Not
from engine.language.rules import load_rules
from engine.ruletests.case import Case, Members
from engine.ruletests.read import read_tests
from engine.ruletests.run import Runner
from engine.ruletests.words import clause_text
from engine.standing.definition import Lifecycle, StandingRules
from engine.standing.order import UNNAMED

RULES = load_rules(Path(engine.__file__).parents[1] / "rules")
CASES = read_tests(RULES).cases
STANDING = RULES.standing
STAGES = STANDING.lifecycle.stages
TURNED = {"lt": "lte", "lte": "lt", "gt": "gte", "gte": "gt"}
DAY = 86_400
COMPILED = Runner(RULES)
"""Its attributes serve all mutants: compiling them takes longer than running the tests."""


def mutants(condition: Condition) -> Iterator[Condition]:
    match condition:
        case Compare():
            for changes in compare_changes(condition):
                yield condition.model_copy(update=changes)
        case All(parts=parts) | Any(parts=parts):
            for place, part in enumerate(parts):
                rest = (parts[:place], parts[place + 1 :])
                if len(parts) > 1:
                    yield condition.model_copy(update={"parts": (*rest[0], *rest[1])})
                for mutant in mutants(part):
                    yield condition.model_copy(update={"parts": (*rest[0], mutant, *rest[1])})
        case Not(part=part):
            yield from (Not(part=mutant) for mutant in mutants(part))
        case Did(where=where, within_seconds=within):
            if within is not None:
                yield from (condition.model_copy(update={"within_seconds": within + by}) for by in (-DAY, DAY))
            if where is not None:
                yield condition.model_copy(update={"where": None})


def compare_changes(test: Compare) -> Iterator[dict[str, object]]:
    if test.operator in TURNED:
        yield {"operator": TURNED[test.operator]}
    if test.amounts:
        yield from ({"amounts": tuple((code, minor + by) for code, minor in test.amounts)} for by in (-1, 1))
    elif isinstance(test.operand, int) and not isinstance(test.operand, bool):
        yield from ({"operand": test.operand + by} for by in (-1, 1))
    if test.operator.startswith("has_") and len(test.operands) > 1:
        yield from ({"operands": tuple(each for each in test.operands if each != left)} for left in test.operands)


def with_mutant(kind: str, name: str, mutant: Condition) -> StandingRules:
    if kind == "stage":
        stages = tuple(each.model_copy(update={"when": mutant}) if each.name == name else each for each in STAGES)
        return STANDING.model_copy(update={"lifecycle": Lifecycle(stages=stages)})
    rules = getattr(STANDING, kind)
    changed = tuple(each.model_copy(update={"when": mutant}) if each.name == name else each for each in rules)
    return STANDING.model_copy(update={kind: changed})


def concerns(case: Case, kind: str, name: str) -> bool:
    said = [each.value for each in case.expected if each.what == kind]
    return any(each.concerns(name) if isinstance(each, Members) else True for each in said)


NAMED = tuple(each for each in STANDING.segments if not each.name.startswith(UNNAMED))
KINDS = (("tags", STANDING.tags), ("segments", NAMED), ("stage", STAGES))
PLACES = [(kind, each) for kind, of in KINDS for each in of]


@pytest.mark.parametrize(("kind", "rule"), PLACES, ids=[f"{kind} {rule.name}" for kind, rule in PLACES])
def test_the_tests_beside_a_rule_notice_every_small_change_of_it(kind, rule):
    cases = [case for case in CASES if concerns(case, kind, rule.name)]
    assert cases
    unnoticed = []
    for mutant in mutants(rule.when):
        runner = Runner(replace(RULES, standing=with_mutant(kind, rule.name, mutant)), COMPILED)
        if all(runner(case).passed for case in cases):
            unnoticed.append(clause_text(mutant))
    assert unnoticed == []
