"""What an attribute is: its declaration as data.

`engine.language` builds these from `rules/attributes*.yaml`; `engine.attributes.fold` computes them; later the query
compiles the same declarations to SQL.
"""

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict

from engine.conditions.ast import Condition
from engine.conditions.types import Type

__all__ = ["Aggregate", "AttributeDefinition", "OfField", "OfPerson", "OfRows", "Type"]

OfPerson = Literal["value", "age"]
OfRows = Literal["count", "exists", "none", "share", "streak"]
OfField = Literal[
    "sum",
    "mean",
    "min",
    "max",
    "first",
    "last",
    "distinct",
    "top",
    "days_since",
    "days_since_first",
    "interval",
    "median_interval",
    "hour",
    "weekday",
]
Aggregate = OfPerson | OfRows | OfField | Literal["ratio"]
"""Ways of computing, by what they are taken of; `ratio` of two other attributes."""


Fact = bool | int | Decimal | str | None
"""A value of an example in compact notation; see `engine.attributes.examples`."""


class Example(BaseModel):
    """Facts, by relation and field, the value that follows from them, and a rule that asks for it.

    `words` are word lists, for attributes that read texts. `rule` is the rule as written, `condition` the same as a
    tree; `holds` is what it comes to with the value.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    facts: dict[str, tuple[dict[str, Fact | tuple[Fact, ...]], ...]] = {}
    words: dict[str, tuple[str, ...]] = {}
    gives: Fact | tuple[str, ...]
    rule: dict[str, object] | None = None
    condition: Condition | None = None
    holds: bool = True

    def __hash__(self) -> int:
        """By what it says: its mappings have no hash of their own."""
        return hash(self.model_dump_json())


class AttributeDefinition(BaseModel):
    """One attribute.

    `of` names the source: `orders.paid_at` (relation and field), `orders` (relation, for count and exists) or
    `customer.country` (for value). `exists` is true when a row matches, `none` when none does. `where` is a condition
    over the row's fields. `within_seconds` keeps rows whose relation instant lies in (T - within, T]. `days_since`
    gives whole elapsed days since the last instant. `ratio` divides two other attributes (`of`, `over`) into a decimal
    of `scale` digits, rounded half even; of type money or integer it is rounded to a whole number of (minor) units.
    `distinct` of type set is the set of values, of type integer their number.

    `share` is the part of the rows for which `that` holds, `streak` the number of latest rows for which it holds
    without a break. `mean` is the mean of known values. `top` is the most frequent value; of several the one met
    latest, then the first by code points. `interval` is the whole days between the last two different instants,
    `median_interval` the median of the days between successive different instants. `hour` (0 to 23) and `weekday`
    (1 is Monday) are the most frequent by the customer's clock, of several the one met latest. `age` is the years since
    a date by the customer's calendar. `days_since_first` counts from the earliest instant.
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
    that: Condition | None = None
    """Of share and streak: what is asked of each row that `where` keeps."""
    within_seconds: int | None = None
    scale: int | None = None
    by: str | None = None
    """The field that orders rows for first and last; default: the relation's instant."""
    example: Example | None = None
    calendar: bool = False
    """Turns at the customer's local midnight (age, birthday)."""
