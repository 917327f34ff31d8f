"""The worked examples that stand beside attributes, as tests: each must give what it says."""

from collections.abc import Callable, Iterator

from engine.attributes.definition import AttributeDefinition, Example
from engine.attributes.examples import ASKED_AT, CURRENCY, expected_of, facts_of, rule_holds, value_of
from engine.attributes.fold import compile_fold
from engine.conditions.operands import microseconds
from engine.conditions.types import Value
from engine.language.rules import Rules
from engine.ruletests.case import Case, Difference, Expected, Outcome
from engine.ruletests.places import Places
from engine.ruletests.words import value_text


def run_examples(rules: Rules, asked: Callable[[str], bool] = lambda _: True) -> Iterator[Outcome]:
    """The outcomes of all examples, in the order of their declaration.

    Args:
        rules: compiled rules.
        asked: tells of a file's path whether its examples are to be run; default: all.
    """
    places = Places(rules.files)
    fold = compile_fold(rules.catalogue, currency=CURRENCY)
    for name, definition in rules.catalogue.items():
        example, place = definition.example, places.attribute(name)
        if example is None or place is None or not asked(place[0]):
            continue
        # Examples that bring word lists of their own are compiled alone, with these.
        found = value_of(rules.catalogue, name, example) if example.words else None
        if not example.words:
            found = fold(facts_of(example.facts), ASKED_AT)[name]
        file, entry = place
        expected = Expected(f"attribute {name}", expected_of(definition, example), entry.span)
        case = Case(
            f"the example of {name}",
            file,
            entry.span,
            microseconds(ASKED_AT),
            CURRENCY,
            facts_of(example.facts),
            (expected,),
        )
        yield Outcome(case, _differences(definition, expected, found, example))


def _differences(
    definition: AttributeDefinition, expected: Expected, found: Value, example: Example
) -> tuple[Difference, ...]:
    wanted = expected_of(definition, example)
    if found != wanted or type(found) is not type(wanted):
        told = [value_text(value, definition.type, CURRENCY) for value in (wanted, found)]
        return (Difference(expected.what, expected.at, told[0], told[1]),)
    if rule_holds(definition, example, found) not in (None, example.holds):
        says = ("the rule holds", "the rule does not hold")
        wanted_rule, found_rule = says if example.holds else reversed(says)
        return (Difference(expected.what, expected.at, wanted_rule, found_rule),)
    return ()
