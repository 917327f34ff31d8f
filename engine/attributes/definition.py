"""What an attribute is: its declaration as data.

`engine.language` builds these from `rules/attributes*.yaml`; `engine.attributes.fold` computes them; later the query
compiles the same declarations to SQL.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from engine.conditions.ast import Condition
from engine.conditions.types import Type

__all__ = ["Aggregate", "AttributeDefinition", "Type"]

Aggregate = Literal[
    "value", "count", "sum", "min", "max", "first", "last", "distinct", "days_since", "ratio", "exists", "none"
]


class AttributeDefinition(BaseModel):
    """One attribute.

    `of` names the source: `orders.paid_at` (relation and field), `orders` (relation, for count and exists) or
    `customer.country` (for value). `exists` is true when a row matches, `none` when none does. `where` is a condition
    over the row's fields. `within_seconds` keeps rows whose relation instant lies in (T - within, T]. `days_since`
    gives whole elapsed days since the last instant. `ratio` divides two other attributes (`of`, `over`) into a decimal
    of `scale` digits, rounded half even; of type money or integer it is rounded to a whole number of (minor) units.
    `distinct` of type set is the set of values, of type integer their number.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    type: Type
    unit: str | None = None
    description: str = ""
    aggregate: Aggregate
    of: str
    over: str | None = None
    where: Condition | None = None
    within_seconds: int | None = None
    scale: int | None = None
    by: str | None = None
    """The field that orders rows for first and last; default: the relation's instant."""
    calendar: bool = False
    """Turns at the customer's local midnight (age, birthday)."""
