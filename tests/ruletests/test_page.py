"""What docs/testing-rules.md shows runs as it says."""

import re
from pathlib import Path

import engine
from engine.language.rules import compile_rules, load_rules
from engine.ruletests import keys
from engine.ruletests.notation import NOTATIONS
from engine.ruletests.read import read_tests
from engine.ruletests.report import failures_text
from engine.ruletests.run import run_all

ROOT = Path(engine.__file__).parents[1]
PAGE = (ROOT / "docs" / "testing-rules.md").read_text("utf-8")
RULES = load_rules(ROOT / "rules")


def test_every_block_of_yaml_on_the_page_is_a_test_that_passes():
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        rules = compile_rules({**RULES.files, "page.test.yaml": block})
        suite = read_tests(rules, frozenset({"page.test.yaml"}))
        assert suite.issues == ()
        assert failures_text(run_all(rules, suite.cases)) == ""


def test_the_page_names_every_key_of_facts():
    assert [name for name in NOTATIONS if f"`{name}`" not in PAGE] == []


def test_the_shown_failure_is_what_is_told():
    shown = re.search(r"```\n(rules/tags/habits.*?)```", PAGE, flags=re.DOTALL)
    text = RULES.files["tags/habits.test.yaml"].replace("total: 200 EUR}", "total: 199.99 EUR}", 1)
    rules = compile_rules({**RULES.files, "tags/habits.test.yaml": text})
    outcomes = list(run_all(rules, read_tests(rules, frozenset({"tags/habits.test.yaml"})).cases))
    plain = re.sub(r"\[/?(bold|red)\]", "", failures_text(outcomes, "rules/"))
    assert shown is not None
    assert plain.splitlines() == shown.group(1).splitlines()


def test_the_shown_difference_of_a_playbook_is_what_is_told():
    shown = re.search(r"```\n(rules/playbooks/payment-reminder.test.*?)```", PAGE, flags=re.DOTALL)
    path = "playbooks/payment-reminder.test.yaml"
    text = RULES.files[path].replace("{sent: second, at: +3d,", "{sent: second, at: +4d,", 1)
    rules = compile_rules({**RULES.files, path: text})
    outcomes = list(run_all(rules, read_tests(rules, frozenset({path})).cases))
    plain = re.sub(r"\[/?(bold|red)\]", "", failures_text(outcomes, "rules/"))
    assert shown is not None
    assert plain.splitlines() == shown.group(1).splitlines()


def test_the_page_names_all_that_a_journey_does_and_all_that_only_a_playbook_can_be_asked():
    assert [
        name for name in (*keys.DOES, *keys.JOURNEYS, "answers", "arms", "until", "holdout") if f"`{name}`" not in PAGE
    ] == []
