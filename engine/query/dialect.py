"""What one database writes differently from another: literals, lists, and arithmetic that must not be approximate.

Everything that compiles to SQL takes these words from one object; another database is another subclass of `Dialect`.
"""

from collections.abc import Iterable
from datetime import date

from engine.query import sql


class Dialect:
    """DuckDB's words. Expressions given may be repeated in what is returned."""

    big = "BIGINT"
    """Whole numbers of 64 bits."""
    huge = "HUGEINT"
    """Whole numbers that no sum of rows overflows."""
    no_texts = "[]::VARCHAR[]"
    """The empty list of strings."""

    def name(self, name: str) -> str:
        """A quoted name."""
        return sql.name(name)

    def text(self, value: str) -> str:
        """A string literal."""
        return sql.text(value)

    def whole(self, value: int) -> str:
        """A literal of a whole number; what is beyond 128 bits becomes the outermost of those."""
        return sql.whole(value)

    def decimal(self, units: int, scale: int) -> str:
        """A literal of `units` steps of a decimal with `scale` digits behind the point."""
        return sql.decimal(units, scale)

    def day(self, value: date) -> str:
        """A date literal."""
        return sql.day(value)

    def texts(self, values: Iterable[str]) -> str:
        """A list literal of strings, in order."""
        return f"[{', '.join(self.text(each) for each in sorted(values))}]"

    def parameter(self, name: str) -> str:
        """A named parameter of 64 bits."""
        return f"${name}::{self.big}"

    def cast(self, expression: str, kind: str) -> str:
        """An expression as another type."""
        return f"({expression})::{kind}"

    def has_any(self, items: str, of: str) -> str:
        """Whether two lists have an item in common; NULL where a list is."""
        return f"list_has_any({items}, {of})"

    def has_all(self, items: str, of: str) -> str:
        """Whether a list has all items of another; NULL where a list is."""
        return f"list_has_all({items}, {of})"

    def quotient(self, of: str, over: str) -> str:
        """Whole division of numbers, towards zero."""
        return f"({of} // {over})"

    def floored(self, of: str, over: int) -> str:
        """Whole division by a positive number, downwards, as Python's `//`."""
        return f"({self.quotient(of, str(over))} - ({of} % {over} < 0)::{self.big})"

    def rest(self, of: str, over: int) -> str:
        """What remains of that: from 0 to `over` - 1, as Python's `%`."""
        return f"((({of} % {over}) + {over}) % {over})"

    def as_decimal(self, units: str, scale: int) -> str:
        """A decimal of 38 digits from a whole number of its last digits."""
        whole = f"{units}::DECIMAL(38, 0)"
        if not scale:
            return whole
        step = "0." + "1".rjust(scale, "0")
        return f"({whole} * {step}::DECIMAL({scale + 1}, {scale}))::DECIMAL(38, {scale})"

    def placed(self, order: Iterable[str]) -> str:
        """What orders rows by several columns in turn: made once of a row, so that each aggregate compares bytes."""
        columns = ", ".join(f"{each}, 'ASC NULLS LAST'" for each in order)
        return f"create_sort_key({columns})"

    def at_end(self, value: str, placed: str, *, last: bool) -> str:
        """Aggregate: the value, where known, of the row that is last (or first) by what `placed` gives."""
        return f"{'arg_max' if last else 'arg_min'}({value}, {placed})"

    def listed(self, value: str) -> str:
        """Aggregate: every value."""
        return f"list({value})"

    def record(self, **parts: str) -> str:
        """One value of several named ones, ordered by them in turn."""
        return "{" + ", ".join(f"'{name}': {part}" for name, part in parts.items()) + "}"

    def each_of(self, items: str) -> str:
        """One row for each item of a list, as an expression of a select."""
        return f"unnest({items})"

    def in_order(self, items: str) -> str:
        """A list in ascending order."""
        return f"list_sort({items})"

    def different(self, items: str) -> str:
        """The different items of a list, in ascending order."""
        return f"list_sort(list_distinct({items}))"

    def length(self, items: str) -> str:
        """How many items a list has."""
        return f"len({items})"

    def item(self, items: str, place: str) -> str:
        """The item at a place; the first is at 1."""
        return f"{items}[{place}]"

    def pauses(self, items: str) -> str:
        """The differences between successive items, in ascending order."""
        return f"list_sort(list_transform(list_zip({items}[2:], {items}[:-2]), lambda x: x[1] - x[2]))"

    def passed_last(self, records: str, part: str) -> str:
        """How many records of the latest, by their order, have a boolean part without a break."""
        passed = f"list_transform(list_reverse_sort({records}), lambda x: x.{part})"
        return f"coalesce(list_position({passed}, FALSE) - 1, len({records}))"

    def any_purchase(self, purchases: str, at: str) -> str:
        """Whether one of a list of (placed, paid, cancelled) was placed and paid, and not cancelled, by an instant."""
        then = f"x[1] <= {at} AND x[2] <= {at} AND (x[3] IS NULL OR x[3] > {at})"
        return f"coalesce(len(list_filter({purchases}, lambda x: {then})) > 0, FALSE)"

    def day_number(self, days: str) -> str:
        """The date that lies so many days after 1970-01-01."""
        return f"(DATE '1970-01-01' + ({days})::INTEGER)"

    def buckets(self, first: str, last: str) -> str:
        """One row for each whole number from the first to the last, as an expression of a select."""
        return f"unnest(range({first}, {last} + 1))"


DUCKDB = Dialect()
"""The database of the mirror."""
