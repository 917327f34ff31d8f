"""Spark's words for the same statements, for those who keep their facts in a lake: the engine itself works with DuckDB.

A session needs the settings below: quoted names are names, and what cannot be computed is an error instead of a wrong
number. Whole numbers beyond 64 bits are decimals of 38 digits, and a sum of rows has to fit into 64 bits.
"""

from collections.abc import Iterable, Mapping
from decimal import Context, Decimal

from engine.query.dialect import Dialect

SETTINGS: Mapping[str, str] = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.ansi.doubleQuotedIdentifiers": "true",
    "spark.sql.session.timeZone": "UTC",
}
"""What a session has to be set to."""

_SMALLEST, _GREATEST = -(2**63), 2**63 - 1
_LARGEST = 10**38 - 1
_EXACT = Context(prec=38)


class Spark(Dialect):
    """Spark's words."""

    huge = "DECIMAL(38, 0)"
    no_texts = "CAST(array() AS ARRAY<STRING>)"

    def text(self, value: str) -> str:
        """A string literal: Spark reads a backslash as the begin of an escape."""
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0") + "'"

    def whole(self, value: int) -> str:
        """A literal of a whole number; what is beyond 38 digits becomes the outermost of those."""
        if _SMALLEST <= value <= _GREATEST:
            return f"CAST('{value}' AS BIGINT)" if value == _SMALLEST else f"({value})" if value < 0 else str(value)
        return f"CAST('{max(-_LARGEST, min(value, _LARGEST))}' AS {self.huge})"

    def decimal(self, units: int, scale: int) -> str:
        """A literal of `units` steps of a decimal with `scale` digits behind the point."""
        inside = max(-_LARGEST, min(units, _LARGEST))
        return f"CAST('{Decimal(inside).scaleb(-scale, _EXACT):f}' AS DECIMAL(38, {scale}))"

    def texts(self, values: Iterable[str]) -> str:
        """A list literal of strings, in order."""
        listed = ", ".join(self.text(each) for each in sorted(values))
        return f"array({listed})" if listed else self.no_texts

    def parameter(self, name: str) -> str:
        """A named parameter of 64 bits."""
        return f"CAST(:{name} AS {self.big})"

    def cast(self, expression: str, kind: str) -> str:
        """An expression as another type."""
        return f"CAST(({expression}) AS {kind})"

    def has_any(self, items: str, of: str) -> str:
        """Whether two lists have an item in common; NULL where a list is."""
        return f"arrays_overlap({items}, {of})"

    def has_all(self, items: str, of: str) -> str:
        """Whether a list has all items of another; NULL where a list is."""
        return f"(size(array_except({of}, {items})) = 0)"

    def quotient(self, of: str, over: str) -> str:
        """Whole division of numbers, towards zero."""
        return f"({of} DIV {over})"

    def floored(self, of: str, over: int) -> str:
        """Whole division by a positive number, downwards, as Python's `//`."""
        return f"({self.quotient(of, str(over))} - CAST(({of} % {over} < 0) AS {self.big}))"

    def as_decimal(self, units: str, scale: int) -> str:
        """A decimal of 38 digits from a whole number of its last digits."""
        step = f"CAST('{Decimal(1).scaleb(-scale):f}' AS DECIMAL({scale + 1}, {scale}))"
        return f"CAST(CAST({units} AS DECIMAL({38 - scale}, 0)) * {step} AS DECIMAL(38, {scale}))"

    def placed(self, order: Iterable[str]) -> str:
        """What orders rows by several columns in turn."""
        return f"struct({', '.join(order)})"

    def at_end(self, value: str, placed: str, *, last: bool) -> str:
        """Aggregate: the value, where known, of the row that is last (or first) by what `placed` gives."""
        return f"{'max_by' if last else 'min_by'}({value}, IF({value} IS NULL, NULL, {placed}))"

    def listed(self, value: str) -> str:
        """Aggregate: every value that is known."""
        return f"collect_list({value})"

    def record(self, **parts: str) -> str:
        """One value of several named ones, ordered by them in turn."""
        return "named_struct(" + ", ".join(f"'{name}', {part}" for name, part in parts.items()) + ")"

    def each_of(self, items: str) -> str:
        """One row for each item of a list, as an expression of a select."""
        return f"explode({items})"

    def in_order(self, items: str) -> str:
        """A list in ascending order."""
        return f"array_sort({items})"

    def different(self, items: str) -> str:
        """The different items of a list, in ascending order."""
        return f"array_sort(array_distinct({items}))"

    def length(self, items: str) -> str:
        """How many items a list has."""
        return f"CAST(size({items}) AS {self.big})"

    def item(self, items: str, place: str) -> str:
        """The item at a place; the first is at 1, and there is none beyond the last."""
        return f"get({items}, CAST(({place}) - 1 AS INT))"

    def pauses(self, items: str) -> str:
        """The differences between successive items, in ascending order."""
        before = f"slice({items}, 1, greatest(size({items}) - 1, 0))"
        return f"array_sort(zip_with(slice({items}, 2, size({items})), {before}, (x, y) -> x - y))"

    def passed_last(self, records: str, part: str) -> str:
        """How many records of the latest, by their order, have a boolean part without a break."""
        passed = f"transform(sort_array({records}, FALSE), x -> x.{part})"
        return f"coalesce(nullif(array_position({passed}, FALSE), 0) - 1, size({records}))"

    def any_purchase(self, purchases: str, at: str) -> str:
        """Whether one of a list of (placed, paid, cancelled) was placed and paid, and not cancelled, by an instant."""
        then = f"x[0] <= {at} AND x[1] <= {at} AND (x[2] IS NULL OR x[2] > {at})"
        return f"coalesce(size(filter({purchases}, x -> {then})) > 0, FALSE)"

    def day_number(self, days: str) -> str:
        """The date that lies so many days after 1970-01-01."""
        return f"date_add(DATE '1970-01-01', CAST({days} AS INT))"

    def buckets(self, first: str, last: str) -> str:
        """One row for each whole number from the first to the last, as an expression of a select."""
        return f"explode(sequence({first}, {last}))"


SPARK = Spark()
"""The words of a Spark session with these settings."""
