"""What one database writes differently from another: literals, lists, and arithmetic that must not be approximate.

Everything that compiles to SQL takes these words from one object; another database is another subclass of `Dialect`.
"""

from collections.abc import Iterable
from datetime import date

from engine.query import sql


class Dialect:
    """DuckDB's words."""

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

    def has_any(self, items: str, of: str) -> str:
        """Whether two lists have an item in common; NULL where a list is."""
        return f"list_has_any({items}, {of})"

    def has_all(self, items: str, of: str) -> str:
        """Whether a list has all items of another; NULL where a list is."""
        return f"list_has_all({items}, {of})"


DUCKDB = Dialect()
"""The database of the mirror."""
