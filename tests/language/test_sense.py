"""Nothing is claimed of conditions that is not so, and what is plain is found."""

import random
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.attributes.definition import AttributeDefinition
from engine.conditions.ast import All, Any, Compare, Not
from engine.conditions.compile import compile_condition
from engine.conditions.environment import Known
from engine.language.scope import Typed, typed_attributes
from engine.language.sense.constant import constant
from engine.language.sense.presence import possible
from engine.language.sense.stages import overlaps, uncovered

DAY = 86_400
PAID = Compare(name="paid", operator="eq", operand=True)


def rows(name, aggregate, of="orders", within=None):
    kind = "boolean" if aggregate in ("exists", "none") else "integer"
    days = None if within is None else within * DAY
    return AttributeDefinition(
        name=name, title=name, type=kind, aggregate=aggregate, of=of, where=PAID, within_seconds=days
    )


OF_ORDERS = {
    each.name: each
    for each in (
        rows("orders", "count"),
        rows("orders_2d", "count", within=2),
        rows("some", "exists"),
        rows("none", "none"),
        rows("none_2d", "none", within=2),
        rows("days", "days_since", of="orders.placed_at"),
    )
}
NAMES = {
    **typed_attributes(OF_ORDERS),
    "size": Typed("integer"),
    "score": Typed("integer", within=(1, 3)),
    "rate": Typed("decimal", scale=1),
    "free": Typed("decimal"),
    "flag": Typed("boolean"),
    "word": Typed("string"),
    "stage": Typed("string", choices=frozenset({"a", "b"})),
    "tags": Typed("set"),
    "money": Typed("money"),
    "born": Typed("date"),
}
TYPES = {name: typed.type for name, typed in NAMES.items()}
WORDS = ["a", "b"]
ORDERED = ["eq", "lt", "lte", "gt", "gte"]
WHOLE = ["size", "score", "orders", "orders_2d", "days"]


@st.composite
def comparisons(draw):
    name = draw(st.sampled_from(sorted(NAMES)))
    if draw(st.integers(0, 7)) == 0:
        return Compare(name=name, operator=draw(st.sampled_from(["known", "unknown"])))
    match TYPES[name]:
        case "boolean":
            return Compare(name=name, operator="eq", operand=draw(st.booleans()))
        case "string":
            words = tuple(draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=2, unique=True)))
            return Compare(name=name, operator=draw(st.sampled_from(["in", "not_in"])), operands=words)
        case "set":
            words = tuple(draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=2, unique=True)))
            return Compare(
                name=name, operator=draw(st.sampled_from(["has_any", "has_all", "has_none"])), operands=words
            )
        case "money":
            amounts = draw(st.lists(st.sampled_from(["EUR", "BRL"]), min_size=1, max_size=2, unique=True))
            limits = tuple((currency, draw(st.integers(-1, 3))) for currency in amounts)
            return Compare(name=name, operator=draw(st.sampled_from(ORDERED)), amounts=limits)
        case "date":
            day = date(2026, 1, 1) + timedelta(days=draw(st.integers(0, 3)))
            return Compare(name=name, operator=draw(st.sampled_from(ORDERED)), operand=day.isoformat())
        case "decimal":
            return Compare(name=name, operator=draw(st.sampled_from(ORDERED)), operand=str(draw(tenths()) / 4))
        case _:
            return Compare(name=name, operator=draw(st.sampled_from(ORDERED)), operand=draw(st.integers(-1, 4)))


def tenths():
    return st.integers(-4, 16).map(Decimal)


def conditions():
    return st.recursive(
        comparisons(),
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: All(parts=tuple(parts))),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: Any(parts=tuple(parts))),
            inner.map(lambda part: Not(part=part)),
        ),
        max_leaves=6,
    )


def customers(seed, count):
    """Values that customers can have: those of orders are counted from orders. Drawn here, Hypothesis takes minutes."""
    return [_customer(random.Random(f"{seed}/{number}")) for number in range(count)]


def _customer(chance):
    ages = [chance.choice([chance.randint(0, 4 * DAY), 2 * DAY, chance.randint(0, 4) * DAY])] * chance.randint(0, 1)
    ages += [chance.randint(0, 4 * DAY) for _ in range(chance.randint(0, 3))]
    recent = [age for age in ages if age < 2 * DAY]
    optional = {
        "size": chance.randint(-3, 6),
        "score": chance.randint(1, 3),
        "rate": Decimal(chance.randint(-4, 16)) / 10,
        "free": Decimal(chance.randint(-4, 16)) / 8,
        "flag": chance.random() < 0.5,
        "word": chance.choice([*WORDS, "c"]),
        "stage": chance.choice(WORDS),
        "tags": frozenset(word for word in [*WORDS, "c"] if chance.random() < 0.5),
        "money": chance.randint(-3, 5),
        "born": date(2026, 1, 1) + timedelta(days=chance.randint(-2, 6)),
    }
    return {
        **{name: None if chance.random() < 0.25 else value for name, value in optional.items()},
        "orders": len(ages),
        "orders_2d": len(recent),
        "some": bool(ages),
        "none": not ages,
        "none_2d": not recent,
        "days": min(ages) // DAY if ages else None,
    }


SEEDS = st.integers(0, 2**32)


def holds(condition, values, currency):
    return compile_condition(condition, currency=currency, types=TYPES)(Known(attributes=values))


@settings(max_examples=400, deadline=None)
@given(conditions(), SEEDS, st.sampled_from(["EUR", "BRL", "USD", None]))
def test_nobody_meets_what_is_said_to_hold_never_and_everybody_what_holds_always(condition, seed, currency):
    claim = constant(condition, NAMES)
    if claim is not None:
        assert {holds(condition, values, currency) for values in customers(seed, 30)} == {claim == "always"}


@settings(max_examples=300, deadline=None)
@given(SEEDS)
def test_values_of_a_customer_are_possible_together(seed):
    told = {name: typed.presence for name, typed in NAMES.items() if typed.presence}
    assert len(told) == len(OF_ORDERS)
    for values in customers(seed, 30):
        assert possible({name: values[name] for name in told}, told)


@settings(max_examples=150, deadline=None)
@given(conditions())
def test_a_condition_and_its_negation_neither_overlap_nor_leave_anybody_out(condition):
    stages = {"one": condition, "other": Not(part=condition)}
    assert list(overlaps(stages, NAMES)) == []
    assert uncovered(stages, NAMES) is None


@settings(max_examples=150, deadline=None)
@given(st.lists(conditions(), min_size=2, max_size=3), SEEDS)
def test_stages_that_are_not_said_to_overlap_or_leave_anybody_out_do_not(parts, seed):
    stages = {str(index): part for index, part in enumerate(parts)}
    apart, whole = not list(overlaps(stages, NAMES)), uncovered(stages, NAMES) is None
    for values in customers(seed, 30):
        in_stages = sum(holds(part, values, "EUR") for part in parts)
        assert not (apart and in_stages > 1)
        assert not (whole and in_stages == 0)


def both(*parts):
    return All(parts=parts)


def compare(name, operator, operand):
    return Compare(name=name, operator=operator, operand=operand)


@pytest.mark.parametrize(
    ("condition", "claim"),
    [
        (both(compare("size", "gt", 3), compare("size", "lt", 4)), "never"),
        (both(compare("rate", "gt", "0.1"), compare("rate", "lt", "0.2")), "never"),
        (both(compare("free", "gt", "0.1"), compare("free", "lt", "0.2")), None),
        (compare("score", "gt", 3), "never"),
        (compare("orders", "gte", 0), "always"),
        (compare("size", "gte", 0), None),
        (both(compare("orders", "eq", 0), compare("days", "gte", 1)), "never"),
        (both(compare("orders", "gte", 1), Compare(name="days", operator="unknown")), "never"),
        (both(compare("days", "gte", 2), compare("orders_2d", "gte", 1)), "never"),
        (both(compare("days", "lt", 2), compare("none_2d", "eq", True)), "never"),
        (both(compare("days", "lte", 2), compare("none_2d", "eq", True)), None),
        (both(compare("orders", "lt", 2), compare("orders_2d", "gte", 2)), "never"),
        (Any(parts=(compare("some", "eq", True), compare("none", "eq", True))), "always"),
        (Any(parts=(compare("flag", "eq", True), compare("flag", "eq", False))), None),
        (both(compare("word", "eq", "a"), compare("word", "eq", "b")), "never"),
        (Not(part=compare("stage", "eq", "a")), None),
        (
            both(*(Not(part=compare("stage", "eq", name)) for name in WORDS), Compare(name="stage", operator="known")),
            "never",
        ),
        (
            both(
                Compare(name="tags", operator="has_all", operands=("a", "b")),
                Compare(name="tags", operator="has_none", operands=("b",)),
            ),
            "never",
        ),
        (
            both(
                Compare(name="money", operator="lt", amounts=(("EUR", 5),)),
                Compare(name="money", operator="gt", amounts=(("EUR", 5),)),
            ),
            "never",
        ),
        (
            both(
                Compare(name="money", operator="lt", amounts=(("EUR", 5),)),
                Compare(name="money", operator="gt", amounts=(("BRL", 5),)),
            ),
            "never",
        ),
    ],
)
def test_what_is_plain_is_found(condition, claim):
    assert constant(condition, NAMES) == claim


def test_counts_and_days_are_tried_where_others_of_the_same_rows_make_a_difference():
    known, unknown = (lambda name: Compare(name=name, operator="known")), Compare(name="days", operator="unknown")
    stages = {"one": known("born"), "other": both(unknown, known("orders"))}
    assert uncovered(stages, NAMES) is not None
    assert constant(both(compare("orders_2d", "gte", 3), known("orders"), known("days")), NAMES) is None
    assert constant(both(compare("none_2d", "eq", True), known("days")), NAMES) is None


def test_a_question_too_large_to_answer_is_left_alone():
    parts = tuple(compare("size", "eq", number) for number in range(200))
    assert constant(All(parts=parts), NAMES) is None
