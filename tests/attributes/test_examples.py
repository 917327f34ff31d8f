"""The worked example and rule of every shipped attribute hold; what an example cannot say is told with its place."""

from pathlib import Path

import pytest

import engine
from engine.attributes.examples import expected_of, facts_of, rule_holds, value_of
from engine.attributes.relations import RELATIONS
from engine.language.rules import compile_rules, load_rules

RULES = load_rules(Path(engine.__file__).parents[1] / "rules")


@pytest.mark.parametrize("name", sorted(RULES.catalogue))
def test_an_attribute_gives_what_its_example_says(name):
    definition = RULES.catalogue[name]
    assert definition.example is not None, f"{name} has no example"
    found, expected = value_of(RULES.catalogue, name, definition.example), expected_of(definition, definition.example)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize("name", sorted(RULES.catalogue))
def test_an_example_shows_more_than_somebody_without_facts(name):
    """The value follows from the facts of the example: without them it is another, or they are all kept out."""
    example = RULES.catalogue[name].example
    alone = value_of(RULES.catalogue, name, example.model_copy(update={"facts": {}}))
    assert alone != value_of(RULES.catalogue, name, example) or name in SAME_AS_NOBODY


@pytest.mark.parametrize("name", sorted(RULES.catalogue))
def test_the_example_rule_of_an_attribute_comes_out_as_it_says(name):
    definition = RULES.catalogue[name]
    assert definition.example.condition is not None, f"{name} has no example rule"
    value = value_of(RULES.catalogue, name, definition.example)
    assert rule_holds(definition, definition.example, value) is definition.example.holds


def test_the_example_rules_hold_for_some_attributes_and_not_for_others():
    holding = [each.example.holds for each in RULES.catalogue.values()]
    assert min(holding.count(True), holding.count(False)) > 50


def test_an_example_without_a_rule_asks_nothing():
    definition = compiled("{gives: 0}").catalogue["x"]
    assert rule_holds(definition, definition.example, 0) is None


SAME_AS_NOBODY = {"first_time_buyer", "sms_suppressed"}
"""Their examples show facts that do not count."""


def compiled(example, kind="integer", aggregation="count: orders"):
    text = f"attributes:\n  x:\n    title: X\n    type: {kind}\n    {aggregation}\n    example: {example}\n"
    return compile_rules({"attributes.yaml": text})


@pytest.mark.parametrize(
    ("example", "found"),
    [
        ("{facts: {ordres: [{placed_at: -1d}]}, gives: 1}", "there is no relation ordres"),
        ("{facts: {orders: [{plced_at: -1d}]}, gives: 1}", "orders stores no plced_at"),
        ("{facts: {orders: [{late: true}]}, gives: 1}", "orders stores no late"),
        (
            "{facts: {orders: [{placed_at: soon}]}, gives: 1}",
            "'soon' is not an instant such as -40d or 2026-01-31T10:00",
        ),
        (
            "{facts: {orders: [{placed_at: -999999999mo}]}, gives: 1}",
            "'-999999999mo' is not an instant such as -40d or 2026-01-31T10:00",
        ),
        ("{facts: {orders: [{total: 12}]}, gives: 1}", "'12' is not an amount such as 500 EUR or 12.50 EUR"),
        ("{facts: {orders: [{pieces: two}]}, gives: 1}", "'two' is not of type integer"),
        ("{gives: many}", "'many' is not of type integer"),
        ("{facts: {orders: [{channel: [[a]]}]}, gives: 1}", "a list in a list, or a mapping in a row"),
        ("{facts: {orders: [{channel: {a: b}}]}, gives: 1}", "a list in a list, or a mapping in a row"),
    ],
)
def test_an_example_that_cannot_be_read_is_an_error_at_its_place(example, found):
    (issue,) = [each for each in compiled(example).issues if each.severity == "error"]
    assert (issue.code, issue.line, issue.column, issue.found) == ("RG203", 6, 5, found)


@pytest.mark.parametrize(
    ("rule", "code", "found"),
    [
        ("{y: 1}", "RG301", "y"),
        ("{x: {gte: many}}", "RG401", "many"),
        ("{x: {has_any: [a]}}", "RG402", "has_any"),
        ("{}", "RG211", "an empty mapping"),
        ("yes", "RG203", "yes"),
    ],
)
def test_an_example_rule_that_cannot_be_asked_is_an_error_at_its_place(rule, code, found):
    rules = compiled(f"{{gives: 0, rule: {rule}}}")
    (issue,) = [each for each in rules.issues if each.severity == "error"]
    assert (issue.code, issue.line, issue.found) == (code, 6, found)
    assert not rules.catalogue


def test_an_example_may_say_that_there_is_no_value():
    rules = compiled("{gives: unknown}", "instant", "max: orders.paid_at")
    definition = rules.catalogue["x"]
    assert expected_of(definition, definition.example) is None
    assert value_of(rules.catalogue, "x", definition.example) is None


def test_a_row_without_an_instant_of_its_own_happens_at_the_earliest_of_its_others():
    facts = facts_of({"shipments": [{"delivered_at": "-3d", "shipped_at": "-9d"}], "consents": [{"granted": True}]})
    shipped = facts.rows["shipments"][0]
    assert shipped[0] == shipped[RELATIONS["shipments"].slots["shipped_at"]]
    assert facts.rows["consents"][0][0] < 0
