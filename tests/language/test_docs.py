"""What the documentation shows is what the language reads."""

import re

import pytest

from engine.language.files import SCHEMAS, read_directory
from engine.language.issues import TITLES
from engine.language.rules import compile_rules
from engine.language.steps.later import LATER_KINDS as LATER_STEPS
from engine.language.steps.registry import KINDS
from engine.language.triggers import LATER as LATER_TRIGGERS

ROOT = SCHEMAS.parent
LANGUAGE = (ROOT / "docs" / "language.md").read_text("utf-8")
ERRORS = (ROOT / "docs" / "errors.md").read_text("utf-8")
ALL_BLOCKS = re.findall(r"```yaml\n(.*?)```", LANGUAGE, flags=re.DOTALL)
HEAD = "playbook: shown\ntitle: Shown\nfor: order\nstart: {event: order.placed}\ncontrols: {purpose: service}\n"


def documented():
    """All files that the page shows, with the shipped templates."""
    shown = {block.splitlines()[0][len("# rules/") :]: block for block in ALL_BLOCKS if block.startswith("# rules/")}
    texts = {path: text for path, text in read_directory(ROOT / "rules").items() if path.startswith("templates/")}
    return {**texts, **shown}


def load(block):
    first = block.splitlines()[0]
    if first.startswith("# rules/"):
        return compile_rules({**documented(), first[len("# rules/") :]: block})
    if first == "# a whole file":
        return compile_rules({**documented(), "playbooks/shown.yaml": block})
    indented = "".join(f"  {line}\n" for line in block.splitlines())
    if first == "# condition":
        condition = "".join(f"      {line}\n" for line in block.splitlines())
        return compile_rules(
            {**documented(), "playbooks/shown.yaml": f"{HEAD}steps:\n  - if:\n{condition}    then: [end]\n"}
        )
    assert first.startswith("# steps"), f"a block must say in its first line what it is: {first}"
    return compile_rules({**documented(), "playbooks/shown.yaml": f"{HEAD}steps:\n{indented}"})


@pytest.mark.parametrize("block", ALL_BLOCKS, ids=lambda block: block.splitlines()[0])
def test_every_block_of_yaml_on_the_page_is_read_as_it_says(block):
    rules = load(block)
    expected = ["RG501"] if "not yet runnable" in block.splitlines()[0] else []
    assert [
        issue.code for issue in rules.issues if issue.file.startswith(("playbooks/shown", "policy", "attributes"))
    ] == expected


def test_the_page_shows_each_kind_of_file_whole():
    firsts = {block.splitlines()[0] for block in ALL_BLOCKS}
    assert {"# rules/policy.yaml", "# rules/attributes.yaml", "# rules/playbooks/unpaid-orders.yaml"} <= firsts


def test_the_shown_playbook_compiles_with_what_the_page_shows_beside_it():
    rules = compile_rules(documented())
    assert "unpaid-orders" in rules.plans


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_the_example_of_every_kind_of_step_is_read(kind):
    text = "\n".join(filter(None, [kind.compile.__doc__, kind.model.__doc__ if kind.model else ""]))
    blocks = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    assert blocks
    for block in blocks:
        lines = [line.removeprefix("    ") for line in block.splitlines()]
        steps = "  - send: {id: first, channel: email, template: unpaid}\n" if "step: first" in block else ""
        steps += "".join(f"  {line}\n" for line in lines)
        texts = {f"templates/{name}.en.txt": "x" for name in ("unpaid", "welcome-unpaid")}
        if kind.name == "end":
            steps = "".join(f"  - if: {{country: DE}}\n    then:\n      {line}\n" for line in lines if line.strip())
        rules = compile_rules({**documented(), **texts, "playbooks/shown.yaml": f"{HEAD}steps:\n{steps}"})
        assert [issue for issue in rules.issues if issue.file == "playbooks/shown.yaml"] == []


def test_every_code_is_explained_under_its_title():
    for code, title in TITLES.items():
        assert f"| `{code}` | {title} |" in ERRORS


def test_no_code_is_explained_that_does_not_exist():
    assert set(re.findall(r"\| `(RG\d+)` \|", ERRORS)) == set(TITLES)


def test_everything_planned_is_listed_as_planned():
    planned = LANGUAGE.partition("## Planned")[2]
    assert all(f"`{name}`" in planned for name in (*LATER_STEPS, *LATER_TRIGGERS))
