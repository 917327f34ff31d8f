"""Golden files: a file of mistakes beside what an operator is told about each."""

import os
from pathlib import Path

import pytest
from rich.text import Text

from engine.language.render import as_text
from engine.language.rules import compile_rules
from tests.language.shop import SHOP

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.yaml"))
_PLACES = {"attributes": "attributes_more.yaml", "policy": "policy.yaml"}


def told(name: str) -> str:
    """What `check` says about a golden file put into the small shop."""
    place = _PLACES.get(name, f"playbooks/{name}.yaml")
    rules = compile_rules({**SHOP, place: (GOLDEN / f"{name}.yaml").read_text("utf-8")})
    own = [issue for issue in rules.issues if issue.file == place]
    assert own
    return Text.from_markup(as_text(own, rules.files)).plain + "\n"


@pytest.mark.parametrize("name", NAMES)
def test_every_mistake_is_told_with_code_place_and_what_to_write_instead(name):
    expected = GOLDEN / f"{name}.expected"
    if os.environ.get("REGULARS_WRITE_GOLDEN"):
        expected.write_text(told(name), "utf-8")
    assert told(name) == expected.read_text("utf-8")


def test_the_golden_files_hold_more_than_a_hundred_mistakes():
    paragraphs = [part for name in NAMES for part in (GOLDEN / f"{name}.expected").read_text("utf-8").split("\n\n")]
    assert len(paragraphs) > 100
