"""docs/attributes.md and docs/attribute-reference.md say what the declarations say."""

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import engine
from engine.attributes.examples import rule_holds, value_of
from engine.attributes.relations import RELATIONS
from engine.language.rules import compile_rules, is_test, load_rules

ROOT = Path(engine.__file__).parents[1]
PAGE = (ROOT / "docs" / "attributes.md").read_text(encoding="utf-8")


def test_the_generated_pages_are_up_to_date():
    for path, text in runpy.run_path(str(ROOT / "tools" / "attributes_page.py"))["pages"]().items():
        assert path.read_text(encoding="utf-8") == text, "run python tools/attributes_page.py"


def test_every_shipped_attribute_has_a_line_with_an_example_in_the_reference():
    page = (ROOT / "docs" / "attribute-reference.md").read_text(encoding="utf-8")
    rules = load_rules(ROOT / "rules")
    lines = re.findall(r"^\| `(\w+)` \|.* gives `.+` \| `\{.+\}` (?:holds|does not hold) \|$", page, re.MULTILINE)
    assert sorted(lines) == sorted(rules.catalogue)


def test_every_rule_in_the_reference_loads_as_a_segment_and_comes_out_as_it_says():
    page = (ROOT / "docs" / "attribute-reference.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| `(\w+)` \|.*\| `(\{.+\})` (holds|does not hold) \|$", page, re.MULTILINE)
    files = {f"attributes/{path.name}": path.read_text("utf-8") for path in (ROOT / "rules/attributes").glob("*.yaml")}
    attributes = {name: text for name, text in files.items() if not is_test(name)}
    segments = "".join(f"  s-{name.replace('_', '-')}: {{title: S, when: {rule}}}\n" for name, rule, _ in shown)
    words = (ROOT / "rules" / "words.yaml").read_text(encoding="utf-8")
    rules = compile_rules({**attributes, "words.yaml": words, "segments.yaml": f"segments:\n{segments}"})
    assert [issue for issue in rules.issues if issue.severity == "error"] == []
    told = {name: says == "holds" for name, _, says in shown}
    for segment in rules.standing.segments:
        name = segment.name.removeprefix("s-").replace("-", "_")
        definition = rules.catalogue[name]
        value = value_of(rules.catalogue, name, definition.example)
        asked = definition.example.model_copy(update={"condition": segment.when})
        assert rule_holds(definition, asked, value) is told[name], name
    assert len(shown) == len(rules.standing.segments) == len(rules.catalogue)


def test_the_reference_has_a_section_for_each_subject():
    page = (ROOT / "docs" / "attribute-reference.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## (.+)$", page, re.MULTILINE)
    listed = dict(re.findall(r"^- \[(.+)\]\(#.+\): (\d+)$", page, re.MULTILINE))
    assert sections == list(listed)
    assert sum(map(int, listed.values())) == len(load_rules(ROOT / "rules").catalogue)


def test_a_stale_page_fails_the_check(tmp_path):
    shutil.copytree(ROOT, tmp_path / "copy", ignore=lambda _, names: {each for each in names if each.startswith(".")})
    script = [sys.executable, str(tmp_path / "copy" / "tools" / "attributes_page.py"), "--check"]
    assert subprocess.run(script, cwd=tmp_path, check=False).returncode == 0
    page = tmp_path / "copy" / "docs" / "attribute-reference.md"
    page.write_text(page.read_text(encoding="utf-8") + "more", encoding="utf-8")
    done = subprocess.run(script, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (
        1,
        "docs/attribute-reference.md: stale: run python tools/attributes_page.py\n",
    )


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
