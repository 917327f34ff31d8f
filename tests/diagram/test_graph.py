"""A plan as boxes and arrows: every way of it, in words, and no other."""

from hypothesis import given
from hypothesis import strategies as st

from engine.diagram.graph import START, graph_of
from engine.journeys.plan import Plan, Repeat
from tests.diagram.graphs import graph, plan, ways
from tests.journeys.plans import parallel_plans, plans
from tests.workflows.rules import make_rules


def test_every_way_out_of_a_step_is_an_arrow_with_its_words():
    drawn = graph()
    assert ways(drawn, START) == [("", "wait-1")]
    assert ways(drawn, "first") == [("", "if-1"), ("if it fails", "by-hand")]
    assert ways(drawn, "by-hand") == [("", "if-1")]
    assert ways(drawn, "if-1") == [("yes", "wait_for-1"), ("no", "wording")]
    assert ways(drawn, "wait_for-1") == [("it came", "end-1"), ("nothing in 2 days", "wording")]
    assert ways(drawn, "end-1") == []
    assert ways(drawn, "wording") == [("short 60 %", "short"), ("long 40 %", "long")]
    assert ways(drawn, "rounds") == [("", "rounds/until"), ("after 3 rounds", "parallel-1")]
    assert ways(drawn, "rounds/until") == [("yes", "parallel-1"), ("no", "again")]
    assert ways(drawn, "again") == [("the next round", "rounds")]
    assert ways(drawn, "parallel-1") == [("mail", "beside"), ("phone", "call")]
    (joint,) = {target for source in ("beside", "call") for _, target in ways(drawn, source)}
    assert ways(drawn, joint) == [("", "switch-1")]
    assert ways(drawn, "switch-1") == [("card", "wait-2"), ("bank_slip", "wait-3"), ("else", "end-2")]
    assert ways(drawn, "first-1") == [
        ("order.shipped", "wait-4"),
        ("order.delivered", "wait-5"),
        ("nothing in 2 weeks", "end-3"),
    ]
    assert ways(drawn, "wait-6") == [("", "end"), ("if it is past", "wait-6/past")]


def test_only_the_way_to_the_next_round_goes_back_and_only_a_failure_is_one():
    drawn = graph()
    assert [(each.source, each.target) for each in drawn.arrows if each.back] == [("again", "rounds")]
    assert [(each.source, each.target) for each in drawn.arrows if each.kind == "failure"] == [("first", "by-hand")]


def test_boxes_say_what_is_behind_their_titles():
    boxes = {box.id: box for box in graph().boxes}
    assert boxes[START].lines == (
        "order.placed where payment_method is bank_slip",
        "or order.shipped",
        "at most once in 30 days",
        "heard of within 1 day",
    )
    assert boxes["first"].lines == ("template by buyer", "true: hello", "else: reminder")
    assert boxes["by-hand"].lines == ("due after 4 h",)
    assert boxes["rounds"].title.endswith("at most 3 times, every 7 days")
    assert boxes["end-1"].title == "the end: paid-late"
    assert boxes["wait-6/past"].title == "the end: past"
    assert boxes["if-1"].title == "first was sent?"
    assert boxes["if-1"].lines == ()


def test_what_holds_for_the_whole_playbook_is_told_above_it():
    assert graph().notes == (
        "One journey for each order. Purpose: service.",
        "Stops at once, wherever it is: order.cancelled.",
        "Goal: order.paid within 1 week; then no message is sent any more.",
    )
    held_out = plan().controls.model_copy(update={"holdout": 1000})
    draft = plan().model_copy(update={"controls": held_out, "status": "draft", "stop": (), "goal": None})
    assert graph_of(draft).notes == (
        "One journey for each order. Purpose: service, 10 % are held out.",
        "Status: draft.",
    )


def test_ways_that_all_lead_to_one_place_are_one_arrow_without_words():
    drawn = graph_of(_plan("  - wait_for: {event: order.paid, within: 2d}\n"))
    assert ways(drawn, "wait_for-1") == [("", "end")]
    drawn = graph_of(_plan("  - split: {id: x, shares: {a: 50%, b: 30%, c: 20%}}\n    arms: {a: [{wait: 1d}]}\n"))
    assert ways(drawn, "x") == [("a 50 %", "wait-1"), ("b 30 % or c 20 %", "end")]


def _plan(steps: str) -> Plan:
    return make_rules(f"steps:\n{steps}").plans["payment-reminder"]


@given(st.one_of(plans(), parallel_plans()))
def test_any_plan_is_drawn_from_its_start_on_with_every_arrow_between_two_boxes(any_plan: Plan):
    drawn = graph_of(any_plan)
    places = {box.id: place for place, box in enumerate(drawn.boxes)}
    assert len(places) == len(drawn.boxes)
    met = {START}
    for _ in drawn.boxes:
        met |= {arrow.target for arrow in drawn.arrows if arrow.source in met}
    assert met == set(places)
    for arrow in drawn.arrows:
        assert (places[arrow.source] < places[arrow.target]) is not arrow.back
    heads = {step.id for step in any_plan.code if isinstance(step, Repeat)}
    assert {arrow.target for arrow in drawn.arrows if arrow.back} <= heads
