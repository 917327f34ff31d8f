"""Ten mistakes in a rules directory: ten errors at the right line and column, and what is sound still loads."""

from pathlib import Path

from engine.language.rules import load_rules

RULES = Path(__file__).parent / "ten_mistakes" / "rules"

EXPECTED = [
    ("attributes.yaml", 6, 19, "RG401", "yes"),
    ("attributes.yaml", 10, 12, "RG303", "customer.contry"),
    ("attributes.yaml", 16, 13, "RG205", "24 months"),
    ("playbooks/reminder.yaml", 4, 16, "RG302", "order.plcaed"),
    ("playbooks/reminder.yaml", 8, 11, "RG205", "24"),
    ("playbooks/reminder.yaml", 9, 21, "RG305", "emial"),
    ("playbooks/reminder.yaml", 10, 28, "RG401", "90"),
    ("playbooks/reminder.yaml", 12, 9, "RG202", "no key team"),
    ("playbooks/thanks.yaml", 4, 53, "RG401", "fünf"),
    ("playbooks/thanks.yaml", 8, 38, "RG306", "thanks"),
]


def test_ten_mistakes_in_a_rules_directory_are_ten_errors_at_the_right_line_and_column():
    issues = load_rules(RULES).issues
    assert len(issues) == 10
    assert [(issue.file, issue.line, issue.column, issue.code, issue.found) for issue in issues] == EXPECTED
    assert all(issue.severity == "error" for issue in issues)


def test_the_places_of_the_ten_mistakes_are_where_their_texts_stand():
    for issue in load_rules(RULES).issues:
        line = (RULES / issue.file).read_text("utf-8").splitlines()[issue.line - 1]
        marked = line[issue.column - 1 : issue.end_column - 1]
        assert marked.strip('"') in (issue.found, "task")


def test_what_has_a_mistake_is_disabled_by_name_and_all_else_is_loaded():
    rules = load_rules(RULES)
    assert rules.disabled == (
        "attribute country",
        "attribute paid_orders",
        "attribute spend_24mo",
        "playbook reminder",
        "playbook thanks",
    )
    assert list(rules.plans) == ["sound"]
    assert list(rules.catalogue) == ["spend_ever"]
    assert not rules.sound
