"""Every shipped rule is tested beside it, and every clause decided both ways."""

from pathlib import Path

import pytest

import engine
from engine.language.rules import is_test, load_rules
from engine.ruletests.coverage import coverage
from engine.ruletests.examples import run_examples
from engine.ruletests.read import read_tests
from engine.ruletests.report import failures_text
from engine.ruletests.run import Runner

ROOT = Path(engine.__file__).parents[1]
RULES = load_rules(ROOT / "rules")
SUITE = read_tests(RULES)
RUNNER = Runner(RULES)
OTHERS = ("playbooks/", "campaigns/", "templates/", "policy.yaml", "coupons.yaml")
"""What says what happens, not who somebody is."""


def test_no_shipped_test_file_has_a_mistake():
    assert SUITE.issues == ()
    assert len(SUITE.cases) > 250


@pytest.mark.parametrize("case", SUITE.cases, ids=lambda case: f"{case.file}: {case.name}")
def test_a_shipped_test_passes(case):
    outcome = RUNNER(case)
    assert outcome.passed, failures_text([outcome])


def test_every_shipped_example_of_an_attribute_passes():
    outcomes = list(run_examples(RULES))
    assert failures_text(outcomes) == ""
    assert len(outcomes) == len(RULES.catalogue)


@pytest.mark.parametrize(
    "path", sorted(path for path in RULES.files if not path.startswith(OTHERS) and not is_test(path))
)
def test_every_file_of_rules_has_its_tests(path):
    assert path.replace(".yaml", ".test.yaml") in {case.file for case in SUITE.cases}


def test_every_clause_of_the_shipped_rules_is_decided_both_ways():
    found = coverage(RULES, [RUNNER(case) for case in SUITE.cases])
    assert [f"{each.file}:{each.line} {each.text}: {each.missing}" for each in found.clauses if not each.both] == []
    assert len(found.clauses) > 150


def test_every_shipped_attribute_is_expected_by_a_test_beside_it():
    expected = {each.what.removeprefix("attribute ") for case in SUITE.cases for each in case.expected}
    assert sorted(RULES.catalogue.keys() - expected) == []
