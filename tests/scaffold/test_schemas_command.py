"""`regulars schemas`: what editors complete follows the rules."""

import json

from engine.language.files import SCHEMAS
from engine.language.rules import load_rules
from engine.scaffold.schemas import stale_schemas

SEGMENT = "segments:\n  my-best:\n    title: My best\n    used_by: reports\n    when: {paid_orders: {gte: 5}}\n"


def test_the_shipped_schemas_are_not_stale():
    root = SCHEMAS.parent
    assert list(stale_schemas(root, load_rules(root / "rules"))) == []


def test_a_segment_declared_by_hand_makes_schemas_stale_until_they_are_written_anew(project, regulars):
    fresh = regulars("schemas", "--check", cwd=project)
    assert (fresh.exit_code, fresh.output) == (0, "the schemas say what the rules say\n")
    (project / "rules" / "segments" / "own.yaml").write_text(SEGMENT)
    stale = regulars("schemas", "--check", cwd=project)
    assert stale.exit_code == 1
    assert "schemas/rules/segments.schema.json: stale; regulars schemas writes it" in stale.output
    written = regulars("schemas", cwd=project)
    assert written.exit_code == 0
    assert "schemas/rules/test.schema.json: written" in written.output
    assert regulars("schemas", "--check", cwd=project).exit_code == 0
    parts = json.loads((project / "schemas" / "rules" / "segments.schema.json").read_text())["definitions"]
    assert {"const": "my-best", "description": "My best"} in parts["each-segments"]["anyOf"]


def test_rules_with_a_mistake_still_give_schemas_and_say_so(project, regulars):
    (project / "rules" / "segments" / "own.yaml").write_text(SEGMENT.replace("paid_orders", "paid_ordrs"))
    written = regulars("schemas", cwd=project)
    assert written.exit_code == 0
    assert "1 mistake in the rules" in written.output


def test_a_project_without_rules_is_told_what_is_missing(project, regulars):
    (project / "rules").rename(project / "others")
    refused = regulars("schemas", cwd=project)
    assert refused.exit_code == 3
    assert "rules: Not a directory" in refused.output
    assert "hint: see that the project has rules" in refused.output
