"""Compiled conditions and their traces say the same, and what every condition promises holds of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from engine.conditions.ast import All, Any, Compare, Condition, Did, Not, StepIs
from engine.conditions.compile import compile_condition, compile_where
from engine.conditions.environment import Catalogue, Known
from engine.conditions.expression import DEEPEST
from engine.conditions.trace import trace, trace_where
from tests.conditions.strategies import (
    NOW,
    TYPES,
    comparisons,
    conditions,
    dids,
    environments,
    mistyped,
    trees,
    values,
    where_conditions,
)

CATALOGUE = Catalogue(TYPES, {"order.paid": TYPES, "site.visit": TYPES}, "EUR")


def compiled(condition, currency="EUR"):
    return compile_condition(condition, currency=currency, types=TYPES, events=CATALOGUE.events)


def verdict(condition, **attributes):
    return compiled(condition)(Known(now=NOW, attributes=attributes))


@given(conditions, environments())
def test_a_closure_and_a_trace_give_the_same_verdict(condition, environment):
    assert compiled(condition)(environment) is trace(condition, environment, CATALOGUE).verdict


@given(conditions, environments(mistyped))
def test_values_of_another_type_break_neither(condition, environment):
    assert compiled(condition)(environment) is trace(condition, environment, CATALOGUE).verdict


@given(comparisons(), environments(mistyped))
def test_a_comparison_with_a_value_of_another_type_breaks_neither(condition, environment):
    assert compiled(condition)(environment) is trace(condition, environment, CATALOGUE).verdict


@given(dids, environments())
def test_events_are_counted_alike_by_closure_and_trace(did, environment):
    assert compiled(did)(environment) is trace(did, environment, CATALOGUE).verdict


@given(where_conditions, values)
def test_a_where_closure_and_its_trace_give_the_same_verdict(condition, row):
    closure = compile_where(condition, currency="EUR", types=TYPES)
    assert closure(row) is trace_where(condition, row, CATALOGUE).verdict


@given(conditions, environments())
def test_not_not_x_is_x(condition, environment):
    assert compiled(Not(part=Not(part=condition)))(environment) is compiled(condition)(environment)


@given(st.lists(conditions, max_size=4), st.randoms(use_true_random=False), st.sampled_from([All, Any]), environments())
def test_the_order_of_clauses_does_not_matter(parts, random, group, environment):
    shuffled = random.sample(parts, len(parts))
    one, other = group(parts=tuple(parts)), group(parts=tuple(shuffled))
    assert compiled(one)(environment) is compiled(other)(environment)


@given(comparisons())
def test_a_comparison_with_an_unknown_value_is_false(comparison):
    assert verdict(comparison) is (comparison.operator == "unknown")
    assert verdict(comparison, **{comparison.name: None}) is (comparison.operator == "unknown")


PLAIN = trees(comparisons().filter(lambda each: each.operator != "unknown"), negated=False)


@given(PLAIN, environments(), st.sampled_from(sorted(TYPES)))
def test_without_not_and_unknown_nothing_becomes_true_by_knowing_less(condition, environment, name):
    less = Known(now=NOW, attributes={**environment.attributes, name: None})
    assert not compiled(condition)(less) or compiled(condition)(environment)


@given(conditions, environments())
def test_a_condition_means_the_same_after_a_journey_through_json(condition, environment):
    adapter = TypeAdapter(Condition)
    again = adapter.validate_json(condition.model_dump_json(by_alias=True, exclude_defaults=True))
    assert compiled(again)(environment) is compiled(condition)(environment)


@given(st.one_of(dids, conditions), environments())
def test_an_event_after_now_changes_nothing(condition, environment):
    past = {kind: [each for each in happened if each[0] <= NOW] for kind, happened in environment.happened.items()}
    earlier = Known(now=NOW, attributes=environment.attributes, happened=past, states=environment.states)
    assert compiled(condition)(earlier) is compiled(condition)(environment)


@pytest.mark.parametrize(
    ("comparison", "value", "holds"),
    [
        (Compare(name="number", operator="gte", operand=3), 3, True),
        (Compare(name="number", operator="gt", operand=3), 3, False),
        (Compare(name="number", operator="lt", operand=3), 3, False),
        (Compare(name="number", operator="lte", operand=3), 3, True),
        (Compare(name="number", operator="gt", operand=2**53), 2**53 + 1, True),
        (Compare(name="number", operator="not_in", operands=(1, 2)), 3, True),
        (Compare(name="number", operator="not_in", operands=(1, 2)), None, False),
        (Compare(name="word", operator="in", operands=("DE", "FR")), "DE", True),
        (Compare(name="words", operator="has_all", operands=("a", "b")), frozenset("ab"), True),
        (Compare(name="words", operator="has_all", operands=("a", "b")), frozenset("a"), False),
        (Compare(name="words", operator="has_any", operands=("a", "b")), frozenset("b"), True),
        (Compare(name="words", operator="has_none", operands=("a", "b")), frozenset("c"), True),
        (Compare(name="words", operator="has_none", operands=("a", "b")), frozenset("bc"), False),
        (Compare(name="words", operator="has_none", operands=("a", "b")), None, False),
        (Compare(name="words", operator="eq", operand="a"), frozenset("ab"), True),
        (Compare(name="flag", operator="eq", operand=True), 1, False),
        (Compare(name="spend", operator="gte", amounts=(("EUR", 500), ("USD", 900))), 500, True),
        (Compare(name="spend", operator="gte", amounts=(("USD", 1),)), 500, False),
        (Compare(name="known", operator="known", operand=False), None, True),
    ],
)  # fmt: skip
def test_operators_by_example(comparison, value, holds):
    assert verdict(comparison, **{comparison.name: value}) is holds
    assert trace(comparison, Known(attributes={comparison.name: value}), CATALOGUE).verdict is holds


def test_money_is_unknown_without_a_reporting_currency():
    rich = Compare(name="spend", operator="gte", amounts=(("EUR", 500),))
    assert compiled(rich, currency=None)(Known(attributes={"spend": 900})) is False


def test_a_did_counts_events_that_match():
    happened = {"order.paid": [(NOW, {"number": 1}), (NOW - 5, {"number": 2}), (NOW - 5, {})]}
    environment = Known(now=NOW, happened=happened)

    def did(**more):
        return compiled(Did(event="order.paid", **more))(environment)

    big = Compare(name="number", operator="gte", operand=2)
    assert did(times=3)
    assert not did(times=4)
    assert did(where=big)
    assert not did(where=big, times=2)
    assert did(times=0, where=big)


def test_a_did_looks_back_over_its_window_without_the_far_edge_and_not_ahead():
    def did(at, **more):
        return compiled(Did(event="order.paid", **more))(Known(now=NOW, happened={"order.paid": [(at, {})]}))

    assert did(NOW)
    assert not did(NOW + 1)
    assert did(NOW - 999_999, within_seconds=1)
    assert not did(NOW - 1_000_000, within_seconds=1)


@pytest.mark.parametrize("operator", ["has_any", "has_all", "has_none", "lt", "in", "not_in"])
@pytest.mark.parametrize("value", ["text", 5, True, frozenset({5})])
def test_text_where_a_set_or_number_belongs_is_no_error(operator, value):
    comparison = (
        Compare(name="x", operator=operator, operand="a")
        if operator == "lt"
        else Compare(name="x", operator=operator, operands=("a",))
    )
    environment = Known(attributes={"x": value})
    assert compiled(comparison)(environment) is trace(comparison, environment, CATALOGUE).verdict


def test_an_operand_of_another_type_is_an_error_when_compiling():
    for operand, name in (
        ("soon", "moment"),
        ("2024-02-30", "day"),
        ("much", "share"),
        ("2026-01-01T10:00:00", "moment"),
    ):
        with pytest.raises(ValueError, match=operand[:4] if name != "day" else "day"):
            compiled(Compare(name=name, operator="eq", operand=operand))


def test_text_of_a_rule_is_never_run():
    evil = "x'] or __import__('os').abort() #"
    condition = All(
        parts=(
            Compare(name=evil, operator="eq", operand=evil),
            Compare(name=evil, operator="in", operands=(evil,)),
            Not(part=Did(event=evil)),
            StepIs.model_validate({"step": evil, "state": "sent", "is": False}),
        )
    )
    assert compiled(condition)(Known(attributes={evil: evil})) is True


def test_a_condition_deeper_than_anybody_can_read_is_refused():
    condition = Compare(name="number", operator="known")
    for _ in range(DEEPEST):
        condition = Not(part=condition)
    assert compiled(condition)(Known()) is (DEEPEST % 2 == 1)
    with pytest.raises(ValueError, match="levels"):
        compiled(Not(part=condition))


def test_a_row_cannot_ask_for_events_or_steps():
    for question in (Did(event="order.paid"), StepIs.model_validate({"step": "first", "state": "sent"})):
        with pytest.raises(ValueError, match="cannot ask for other events or for steps"):
            compile_where(question, currency=None)
