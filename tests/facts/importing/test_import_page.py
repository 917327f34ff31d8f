"""docs/import.md says what the import does: its mapping is sound, its lists are whole."""

import re
from pathlib import Path

import pytest

from engine.facts.importing.load import parse
from engine.facts.importing.refusals import CODES
from engine.facts.importing.targets import targets

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "import.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
def test_every_mapping_on_the_page_is_sound(text):
    assert parse(text, Path("docs/import.md")).tables


@pytest.mark.parametrize("name", ["olist", "sample-shop"])
def test_every_mapping_of_the_examples_is_sound(name):
    path = ROOT / "examples" / name / "mapping.yaml"
    assert parse(path.read_text(encoding="utf-8"), path).tables


def test_the_page_lists_every_relation_with_its_fields():
    told = dict(re.findall(r"^\| `(\w+)` \| (\*?\*?\w+.*\w.*) \|$", PAGE, re.MULTILINE))
    for name, target in targets().items():
        fields = [f"**{field.name}**" if field.required else field.name for field in target.fields.values()]
        assert told[name] == ", ".join(fields)


def test_the_page_explains_every_reason_for_which_a_row_is_refused():
    assert set(CODES) <= set(re.findall(r"^\| `([\w-]+)` \|", PAGE, re.MULTILINE))


def test_the_page_explains_every_reason_for_which_a_file_is_refused():
    sources = (ROOT / "engine" / "facts" / "importing").glob("*.py")
    codes = {code for path in sources for code in re.findall(r'SourceError\(\s*"([\w-]+)"', path.read_text())}
    assert codes
    assert codes <= set(re.findall(r"^\| `([\w-]+)` \|", PAGE, re.MULTILINE))
