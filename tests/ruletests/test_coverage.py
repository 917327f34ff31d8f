"""Coverage counts a clause only where it decided, and both ways."""

from hypothesis import given
from hypothesis import strategies as st

from engine.conditions.ast import All, Any, Compare, Not
from engine.conditions.environment import Catalogue, Known
from engine.conditions.trace import trace
from engine.ruletests.clauses import decisive, leaves
from engine.ruletests.coverage import coverage
from engine.ruletests.read import read_tests
from engine.ruletests.run import run_all
from tests.ruletests.shop import HEAD, rules

GOOD = "orders: [{paid: -10d, total: 100 EUR}], customer: {country: DE}, expect: {tags: {includes: [good]}}"


def ways(body, rule="tag good"):
    compiled = rules(HEAD + body)
    found = coverage(compiled, list(run_all(compiled, read_tests(compiled).cases)))
    return {each.text: each.ways for each in found.clauses if each.clause.rule == rule}


def test_a_rule_that_no_test_names_is_not_covered():
    assert set(ways(f"  x: {{{GOOD.replace('tags: {includes: [good]}', 'stage: customer')}}}\n").values()) == {
        frozenset()
    }


def test_a_test_that_holds_covers_each_clause_one_way():
    assert ways(f"  x: {{{GOOD}}}\n") == {"spend >= 100 EUR": {True}, "country in DE, FR": {True}}


def test_a_clause_that_fails_alone_is_covered_the_other_way():
    found = ways(f"  x: {{{GOOD}, but: {{y: {{customer: {{country: US}}}}}}}}\n")
    assert found == {"spend >= 100 EUR": {True}, "country in DE, FR": {True, False}}


def test_clauses_that_fail_together_decide_nothing():
    found = ways(f"  x: {{{GOOD}, but: {{y: {{orders: [], customer: {{country: US}}}}}}}}\n")
    assert found == {"spend >= 100 EUR": {True}, "country in DE, FR": {True}}


def test_a_test_that_fails_covers_nothing():
    assert set(ways(f"  x: {{{GOOD.replace('includes', 'excludes')}}}\n").values()) == {frozenset()}


def test_an_exact_list_says_something_of_every_tag():
    found = ways("  x: {orders: [-3d], expect: {tags: []}}\n", rule="tag clicked")
    assert list(found.values()) == [{False}]


def test_cut_offs_are_covered_where_they_are_reached_and_missed():
    body = (
        "  {}: {{orders: [{{paid: -3d, total: {} EUR}}], cut_offs: {{tiers: {{top: 5 EUR}}}}, expect: {{tier: {}}}}}\n"
    )
    reached, missed = body.format("a", 5, "top"), body.format("b", 4, "rest")
    assert ways(reached, rule="tier") == {"spend reaches top": {True}, "spend > 0": {True}}
    assert ways(reached + missed, rule="tier") == {"spend reaches top": {True, False}, "spend > 0": {True}}


def test_the_place_of_a_clause_is_its_line_and_nothing_missing_is_100_per_cent():
    compiled = rules(HEAD + f"  x: {{{GOOD}}}\n")
    found = coverage(compiled, [])
    places = {each.text: (each.file, each.line) for each in found.clauses}
    assert places["spend >= 100 EUR"] == ("tags.yaml", 6)
    assert places["country in DE, FR"] == ("tags.yaml", 7)
    assert places["did message.clicked within 30d"] == ("tags.yaml", 8)
    assert places["days >= 90"] == ("segments.yaml", 4)
    assert (found.both, found.hundredths) == (0, 0)
    assert (
        coverage(type(compiled)(**{**vars(compiled), "standing": type(compiled.standing)()}), []).hundredths == 10_000
    )


CONDITIONS = st.recursive(
    st.sampled_from("abcd").map(lambda name: Compare(name=name, operator="eq", operand=True)),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: All(parts=tuple(parts)))
        | st.lists(inner, min_size=1, max_size=3).map(lambda parts: Any(parts=tuple(parts)))
        | inner.map(lambda part: Not(part=part))
    ),
    max_leaves=6,
)


def holds(condition, verdicts, path="/"):
    """The verdict of a condition whose clauses have these verdicts by place."""
    match condition:
        case All(parts=parts):
            return all(holds(part, verdicts, f"{path}{place}/") for place, part in enumerate(parts))
        case Any(parts=parts):
            return any(holds(part, verdicts, f"{path}{place}/") for place, part in enumerate(parts))
        case Not(part=part):
            return not holds(part, verdicts, f"{path}not/")
        case _:
            return verdicts[path]


@given(condition=CONDITIONS, values=st.fixed_dictionaries({name: st.booleans() for name in "abcd"}))
def test_a_clause_decides_exactly_if_the_verdict_turns_with_it(condition, values):
    verdicts = {path: values[leaf.name] for path, leaf in leaves(condition)}
    verdict = holds(condition, verdicts)
    turning = {path for path in verdicts if holds(condition, {**verdicts, path: not verdicts[path]}) is not verdict}
    traced = trace(condition, Known(attributes=values), Catalogue())
    assert traced.verdict is verdict
    assert {path for path, _ in decisive(traced)} == turning
