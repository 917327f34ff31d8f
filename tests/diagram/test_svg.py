"""The picture: whole, readable, and with no text over a box that is not its own."""

import xml.etree.ElementTree as ET
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.diagram.graph import Graph, graph_of
from engine.diagram.layout import Place
from engine.diagram.measure import width, wrapped
from engine.diagram.svg import Drawing, lines_of_box, to_svg
from engine.journeys.plan import End, EventTrigger, Join, Parallel, Plan, Send, Task, WaitFor
from engine.language.rules import load_rules
from tests.diagram.graphs import graph
from tests.docs.pages import ROOT
from tests.journeys.plans import parallel_plans, plan, plans

SVG = "{http://www.w3.org/2000/svg}"
SHIPPED = load_rules(ROOT / "rules").plans


def overlap(one: Place, other: Place) -> bool:
    across = min(one.right, other.right) - max(one.left, other.left)
    down = min(one.bottom, other.bottom) - max(one.y, other.y)
    return across > 0.01 and down > 0.01


def check(drawn: Graph) -> None:
    """That nothing lies over anything else, and everything is in the picture."""
    drawing = Drawing(drawn)
    labels = [label for label in drawing.layout.labels if label.size.width]
    for one, other in combinations([*drawing.layout.boxes, *labels], 2):
        assert not overlap(one, other)
        if one.layer == other.layer:
            assert max(one.left, other.left) - min(one.right, other.right) > 17.9
    for lines, place in zip(drawing.names, drawing.layout.labels, strict=True):
        assert place.size.width >= max((line.width for line in lines), default=0)
    for chain, link in zip(drawing.layout.chains, drawing.links, strict=True):
        upper, lower = (drawing.layout.boxes[each] for each in link.down)
        assert [place.layer for place in (upper, *chain, lower)] == list(range(upper.layer, lower.layer + 1))
        for place in chain:  # within its layer an arrow goes straight down: through nothing but its own label
            line = Place(place.size, place.layer, x=place.x, y=drawing.bands[place.layer][0])
            for box in (*drawing.layout.boxes, *labels):
                if box is not place and box.layer == place.layer:
                    assert not box.left < line.x < box.right
    for (_, bottom), (top, _) in pairwise(drawing.bands):
        assert bottom < top
    for place in (*drawing.layout.boxes, *labels):
        assert place.left >= 0
        assert place.right <= drawing.size.width
        assert place.bottom <= drawing.size.height


@pytest.mark.parametrize("name", SHIPPED)
def test_nothing_lies_over_anything_else_in_the_shipped_playbooks(name: str):
    check(graph_of(SHIPPED[name]))


def test_nothing_lies_over_anything_else_where_there_is_every_kind_of_way():
    check(graph())


def test_a_box_that_has_no_room_to_either_side_stays_where_it_is():
    visit = (EventTrigger(event="site.visit"),)
    check(
        graph_of(
            plan(
                Parallel(id="both", branches=(1, 4, 6), join=8),
                WaitFor(id="b0-s0", any=visit, within=10000, got=3, orelse=2),
                Task(id="b0-s1", on_failure=3, task="t", team="sales", title="T"),
                Join(id="b0-join"),
                Send(id="b1-s0", channels=("email",), template="t"),
                Join(id="b1-join"),
                Send(id="b2-s0", channels=("email",), template="t"),
                Join(id="b2-join"),
                Send(id="after", channels=("email",), template="t"),
                End(id="end"),
            )
        )
    )


@settings(max_examples=60)
@given(st.one_of(plans(), parallel_plans()))
def test_nothing_lies_over_anything_else_in_any_plan(any_plan: Plan):
    check(graph_of(any_plan))


def test_the_picture_is_sound_xml_with_every_word_of_the_graph():
    drawn = graph()
    root = ET.fromstring(to_svg(drawn))
    said = " ".join(text.text or "" for text in root.iter(f"{SVG}text"))
    assert 'All "ways" & <means>' in said
    for box in drawn.boxes:
        for line in lines_of_box(box):
            assert line.text in said
    for arrow in drawn.arrows:
        assert arrow.label in said
    assert len(list(root.iter(f"{SVG}path"))) == len(drawn.arrows) + 2  # the heads of arrows are drawn once each
    assert to_svg(graph()) == to_svg(graph())


def test_the_picture_loads_nothing_and_runs_nothing():
    text = to_svg(graph())
    assert "href" not in text
    assert "<script" not in text
    assert text.count("http") == 1  # the name of the language


def test_a_box_is_as_wide_as_its_widest_line_and_text_stands_inside():
    drawing = Drawing(graph())
    for lines, place in zip(drawing.texts, drawing.layout.boxes, strict=True):
        assert max(line.width for line in lines) + 20 <= place.size.width
        assert sum(line.height for line in lines) + 12 <= place.size.height


def test_an_arrow_back_goes_up_and_all_others_down():
    drawn = graph()
    root = ET.fromstring(to_svg(drawn))
    paths = [path for path in root.iter(f"{SVG}path") if path.get("marker-end")]
    for arrow, path in zip(drawn.arrows, paths, strict=True):
        points = [
            float(each) for each in (path.get("d") or "").replace("M", " ").replace("L", " ").replace("C", " ").split()
        ]
        first, last = points[1], points[-1]
        assert (last < first) is arrow.back
        assert (path.get("stroke-dasharray") is not None) is (arrow.back or arrow.kind == "failure")


@given(st.text(max_size=120), st.integers(60, 240))
def test_text_is_wrapped_so_that_it_fits_and_nothing_of_it_is_lost(text: str, widest: int):
    lines = wrapped(text, widest, 12)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(width(line, 12) <= widest for line in lines)


def test_a_long_word_is_broken_after_a_mark():
    assert wrapped("express-delivery-of-everything", 120, 12) == ["express-delivery-", "of-everything"]
    assert wrapped("see order.placed", 120, 12) == ["see order.placed"]
