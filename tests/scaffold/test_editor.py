"""What an editor shows, asked of the language server that most editors use for YAML."""

import os
import re
from pathlib import Path

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
GOLDEN = Path(__file__).parent / "golden"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "editors.md"


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


def compare(name, told):
    """Against the golden text; REGULARS_WRITE_GOLDEN=1 writes it."""
    if os.environ.get("REGULARS_WRITE_GOLDEN"):
        (GOLDEN / name).write_text(told, "utf-8")
    assert told == (GOLDEN / name).read_text("utf-8")


def test_a_condition_completes_all_that_there_is_each_with_what_it_means(editor, made):
    file = opened(editor, made, "everything.yaml", f"{HEAD}      ")
    offered = editor.complete(file, LINE, INSIDE)
    width = max(map(len, offered)) + 2
    compare("condition.txt", "".join(f"{name:<{width}}{item['documentation']}\n" for name, item in offered.items()))
    assert all(item["documentation"] for item in offered.values())


def test_hovering_explains_what_stands_there(editor, made):
    compare("hover.txt", "\n".join(hovered(editor, made, *each) for each in enumerate(PLACES)))


def hovered(editor, made, number, place):
    """The line with a mark where the pointer is, and what is shown, as a reader sees it."""
    kind, text = place
    before, _, after = text.partition("^")
    file = made / "rules" / ("playbooks" if kind == "playbook" else kind) / f"hovered-{number}.yaml"
    editor.open(file, f"# yaml-language-server: $schema=../../schemas/rules/{kind}.schema.json\n{before}{after}")
    line, column = before.count("\n"), len(before) - before.rfind("\n") - 1
    shown = editor.hover(file, line + 1, column).partition("\nSource:")[0]
    read = re.sub(r"\\(?=[^\w\s])", "", shown).strip()
    written = (before + after).splitlines()[line]
    return f"{written}\n{' ' * column}^\n{read}\n"


SEGMENT = "segments:\n  quiet:\n    title: Quiet\n    when:\n"
PLAYBOOK = "playbook: a\ntitle: A\nfor: order\ncontrols: {purpose: service}\n"
PLACES = [
    ("segments", SEGMENT + "      paid^_orders: {gte: 2}\n"),
    ("segments", SEGMENT + "      paid_orders: {gt^e: 2}\n"),
    ("segments", SEGMENT + "      stage: slee^ping\n"),
    ("segments", SEGMENT + "      tags: {has_none: [compl^ained]}\n"),
    ("segments", SEGMENT + "      di^d: {event: order.paid, within: 365d}\n"),
    ("segments", SEGMENT + "      did: {event: order.p^aid, within: 365d}\n"),
    ("segments", SEGMENT.replace("when", "wh^en") + "      stage: sleeping\n"),
    ("attributes", "attributes:\n  a: {title: A, type: integer, count: orders, wh^ere: {late: true}}\n"),
    ("attributes", "attributes:\n  a: {title: A, type: integer, count: orders, where: {la^te: true}}\n"),
    ("playbook", PLAYBOOK + "start: {event: order.pl^aced, max_age: 24h}\n"),
    ("playbook", PLAYBOOK + "start: {event: order.placed, max^_age: 24h}\n"),
    ("playbook", PLAYBOOK + "start: {enters: {segment: second-order^-due}}\n"),
    ("playbook", PLAYBOOK + "steps:\n  - wa^it: 3d\n"),
    ("playbook", PLAYBOOK + "steps:\n  - se^nd: {channel: email, template: a}\n"),
    ("playbook", PLAYBOOK + "steps:\n  - send: {chann^el: email, template: a}\n"),
    ("playbook", PLAYBOOK + "steps:\n  - if: {order.to^tal: {gte: 50 EUR}}\n    then: [end]\n"),
    ("playbook", PLAYBOOK + "steps:\n  - if: {order.total: {gte: 50 EUR}}\n    th^en: [end]\n"),
]


def test_the_page_of_editors_shows_what_an_editor_shows():
    shown = re.findall(r"```\n(.*?)```", PAGE.read_text("utf-8"), flags=re.DOTALL)
    golden = "".join((GOLDEN / name).read_text("utf-8") for name in ("condition.txt", "hover.txt"))
    assert len(shown) >= 5
    assert [block for block in shown if block not in golden] == []


def test_no_hover_begins_with_the_name_of_a_class():
    assert "Model" not in (GOLDEN / "hover.txt").read_text("utf-8")


def test_a_test_completes_facts_and_the_names_of_the_project(editor, made):
    head = "# yaml-language-server: $schema=../../schemas/rules/test.schema.json\nat: 2026-06-01\ntests:\n  tried:\n"
    facts = opened(editor, made, "facts.test.yaml", f"{head}    ")
    assert {"orders", "customer", "expect", "but"} <= editor.complete(facts, 4, 4).keys()
    order = opened(editor, made, "order.test.yaml", f"{head}    orders:\n      - paid: -3d\n        ")
    offered = editor.complete(order, 6, 8)
    assert offered["delivered"]["documentation"] == "When the order was delivered"
    assert "delivered_at" not in offered
    tags = opened(editor, made, "tags.test.yaml", f"{head}    expect:\n      tags:\n        includes: ")
    assert editor.complete(tags, 6, 18)["big-spender"]["documentation"].startswith("Big spender")


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
        editor.open(file, file.read_text("utf-8"))
        assert editor.wait_for_mistakes(file) == [], file.name


def test_an_attribute_of_ones_own_completes_once_it_is_made(project, regulars):
    assert regulars("new", "attribute", "orders_60d", cwd=project).exit_code == 0
    with Editor(find_yaml_server(), project) as editor:
        file = opened(editor, project, "own.yaml", f"{HEAD}      o")
        offered = editor.complete(file, LINE, INSIDE + 1)
    assert offered["orders_60d"]["documentation"] == "Orders 60d. Paid orders of the last 60 days."
