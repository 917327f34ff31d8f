"""What a relation is: one kind of row that a customer has, its fields, and what of them is known as of an instant.

A row exists as of T when its instant is at or before T. A field with `since` is known only when that instant is:
an order's `paid_at` (its own `since`) reads as unknown while it lies ahead, so no rule can see the future. Derived
fields follow from the others as they are known as of T.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from engine.conditions.ast import Condition
from engine.conditions.types import Type


@dataclass(frozen=True, slots=True)
class Holds:
    """True when a condition over the row's other fields holds."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Elapsed:
    """Whole units of `seconds` from one instant to another, rounded down; unknown when either is."""

    start: str
    end: str
    seconds: int


@dataclass(frozen=True, slots=True)
class LaterDay:
    """Whether `field` is later than `than` and on a later day of the customer's zone; unknown when either is."""

    field: str
    than: str


@dataclass(frozen=True, slots=True)
class Local:
    """What the customer's clock or calendar shows at an instant: hour (0 to 23) or weekday (1 is Monday)."""

    part: Literal["hour", "weekday"]
    field: str


@dataclass(frozen=True, slots=True)
class OfDate:
    """What a date of birth says: the sign of the zodiac, or the month."""

    what: Literal["zodiac", "month"]
    field: str


@dataclass(frozen=True, slots=True)
class Keywords:
    """Names of the word lists of which a text has a word; of no text none."""

    text: str


@dataclass(frozen=True, slots=True)
class Bought:
    """Whether one of the purchases was placed and paid, and not cancelled, by then.

    The field holds a list of instants: placed, paid and cancelled of each.
    """

    purchases: str


Derived = Holds | Elapsed | LaterDay | Local | OfDate | Keywords | Bought


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a relation's rows.

    `sql` is the expression that reads it; a derived field has none. `since` names the field whose instant makes this
    one known. `hidden` fields serve others and are not offered to rules.
    """

    type: Type
    title: str
    sql: str | None = None
    since: str | None = None
    derived: Derived | None = None
    hidden: bool = False


@dataclass(frozen=True)
class Relation:
    """One kind of row.

    `source` is what follows `from`, `owner` the expression of the customer's id, `identity` that of the row's own id.
    `at` is the SQL of the row's instant: a row where it is null has happened at no known time and counts nowhere;
    None for the customer's own row, which always exists. `instant` names the field that holds it, if one does.
    `key` is the SQL of the text that decides between rows of the same instant. `money` tells that rows have a
    `currency`, which their money fields are in.
    """

    name: str
    title: str
    source: str
    owner: str
    identity: str
    at: str | None
    key: str
    fields: Mapping[str, Field]
    instant: str | None = None
    money: bool = False

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of a row's places: `@at` and `@key`, then the stored fields."""
        stored = (name for name, each in self.fields.items() if each.sql is not None and name != self.instant)
        return ("@at", "@key", *stored)

    @cached_property
    def slots(self) -> Mapping[str, int]:
        """Place of each stored field in a row."""
        places = {name: place for place, name in enumerate(self.columns)}
        return {**places, **({self.instant: 0} if self.instant else {})}

    @cached_property
    def _kept(self) -> Mapping[str, int]:
        """Place of each stored field that `columns` names."""
        return {name: place for place, name in enumerate(self.columns) if place > 1}

    @cached_property
    def offered(self) -> Mapping[str, Field]:
        """The fields that rules may name."""
        return {name: each for name, each in self.fields.items() if not each.hidden}

    def row(self, at: int | None, key: str = "", /, **values: object) -> tuple[object, ...]:
        """A row as the fold reads it, from its instant in microseconds, its key and the values of stored fields.

        Raises:
            ValueError: the relation stores no field of such a name.
        """
        row: list[object] = [at, key, *([None] * len(self._kept))]
        try:
            for name, value in values.items():
                row[self._kept[name]] = value
        except KeyError:
            unknown = values.keys() - self._kept.keys()
            raise ValueError(f"{self.name} stores no {', '.join(sorted(unknown))}") from None
        return tuple(row)


@dataclass(frozen=True, slots=True)
class EventSource:
    """Where events of a kind are found among the facts: rows of `relation` at the instant of a field.

    `instant` None is the row's own. `matching` limits the rows (the kinds of site events). `same` names the columns
    by which a row and an event as told are known to be one happening; those of an event are its order, its key (`@key`)
    or its data. `renamed` gives, for names of the event's contract, the relation's where they differ.
    """

    relation: str
    instant: str | None = None
    same: tuple[str, ...] = ("order_id",)
    matching: tuple[str, str] | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)
