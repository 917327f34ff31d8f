"""What the documentation shows is what the language reads."""

import re

import pytest

from engine.language.files import SCHEMAS, read_directory
from engine.language.issues import TITLES, Report
from engine.language.kinds import KINDS as FILE_KINDS
from engine.language.kinds import kind_of
from engine.language.reader import read
from engine.language.rules import compile_rules
from engine.language.steps.registry import KINDS
from tests.own import LOYALTY

ROOT = SCHEMAS.parent
LANGUAGE = (ROOT / "docs" / "language.md").read_text("utf-8")
ERRORS = (ROOT / "docs" / "errors.md").read_text("utf-8")
ALL_BLOCKS = re.findall(r"```yaml\n(.*?)```", LANGUAGE, flags=re.DOTALL)
HEAD = "playbook: shown\ntitle: Shown\nfor: order\nstart: {event: order.placed}\ncontrols: {purpose: service}\n"


def place(block):
    """Where a block says that it belongs: `# rules/tags.yaml`."""
    return block.splitlines()[0].removeprefix("# rules/")


def documented():
    """All files that the page shows, with the shipped templates."""
    whole = [block for block in ALL_BLOCKS if block.startswith("# rules/")]
    texts = {path: text for path, text in read_directory(ROOT / "rules").items() if path.startswith("templates/")}
    return {**texts, **LOYALTY, **{place(block): block for block in whole}}


def load(block):
    first = block.splitlines()[0]
    if first.startswith("# rules/"):
        return compile_rules({**documented(), place(block): block}), place(block)
    return compile_rules({**documented(), "playbooks/shown.yaml": playbook(block, first)}), "playbooks/shown.yaml"


def playbook(block, first):
    if first == "# a whole file":
        return block
    if first == "# condition":
        condition = "".join(f"      {line}\n" for line in block.splitlines())
        return f"{HEAD}steps:\n  - if:\n{condition}    then: [end]\n"
    indented = "".join(f"  {line}\n" for line in block.splitlines())
    if first.startswith("# start"):
        head = HEAD.replace("start: {event: order.placed}\n", "").replace("for: order", "for: customer")
        return f"{head}start:\n{indented}steps: [end]\n"
    assert first.startswith("# steps"), f"a block must say in its first line what it is: {first}"
    return f"{HEAD}steps:\n{indented}"


@pytest.mark.parametrize("block", ALL_BLOCKS, ids=lambda block: block.splitlines()[0])
def test_every_block_of_yaml_on_the_page_is_read_as_it_says(block):
    rules, path = load(block)
    own = [issue.code for issue in rules.issues if issue.file == path]
    assert own == []
    assert rules.sound


def test_the_page_shows_each_kind_of_file_whole():
    kinds = {
        kind_of(read(text, Report(path)), path, Report(path)) for path, text in documented().items() if "/" not in path
    }
    assert kinds == {*FILE_KINDS} - {"playbook", "campaign"}
    assert {"playbooks/unpaid-orders.yaml", "playbooks/gold.yaml", "campaigns/spring.yaml"} <= documented().keys()


def test_what_the_page_shows_is_sound_and_runs_as_a_whole():
    rules = compile_rules(documented())
    assert rules.issues == ()
    assert {"unpaid-orders", "gold"} <= rules.plans.keys()
    assert [wave.id for wave in rules.campaigns["spring"].waves] == ["preheat", "last-call"]
    assert len(rules.standing.order) == 8
    assert rules.hand_tags == {"guest-of-honour": "Guest of honour"}


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
