"""Conditions as JSON: compact, and readable from plans that were written less compactly."""

from pydantic import TypeAdapter

from engine.conditions.ast import All, Compare, Condition

CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)


def test_a_comparison_is_written_without_what_goes_without_saying():
    tree = All(parts=(Compare(name="order.paid", operand=True), Compare(name="paid_orders", operator="gte", operand=2)))
    told = CONDITION.dump_python(tree, mode="json", exclude_defaults=True)
    assert told == {
        "kind": "all",
        "parts": [{"name": "order.paid", "operand": True}, {"name": "paid_orders", "operator": "gte", "operand": 2}],
    }
    assert CONDITION.validate_python(told) == tree


def test_a_comparison_with_its_kind_and_operator_reads_the_same():
    told = {"kind": "not", "part": {"kind": "compare", "name": "order.paid", "operator": "eq", "operand": True}}
    bare = {"kind": "not", "part": {"name": "order.paid", "operand": True}}
    assert CONDITION.validate_python(told) == CONDITION.validate_python(bare)
