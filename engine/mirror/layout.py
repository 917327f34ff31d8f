"""What is mirrored: each relation's columns with their types in DuckDB, and the SQL that reads them in PostgreSQL.

Every stored relation is read by the very query that the fold reads, wrapped so that sets cross as JSON.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from engine.attributes.relations import RELATIONS
from engine.conditions.types import Type
from engine.facts.read import rows_query

FORMAT = 1
"""Of the files and the manifest; another one is built anew."""

CUSTOMER = "customer"
DERIVED = "campaign_periods"
"""The relation that follows from the others and the few periods, and so is not stored."""

_TYPES: Mapping[Type, str] = {
    "integer": "BIGINT",
    "money": "BIGINT",
    "instant": "BIGINT",
    "date": "DATE",
    "boolean": "BOOLEAN",
    "string": "VARCHAR",
    "set": "VARCHAR[]",
}


@dataclass(frozen=True)
class Stored:
    """A relation that is stored.

    `columns` are names and types as in the files, without the customer, who comes first there and last in the query.
    `query` reads it, with a place for what limits the customers.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    query: str

    def copied(self, owners: str) -> str:
        """The statement that sends the rows of these customers, a line each.

        Args:
            owners: what limits them, as it follows an expression: `in (...)`, `>= 1`.
        """
        places = ", ".join(f"c{place}" for place in range(len(self.columns)))
        sent = ", ".join(
            f"to_json(c{place})::text" if kind.endswith("[]") else f"c{place}"
            for place, (_, kind) in enumerate(self.columns)
        )
        rows = self.query.replace(_OWNERS, owners)
        return f"copy (select owner, {sent} from ({rows}) r({places}, owner)) to stdout"  # noqa: S608 -- our own declarations


_OWNERS = "@owners@"
_PERSONS = (
    "select c.key, c.zone, (select s.zone from customer_identities i join shops s on s.id = i.shop_id"  # noqa: S608 -- our own words
    " where i.customer_id = c.id order by i.id limit 1), c.fact_version, c.id"
    f" from customers c where c.id {_OWNERS}"
)
_TOLD = (
    "select v.id, v.kind, (extract(epoch from v.at) * 1000000)::bigint, v.order_id, v.key, s.key || '/' || v.key,"  # noqa: S608 -- our own words
    f" v.data::text, v.customer_id from events v join shops s on s.id = v.shop_id where v.customer_id {_OWNERS}"
)


def _stored() -> dict[str, Stored]:
    found = {name: Stored(name, columns_of(name), rows_query(name, _OWNERS)) for name in RELATIONS if name != DERIVED}
    persons = (("key", "VARCHAR"), ("zone", "VARCHAR"), ("shop_zone", "VARCHAR"), ("fact_version", "BIGINT"))
    told = (
        ("id", "BIGINT"), ("kind", "VARCHAR"), ("at", "BIGINT"), ("order_id", "BIGINT"), ("key", "VARCHAR"),
        ("full_key", "VARCHAR"), ("data", "VARCHAR"),
    )  # fmt: skip
    return {**found, "people": Stored("people", persons, _PERSONS), "told_events": Stored("told_events", told, _TOLD)}


def columns_of(name: str) -> tuple[tuple[str, str], ...]:
    """Names and types of a relation's columns, but for the customer."""
    relation = RELATIONS[name]
    types = [(each, _TYPES[relation.fields[each].type]) for each in relation.columns[2:]]
    return (("@at", "BIGINT"), ("@key", "VARCHAR"), *types)


STORED: Mapping[str, Stored] = _stored()
"""Everything that is stored, by name: relations, people, and events as they were told."""


def declared() -> str:
    """A digest of what is mirrored; files of another one are built anew."""
    told = repr([FORMAT, *((each.name, each.columns, each.query) for each in STORED.values())])
    return hashlib.sha256(told.encode()).hexdigest()[:16]
