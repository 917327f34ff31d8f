"""The attributes of many customers as of an instant, read only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from engine.attributes.fold import compile_fold
from engine.conditions.operands import instant, microseconds
from engine.conditions.types import Type, Value
from engine.explain.customers import Customer
from engine.facts.read import read_customers
from engine.language.rules import Rules
from engine.money import Money

Connection = psycopg.Connection[Any]
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Values:
    """One customer's attributes by name."""

    customer: Customer
    values: dict[str, Value]


def values_of(
    connection: Connection, rules: Rules, currency: str | None, customers: Sequence[Customer], at: datetime
) -> Iterator[Values]:
    """The attributes of these customers, in their order and read in chunks.

    Args:
        connection: an open connection whose `search_path` has the tables.
        rules: the rules.
        currency: the reporting currency.
        customers: of whom.
        at: the instant; what lies after it is not known.
    """
    fold = compile_fold(rules.catalogue, currency=currency, words=rules.words)
    asked = microseconds(at)
    for start in range(0, len(customers), CHUNK):
        chunk = {each.id: each for each in customers[start : start + CHUNK]}
        for facts in read_customers(connection, list(chunk), relations=fold.reads, zone=rules.policy.zone):
            yield Values(chunk[facts.customer_id], fold(facts, asked))


def cell(value: Value, kind: Type, currency: str | None) -> object:
    """A value for a table: amounts in whole units, instants as ISO 8601 in UTC, sets joined by `;`; unknown is None."""
    match kind, value:
        case _, None:
            return None
        case "money", int():
            return Money(value, currency).amount if currency else value
        case "instant", int():
            return instant(value).isoformat().replace("+00:00", "Z")
        case _, frozenset():
            return ";".join(sorted(value))
        case _:
            return value
