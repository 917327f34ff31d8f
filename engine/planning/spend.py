"""How much customers have paid, in the reporting currency."""

from collections.abc import Collection
from datetime import datetime

import duckdb

from engine.attributes.definition import AttributeDefinition
from engine.conditions.ast import Compare
from engine.conditions.operands import microseconds
from engine.query import run
from engine.query.attributes import compile_attributes

_TABLE = "spent"
_SPEND = AttributeDefinition(
    name="spend",
    title="Spend so far",
    type="money",
    aggregate="sum",
    of="payments.amount",
    where=Compare(name="paid", operator="eq", operand=True),
)
"""All payments of paid orders, as the shipped `spend_ever`; a project may have changed or left out its own."""


def spend_of(
    duck: duckdb.DuckDBPyConnection, ids: Collection[int], currency: str | None, at: datetime
) -> dict[int, int]:
    """What each has paid as of an instant, in minor units; who has paid nothing is left out.

    Args:
        duck: the open mirror's connection.
        ids: our numbers of the customers.
        currency: the reporting currency; None: nothing is known.
        at: the instant.
    """
    if currency is None or not ids:
        return {}
    statement = compile_attributes({"spend": _SPEND}, currency=currency)
    run.write(duck, statement, microseconds(at), _TABLE)
    theirs = "(SELECT unnest(?::BIGINT[]) AS customer) USING (customer)"
    return dict(duck.execute(f"FROM {_TABLE} SEMI JOIN {theirs} WHERE spend <> 0", [[*ids]]).fetchall())
