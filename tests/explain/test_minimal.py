"""The smallest set of clauses: no smaller one turns the verdict, and this one does."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.conditions.ast import All, Any, Compare, Condition, Not
from engine.conditions.environment import Catalogue, Known
from engine.conditions.trace import trace
from engine.explain.minimal import leaves, smallest_turn

_NAMES = ("a", "b", "c", "d", "e")
_leaves = st.sampled_from(_NAMES).map(lambda name: Compare(name=name, operator="eq", operand=True))
_conditions = st.recursive(
    _leaves,
    lambda parts: st.one_of(
        st.lists(parts, max_size=3).map(lambda each: All(parts=tuple(each))),
        st.lists(parts, max_size=3).map(lambda each: Any(parts=tuple(each))),
        parts.map(lambda each: Not(part=each)),
    ),
    max_leaves=10,
)
_worlds = st.fixed_dictionaries({name: st.booleans() for name in _NAMES})


def verdict(condition: Condition, world: dict[str, bool]) -> bool:
    match condition:
        case Compare(name=name):
            return world[name]
        case All(parts=parts):
            return all(verdict(part, world) for part in parts)
        case Any(parts=parts):
            return any(verdict(part, world) for part in parts)
        case Not(part=part):
            return not verdict(part, world)
        case _:
            raise AssertionError(condition)


def turned(world: dict[str, bool], names: tuple[str, ...]) -> dict[str, bool]:
    return {name: value is not (name in names) for name, value in world.items()}


def smallest_by_trying_all(condition: Condition, world: dict[str, bool], wanted: bool) -> int | None:
    for size in range(len(_NAMES) + 1):
        if any(verdict(condition, turned(world, names)) is wanted for names in combinations(_NAMES, size)):
            return size
    return None


@settings(max_examples=300)
@given(_conditions, _worlds, st.booleans())
def test_the_set_turns_the_verdict_and_no_smaller_one_does(condition, world, wanted):
    found = smallest_turn(trace(condition, Known(attributes=world), Catalogue()), wanted=wanted)
    least = smallest_by_trying_all(condition, world, wanted)
    if found is None:
        assert least is None
        return
    assert len(found) == least
    names = tuple(each.name for each, _ in found if isinstance(each, Compare))
    assert verdict(condition, turned(world, names)) is wanted
    assert all(must is not world[each.name] for each, must in found if isinstance(each, Compare))


def test_a_clause_that_is_asked_twice_turns_once():
    once = Compare(name="a", operator="eq", operand=True)
    other = Compare(name="b", operator="eq", operand=True)
    condition = All(parts=(Any(parts=(other, once)), once))
    traced = trace(condition, Known(attributes={"a": False, "b": False}), Catalogue())
    assert smallest_turn(traced) == ((once, True),)
    assert [each.condition for each in leaves(traced)] == [other, once, once]
