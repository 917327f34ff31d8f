"""Every block of YAML in the pages is what it says: rules, tests, mappings or responses that load without a mistake."""

import re

import pytest

from engine.facts.importing.load import parse
from engine.language.files import read_directory
from engine.language.issues import Report
from engine.language.kinds import KINDS
from engine.language.reader import read
from engine.language.responses import read_responses
from engine.language.rules import compile_rules
from engine.ruletests.read import read_tests
from tests.docs.pages import ROOT, blocks, pages
from tests.own import LOYALTY

# Its blocks also show parts of files, and steps that are refused by name; tests/language/test_docs.py loads each.
ELSEWHERE = {"docs/language.md"}
SHIPPED = read_directory(ROOT / "rules")
FOUND = [
    (name, block)
    for page in pages()
    if (name := str(page.relative_to(ROOT))) not in ELSEWHERE
    for block in blocks(page.read_text("utf-8"))
    if block.language in ("yaml", "yml")
]


@pytest.mark.parametrize(("name", "block"), FOUND, ids=[f"{name}:{block.line}" for name, block in FOUND])
def test_a_block_of_yaml_loads(name, block):
    keys = read(block.text, Report(name)).keys()
    if "tests" in keys:
        # Tests of a playbook stand beside it, and say so.
        named = re.match(r"# rules/(\S+\.test\.yaml)", block.text)
        place = named[1] if named else "shown.test.yaml"
        suite = read_tests(compile_rules({**SHIPPED, place: block.text}), frozenset({place}))
        assert suite.issues == ()
        assert suite.cases
    elif "shares" in keys:
        assert read_responses(block.text, name, compile_rules(SHIPPED))[1] == ()
    elif kind := next((key for key in keys if key in KINDS), None):
        place = "policy.yaml" if kind == "policy" else "shown.yaml"
        # Attributes are shown by themselves; other rules name those that ship.
        beside = {} if kind == "attributes" else SHIPPED
        issues = compile_rules({**beside, **LOYALTY, place: block.text}).issues
        assert [issue for issue in issues if issue.file == place] == []
    else:
        assert parse(block.text, ROOT / name).tables


def test_there_are_blocks_to_load():
    assert len(FOUND) > 4
