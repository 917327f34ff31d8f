"""What an import can fill: the relations, their fields and keys, read from `engine.facts.tables`.

A mapping names fields as operators do: `total` for `total_minor`, `customer` for `customer_id`.
"""

import functools
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Boolean, Column, Date, DateTime, DefaultClause, Dialect, Integer, Table, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql.base import PGDialect

from engine.facts import tables

Kind = Literal["text", "integer", "boolean", "instant", "date", "money", "json", "reference"]

# In the order in which they are merged: what is referred to comes first. With each its key, which makes the same row
# told twice one row.
KEYS: dict[str, tuple[str, ...]] = {
    "customers": ("key",),
    "customer_identities": ("shop_id", "platform", "key"),
    "products": ("shop_id", "key"),
    "campaign_periods": ("key",),
    "orders": ("shop_id", "number"),
    "order_lines": ("order_id", "line"),
    "payments": ("order_id", "sequence"),
    "shipments": ("order_id", "key"),
    "returns": ("order_id", "key"),
    "reviews": ("order_id", "key"),
    "cases": ("key",),
    "site_events": ("key",),
    "consents": ("customer_id", "purpose", "channel", "at"),
    "suppressions": ("customer_id", "channel", "reason", "since"),
    "coupons": ("code",),
    "points_entries": ("key",),
}

# Words a column admits; the database would refuse others in the middle of a merge.
ALLOWED: dict[tuple[str, str], tuple[str, ...]] = {
    ("orders", "closed"): ("cancelled", "unavailable"),
    ("returns", "kind"): ("return", "exchange"),
    ("points_entries", "kind"): ("earn", "spend", "expire", "reverse"),
}
RANGES: dict[tuple[str, str], tuple[int, int]] = {("reviews", "score"): (1, 5)}

_DIALECT: Dialect = PGDialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
# PostgreSQL's indexes hold 2704 bytes, of up to four a character.
_LONGEST_KEY = 600
_HIDDEN = frozenset({"id", "shop_id", "assumed", "recorded_at", "fact_version", "lot_id"})
_BITS = {"SmallInteger": 16, "Integer": 32}


@dataclass(frozen=True, slots=True)
class Field:
    """One thing a mapping may fill.

    `column` is where it ends: for a reference the id of what it names. `length` limits text, `bits` integers.
    """

    name: str
    column: str
    kind: Kind
    sql_type: str
    required: bool
    refers_to: str = ""
    length: int | None = None
    bits: int = 64
    default: str | None = None
    """SQL of the value where none is given, for columns that may not be unknown."""


@dataclass(frozen=True, slots=True)
class Target:
    """A relation that an import can fill."""

    name: str
    fields: dict[str, Field]
    key: tuple[str, ...]
    columns: frozenset[str]

    @property
    def has_assumed(self) -> bool:
        """Whether a row can say which of its values were supplied by the mapping."""
        return "assumed" in self.columns

    @property
    def owner(self) -> str | None:
        """The column by which a changed row makes known whom it concerns: its order or its customer."""
        return next((column for column in ("order_id", "customer_id") if column in self.columns), None)


@functools.cache
def targets() -> dict[str, Target]:
    """All relations that can be filled, in the order of merging."""
    return {name: _target(tables.metadata.tables[name], key) for name, key in KEYS.items()}


def _target(table: Table, key: tuple[str, ...]) -> Target:
    fields = [field for column in table.columns if column.name not in _HIDDEN for field in _fields(column)]
    return Target(
        name=table.name,
        fields={field.name: field for field in fields},
        key=key,
        columns=frozenset(column.name for column in table.columns),
    )


def _fields(column: Column[object]) -> list[Field]:
    required = not column.nullable and column.server_default is None
    for foreign in column.foreign_keys:
        return _references(column, foreign.column.table.name, required)
    kind = _kind(column)
    name = column.name.removesuffix("_minor") if kind == "money" else column.name
    return [
        Field(
            name=name,
            column=column.name,
            kind=kind,
            sql_type=column.type.compile(dialect=_DIALECT).lower(),
            # A currency that nobody states is the shop's.
            required=required and name != "currency",
            length=getattr(column.type, "length", None) or (_LONGEST_KEY if _is_indexed(column) else None),
            bits=_BITS.get(type(column.type).__name__, 64),
            default=_default(column),
        )
    ]


def _references(column: Column[object], table: str, required: bool) -> list[Field]:  # noqa: FBT001 - passed on as found
    name = column.name.removesuffix("_id")
    found = [Field(name, column.name, "reference", "text", required, refers_to=table)]
    if table == "customers" and column.table.name != "customer_identities":
        # A customer may also be named by an account of theirs.
        found.append(Field("identity", column.name, "reference", "text", required, refers_to="customer_identities"))
    return found


def _kind(column: Column[object]) -> Kind:
    if column.name.endswith("_minor"):
        return "money"
    match column.type:
        case DateTime():
            return "instant"
        case Date():
            return "date"
        case Boolean():
            return "boolean"
        case JSONB():
            return "json"
        case Integer():
            return "integer"
        case _:
            return "text"


def _is_indexed(column: Column[object]) -> bool:
    table = column.table
    unique = any(isinstance(each, UniqueConstraint) and column.name in each.columns for each in table.constraints)
    return unique or any(column.name in each.columns for each in table.indexes)


def _default(column: Column[object]) -> str | None:
    if column.nullable or not isinstance(column.server_default, DefaultClause):
        return None
    return str(column.server_default.arg)
