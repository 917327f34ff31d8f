"""Where values lie: what lies alike among all operands passes the same comparisons."""

from itertools import product

import pytest

from engine.conditions.ast import Compare
from engine.conditions.environment import Catalogue
from engine.conditions.operands import check, ready
from engine.standing.places import compile_places

KNOWN = Catalogue({"number": "integer", "spent": "money", "group": "string", "tags": "set"}, {}, "EUR")
TESTS = (
    Compare(name="number", operator="gte", operand=3),
    Compare(name="number", operator="eq", operand=7),
    Compare(name="number", operator="in", operands=(5, 9)),
    Compare(name="spent", operator="lt", amounts=(("EUR", 500), ("BRL", 2500))),
    Compare(name="group", operator="eq", operand="new"),
    Compare(name="tags", operator="has_any", operands=("vip", "fan")),
)
PLACE = compile_places(TESTS, KNOWN)


def _says(values):
    tests = (ready(each, KNOWN.types[each.name], KNOWN.currency) for each in TESTS)
    return [check(each, values.get(each.name)) for each in tests]


def test_values_that_lie_alike_pass_the_same_comparisons():
    numbers, amounts = (None, *range(-1, 12)), (None, 499, 500, 501, 2500)
    said = {}
    for number, spent, group, tags in product(numbers, amounts, ("new", "old"), (None, frozenset({"fan"}))):
        values = {"number": number, "spent": spent, "group": group, "tags": tags}
        assert said.setdefault(PLACE(values.get), _says(values)) == _says(values)
    assert len(said) < len(numbers) * len(amounts) * 4


def test_a_value_of_another_type_has_no_place():
    with pytest.raises(TypeError):
        PLACE({"number": "many"}.get)
