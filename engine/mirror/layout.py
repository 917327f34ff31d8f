"""What is mirrored: each relation's columns with their types in DuckDB, and the SQL that reads them in PostgreSQL.

Every stored relation is read by the very query that the fold reads, wrapped so that sets cross as JSON.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

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
    gathered: Mapping[str, str] = field(default_factory=dict)
    """Columns that the query leaves out and DuckDB gathers: their expressions over what `GATHERED` joins."""

    def copied(self, owners: str) -> str:
        """The statement that sends the rows of these customers, a line each.

        Args:
            owners: what limits them, as it follows an expression: `in (...)`, `>= 1`.
        """
        places = ", ".join(f"c{place}" for place in range(len(self.columns)))
        sent = ", ".join(
            f"to_json(c{place})::text" if kind.endswith("[]") and name not in self.gathered else f"c{place}"
            for place, (name, kind) in enumerate(self.columns)
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


# Six subqueries an order cost PostgreSQL four times what the rest of its row does; the same follows from the files of
# the same customers' lines, payments and reviews in one pass.
_OF_ORDERS = {
    "category": "l.category",
    "product": "l.product",
    "pieces": "l.pieces",
    "installments": "y.installments",
    "reviewed_at": "v.reviewed_at",
    "review_score": "v.review_score",
}
GATHERED = """
left join (select order_id, list_sort(list(distinct category) filter (where category is not null)) as category,
                  list_sort(list(distinct product) filter (where product is not null)) as product,
                  sum(quantity)::bigint as pieces
             from {lines} group by order_id) l on l.order_id = r.order_id
left join (select order_id, max(installments) as installments from {payments} group by order_id) y
       on y.order_id = r.order_id
left join (select order_id, min(created_at) as reviewed_at,
                  first(score order by created_at nulls last, "@id") as review_score
             from {reviews} group by order_id) v on v.order_id = r.order_id
"""
"""What orders gather from relations of the same customers, where `r` is the order as it was read."""


def _stored() -> dict[str, Stored]:
    found = {name: Stored(name, columns_of(name), rows_query(name, _OWNERS)) for name in RELATIONS if name != DERIVED}
    # The number decides between reviews of one instant; no rule sees it.
    numbered = (*columns_of("reviews"), ("@id", "BIGINT"))
    found["reviews"] = Stored("reviews", numbered, rows_query("reviews", _OWNERS, also=["r.id"]))
    left_out = rows_query("orders", _OWNERS, but=_OF_ORDERS)
    # Last, as it gathers from the others.
    del found["orders"]
    orders = Stored("orders", columns_of("orders"), left_out, _OF_ORDERS)
    persons = (("key", "VARCHAR"), ("zone", "VARCHAR"), ("shop_zone", "VARCHAR"), ("fact_version", "BIGINT"))
    told = (
        ("id", "BIGINT"), ("kind", "VARCHAR"), ("at", "BIGINT"), ("order_id", "BIGINT"), ("key", "VARCHAR"),
        ("full_key", "VARCHAR"), ("data", "VARCHAR"),
    )  # fmt: skip
    others = (Stored("people", persons, _PERSONS), Stored("told_events", told, _TOLD), orders)
    return {**found, **{each.name: each for each in others}}


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
