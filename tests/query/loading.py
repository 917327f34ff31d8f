"""Facts in memory as the tables that the query reads, and what the query says of them as the fold says it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

from engine.attributes.facts import CustomerFacts
from engine.attributes.relation import Bought, Relation
from engine.attributes.relations import RELATIONS
from engine.query.attributes import Statement
from engine.query.run import batches

ARROW = {
    "integer": pa.int64(), "money": pa.int64(), "instant": pa.int64(), "date": pa.date32(),
    "boolean": pa.bool_(), "string": pa.string(), "set": pa.list_(pa.string()),
}  # fmt: skip


PURCHASES = {
    relation.name: {each.derived.purchases for each in relation.fields.values() if isinstance(each.derived, Bought)}
    for relation in RELATIONS.values()
}
"""Fields that hold a list of purchases, by relation."""


def load(
    connection: duckdb.DuckDBPyConnection, people: Sequence[CustomerFacts], *, otherwise: str | None = None
) -> None:
    """Makes the tables of every relation and of the people, in place of those that are there.

    Args:
        connection: an open connection.
        people: everybody.
        otherwise: the zone whose people are told without one, as those are that have none of their own.
    """
    connection.execute("DROP TABLE IF EXISTS zone_days")
    for name, rows in _tables((), otherwise):
        _insert(connection, f'CREATE OR REPLACE TABLE "{name}" AS SELECT * FROM loaded', rows)
    append(connection, people, otherwise=otherwise)


def append(
    connection: duckdb.DuckDBPyConnection, people: Sequence[CustomerFacts], *, otherwise: str | None = None
) -> None:
    """Adds people to the tables that are there."""
    for name, rows in _tables(people, otherwise):
        if rows.num_rows:
            _insert(connection, f'INSERT INTO "{name}" SELECT * FROM loaded', rows)


def rows_table(relation: Relation, owned: Iterable[tuple[int, Sequence[Any]]]) -> pa.Table:
    """Rows as the fold reads them, each with its customer, as an Arrow table of the mirror's columns."""
    schema = row_schema(relation)
    sets = {place for place, name in enumerate(schema.names) if pa.types.is_list(schema.field(name).type)}
    rows = [(customer, *row[: len(relation.columns)]) for customer, row in owned]
    columns = [
        [sorted(v) if place in sets and isinstance(v, frozenset) else v for v in (row[place] for row in rows)]
        for place in range(len(schema.names))
    ]
    return pa.table([pa.array(each, kind.type) for each, kind in zip(columns, schema, strict=True)], schema=schema)


def row_schema(relation: Relation) -> pa.Schema:
    """The columns of a relation's table."""
    stored = [
        (
            name,
            pa.list_(pa.list_(pa.int64())) if name in PURCHASES[relation.name] else ARROW[relation.fields[name].type],
        )
        for name in relation.columns[2:]
    ]
    return pa.schema([("customer", pa.int64()), ("@at", pa.int64()), ("@key", pa.string()), *stored])


def queried(
    connection: duckdb.DuckDBPyConnection, statement: Statement, at: int, part: tuple[int, int] | None = None
) -> dict[int, dict[str, Any]]:
    """What a statement says of each customer, in the fold's values."""
    return values_of(batches(connection, statement, at, part).read_all(), statement)


def values_of(found: pa.Table, statement: Statement) -> dict[int, dict[str, Any]]:
    """The fold's values by customer, from what a statement gave."""
    types = {name: column.type for name, column in statement.columns.items()}
    return {row["customer"]: {name: as_value(types[name], row[name]) for name in types} for row in found.to_pylist()}


def as_value(kind: str, value: Any) -> Any:
    """A value of Arrow as the fold gives it."""
    if value is None:
        return None
    if kind == "set":
        assert value == sorted(set(value)), "a set comes in order and without doubles"
        return frozenset(value)
    return int(value) if kind != "decimal" and isinstance(value, Decimal) else value


def differences(found: Mapping[int, Mapping[str, Any]], expected: Mapping[int, Mapping[str, Any]]) -> list[str]:
    """Where two evaluations differ, a line each."""
    if found.keys() != expected.keys():
        return [f"customers differ: {sorted(found.keys() ^ expected.keys())[:10]}"]
    return [
        f"{customer} {name}: the query gives {found[customer][name]!r}, the fold {value!r}"
        for customer, values in expected.items()
        for name, value in values.items()
        if not same(found[customer][name], value)
    ]


def same(one: Any, other: Any) -> bool:
    """Equal and of one kind: True is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


_PEOPLE = pa.schema(
    [("customer", pa.int64()), ("zone", pa.string()), ("fact_version", pa.int64()), ("key", pa.string())]
)


def _tables(people: Sequence[CustomerFacts], otherwise: str | None) -> Iterator[tuple[str, pa.Table]]:
    yield (
        "people",
        pa.table(
            {
                "customer": [each.customer_id for each in people],
                "zone": ["" if each.zone == otherwise else each.zone for each in people],
                "fact_version": [1] * len(people),
                "key": [str(each.customer_id) for each in people],
            },
            _PEOPLE,
        ),
    )
    for relation in RELATIONS.values():
        owned = ((each.customer_id, row) for each in people for row in each.rows.get(relation.name, ()))
        yield relation.name, rows_table(relation, owned)


def _insert(connection: duckdb.DuckDBPyConnection, statement: str, rows: pa.Table) -> None:
    connection.register("loaded", rows)
    connection.execute(statement)
    connection.unregister("loaded")
