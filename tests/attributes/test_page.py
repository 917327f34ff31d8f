"""docs/attributes.md says what the declarations say."""

import re
import runpy
from pathlib import Path

import engine
from engine.attributes.relations import RELATIONS
from engine.language.rules import compile_rules

ROOT = Path(engine.__file__).parents[1]
PAGE = (ROOT / "docs" / "attributes.md").read_text(encoding="utf-8")


def test_the_generated_parts_are_up_to_date():
    generated = runpy.run_path(str(ROOT / "tools" / "attributes_page.py"))["generated"]
    assert generated(PAGE) == PAGE, "run python tools/attributes_page.py"


def test_every_field_that_rules_may_name_is_on_the_page():
    for relation in RELATIONS.values():
        section = PAGE.split(f"### {relation.name}\n")[1].split("###")[0]
        assert set(re.findall(r"^\| `(\w+)`", section, re.MULTILINE)) == set(relation.offered)


def test_the_examples_are_sound():
    examples = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert examples
    for example in examples:
        rules = compile_rules({"attributes.yaml": example})
        assert rules.catalogue
        assert not rules.issues
