"""Facts as a test writes them are what the database gives of the same facts: every attribute of every shipped test."""

from pathlib import Path

import engine
from engine.attributes.fold import compile_fold
from engine.facts.read import read_customer
from engine.language.rules import load_rules
from engine.rehearsal.facts import Stored
from engine.ruletests.read import read_tests

RULES = load_rules(Path(engine.__file__).parents[1] / "rules")


def cannot_be(case, name, expected):
    """What a test may leave out and the database may not: a line's currency, a payment's method, a coupon's pool."""
    money = RULES.catalogue[name].type == "money" and case.currency is None
    return money or (name in ("top_payment_method", "payment_methods", "coupon_pools") and not expected)


FOLDS = {}


def test_every_attribute_of_the_shipped_tests_is_the_same_from_the_database(connection):
    compared, different = 0, []
    for case in read_tests(RULES).cases:
        if case.facts.rows["messages"]:
            continue  # a message belongs to a journey, which rules of standing know nothing of
        fold = FOLDS.setdefault(case.currency, compile_fold(RULES.catalogue, currency=case.currency, words=RULES.words))
        customer = Stored(connection, "customer", case.currency).write(case.facts)
        read = read_customer(connection, customer, zone=case.facts.zone)
        connection.rollback()
        expected, found = fold(case.facts, case.at), fold(read, case.at)
        different += [
            (case.file, case.name, name, expected[name], found[name])
            for name in expected
            if expected[name] != found[name] and not cannot_be(case, name, expected[name])
        ]
        compared += 1
    assert different == []
    assert compared > 250
