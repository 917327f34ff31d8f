"""Mermaid text: every box and arrow, and nothing in them that Mermaid would read as its own."""

import re
from dataclasses import replace

from engine.diagram.graph import START
from engine.diagram.mermaid import to_mermaid
from tests.diagram.graphs import graph


def test_every_box_and_arrow_is_a_line():
    drawn = graph()
    lines = to_mermaid(drawn).splitlines()
    assert lines[:4] == ["---", 'title: "All \\"ways\\" & <means> (all-ways)"', "---", "flowchart TD"]
    names = {box.id: f"s{number}" for number, box in enumerate(drawn.boxes)}
    for box in drawn.boxes:
        assert (
            sum(
                line.strip().startswith((f"{names[box.id]}[", f"{names[box.id]}(", f"{names[box.id]}{{"))
                for line in lines
            )
            == 1
        )
    for arrow in drawn.arrows:
        line = "-.->" if arrow.back or arrow.kind == "failure" else "-->"
        label = f'|"{arrow.label}"|' if arrow.label else ""
        assert f"    {names[arrow.source]} {line}{label} {names[arrow.target]}" in lines
    assert any("Stops at once, wherever it is: order.cancelled." in line for line in lines)


def test_a_start_is_round_a_question_has_corners_and_each_kind_has_a_colour():
    text = to_mermaid(graph())
    assert re.search(r's0\(\["<b>Start</b><br/>order.placed where', text)
    assert re.search(r's\d+\{\{"<b>First was sent\?</b>"\}\}:::of_choice', text)
    assert set(re.findall(r":::(\w+)", text)) == set(re.findall(r"classDef (\w+) ", text))


def test_signs_of_mermaids_own_are_written_as_numbers():
    drawn = graph()
    boxes = tuple(replace(box, title='a "b" <c> #1; `d`\nend') if box.id == START else box for box in drawn.boxes)
    text = to_mermaid(replace(drawn, boxes=boxes))
    assert '"<b>A #34;b#34; #60;c#62; #35;1#59; #96;d#96; end</b>' in text
