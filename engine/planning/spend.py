"""How much customers have paid, in the reporting currency."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg

from engine.attributes.definition import AttributeDefinition
from engine.attributes.fold import compile_fold
from engine.conditions.ast import Compare
from engine.conditions.operands import microseconds
from engine.facts.read import read_customers

Connection = psycopg.Connection[Any]
_CHUNK = 2000
_SPEND = AttributeDefinition(
    name="spend",
    title="Spend so far",
    type="money",
    aggregate="sum",
    of="payments.amount",
    where=Compare(name="paid", operator="eq", operand=True),
)
"""All payments of paid orders, as the shipped `spend_ever`; a project may have changed or left out its own."""


def spend_of(connection: Connection, ids: Sequence[int], currency: str | None, at: datetime) -> dict[int, int]:
    """What each has paid as of an instant, in minor units; who has paid nothing is left out."""
    if currency is None:
        return {}
    fold, found = compile_fold({"spend": _SPEND}, currency=currency), {}
    for start in range(0, len(ids), _CHUNK):
        for facts in read_customers(connection, ids[start : start + _CHUNK], relations=fold.reads):
            spent = fold(facts, microseconds(at))["spend"]
            if isinstance(spent, int) and spent:
                found[facts.customer_id] = spent
    return found
