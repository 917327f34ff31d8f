"""The function that the bench holds the fold against computes the same, so that the comparison is of like with like."""

from pathlib import Path

import engine
from bench.by_hand.attributes import attributes
from bench.by_hand.customers import CURRENCY, LINES_EACH, NOW, ORDERS, customers
from engine.attributes.fold import compile_fold
from engine.language.rules import load_rules


def test_forty_shipped_attributes_are_what_a_hand_written_function_says():
    people = customers(300)
    names = attributes(people[0], NOW, CURRENCY).keys()
    fold = compile_fold(load_rules(Path(engine.__file__).parents[1] / "rules").catalogue, currency=CURRENCY, only=names)
    assert (len(names), ORDERS * LINES_EACH) == (40, 10)
    for at in (NOW, NOW - 200 * 86_400_000_000):
        for person in people:
            assert fold(person, at) == attributes(person, at, CURRENCY)
