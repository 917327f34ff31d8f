"""What an editor shows, asked of the language server that most editors use for YAML."""

import pytest

from engine.servers.errors import SetupError
from engine.servers.yaml_server import find_yaml_server
from tests.scaffold.editor import Editor

HEAD = """\
# yaml-language-server: $schema=../../schemas/rules/segments.schema.json
segments:
  quiet:
    title: Quiet
    when:
"""
LINE = 5
INSIDE = 6


@pytest.fixture(scope="module")
def editor(made):
    try:
        program = find_yaml_server()
    except SetupError as error:
        pytest.fail(str(error))
    with Editor(program, made) as editor:
        yield editor


def opened(editor, made, name, text):
    file = made / "rules" / "segments" / name
    editor.open(file, text)
    return file


def test_a_condition_completes_attributes_with_their_titles(editor, made):
    file = opened(editor, made, "completed.yaml", f"{HEAD}      p")
    offered = editor.complete(file, LINE, INSIDE + 1)
    assert {"paid_orders", "spend_24mo", "tags", "segments", "stage", "tier", "did_not"} <= offered.keys()
    assert offered["paid_orders"]["documentation"].startswith("Paid orders. Orders paid so far.")
    assert offered["stage"]["documentation"] == "The stage of the lifecycle"


def test_an_attribute_completes_its_operators_by_its_type(editor, made):
    file = opened(editor, made, "operators.yaml", f"{HEAD}      top_channel: {{n}}")
    assert "not_in" in editor.complete(file, LINE, INSIDE + len("top_channel: {n"))


def test_hovering_over_an_attribute_shows_what_it_counts(editor, made):
    file = opened(editor, made, "hovered.yaml", f"{HEAD}      paid_orders: {{gte: 2}}\n")
    shown = editor.hover(file, LINE, INSIDE + 2)
    assert "Paid orders" in shown
    assert "Cancelled orders" in shown


def test_a_name_that_does_not_exist_is_underlined(editor, made):
    file = opened(editor, made, "underlined.yaml", f"{HEAD}      paid_order: 1\n")
    (mistake,) = editor.wait_for_mistakes(file)
    assert "paid_order" in mistake["message"]
    assert mistake["range"]["start"] == {"line": LINE, "character": INSIDE}


def test_every_file_of_a_new_project_is_sound_to_the_editor(editor, made):
    for file in sorted((made / "rules").rglob("*.yaml")):
        if not file.name.endswith(".test.yaml"):
            editor.open(file, file.read_text("utf-8"))
            assert editor.wait_for_mistakes(file) == [], file.name


def test_an_attribute_of_ones_own_completes_once_it_is_made(project, regulars):
    assert regulars("new", "attribute", "orders_60d", cwd=project).exit_code == 0
    with Editor(find_yaml_server(), project) as editor:
        file = opened(editor, project, "own.yaml", f"{HEAD}      o")
        offered = editor.complete(file, LINE, INSIDE + 1)
    assert offered["orders_60d"]["documentation"] == "Orders 60d. Paid orders of the last 60 days."
