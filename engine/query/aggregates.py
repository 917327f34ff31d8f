"""Aggregations of one relation: grouped by customer in one pass, and by customer and value where values are counted.

Every aggregate is an expression over columns of `Rows`, each made once however many attributes ask for it. What a
result is made of after the grouping (`engine.query.results`) is columns of the whole statement.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.query.dialect import Dialect
from engine.query.layers import Names
from engine.query.rows import Rows

_VALUE = '"v"'


@dataclass(slots=True)
class ByValue:
    """Rows grouped by customer and value first, then by customer: for what is different, and most frequent.

    `value` is the column of the value (lists are taken apart), `met` that of the instant at which it was met.
    """

    rows: Rows
    names: Names
    dialect: Dialect
    value: str
    met: str
    of_sets: bool
    counts: dict[str, str] = field(default_factory=dict)
    latest: dict[str, str] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    of_all: bool = False

    def number(self, flag: str | None) -> str:
        """The column of how many different values the rows of a flag have."""
        return self._result(f"count(*) FILTER (WHERE {self._count(flag)} > 0)")

    def different(self, flag: str | None) -> str:
        """The column of the list of these values."""
        return self._result(f"{self.dialect.listed(_VALUE)} FILTER (WHERE {self._count(flag)} > 0)")

    def most_frequent(self, flag: str | None) -> str:
        """The column of the most frequent value; of several the one met latest, then the first in order."""
        number, last = self._count(flag), self._latest(flag)
        placed = self.dialect.placed((f"-{number}", f"-{last}", _VALUE))
        top = self.dialect.at_end(_VALUE, placed, last=False)
        return self._result(f"{top} FILTER (WHERE {number} > 0)")

    def select(self) -> str:
        """The select of the results, by customer."""
        inner = "".join(f", {each} AS {name}" for each, name in (*self.counts.items(), *self.latest.items()))
        grouped = f'SELECT "customer", "v"{inner} FROM ({self._values()}) AS t GROUP BY "customer", "v"'
        listed = ", ".join(f"{each} AS {name}" for each, name in self.results.items())
        return f'SELECT "customer", {listed} FROM ({grouped}) AS t GROUP BY "customer"'

    def _values(self) -> str:
        columns = list(dict.fromkeys((self.value, self.met, *self.flags)))
        rows = self.rows.select(columns)
        value = self.dialect.each_of(self.value) if self.of_sets else self.value
        others = "".join(f", {each}" for each in dict.fromkeys((self.met, *self.flags)))
        taken = f"{self.value} IS NOT NULL"
        if not self.of_all:  # what no flag takes would make groups for nothing
            taken += f" AND ({' OR '.join(self.flags)})"
        return f'SELECT "customer", {value} AS "v"{others} FROM ({rows}) AS t WHERE {taken}'

    def _count(self, flag: str | None) -> str:
        return self._inner(self.counts, "count(*)", flag)

    def _latest(self, flag: str | None) -> str:
        return self._inner(self.latest, f"max({self.met})", flag)

    def _inner(self, made: dict[str, str], aggregate: str, flag: str | None) -> str:
        if flag is None:
            self.of_all = True
        elif flag not in self.flags:
            self.flags.append(flag)
        return made.setdefault(filtered(aggregate, flag), f'"i{len(self.counts) + len(self.latest)}"')

    def _result(self, aggregate: str) -> str:
        if aggregate not in self.results:
            self.results[aggregate] = self.names.new()
        return self.results[aggregate]


class Passes:
    """The passes over one relation."""

    def __init__(self, rows: Rows, names: Names, dialect: Dialect) -> None:
        self.rows = rows
        self._names, self._dialect = names, dialect
        self._made: dict[str, str] = {}
        self._used: list[str] = []
        self._by_value: dict[tuple[str, str], ByValue] = {}

    def aggregate(self, expression: str, flag: str | None, uses: Iterable[str] = ()) -> str:
        """The column of an aggregate over a customer's rows, those of the flag.

        Args:
            expression: an aggregate such as `sum("c3")`.
            flag: the column of the rows that are taken; None: of all.
            uses: the columns of the expression.
        """
        self._used += [*uses, *([] if flag is None else [flag])]
        made = filtered(expression, flag)
        if made not in self._made:
            self._made[made] = self._names.new()
        return self._made[made]

    def by_value(self, value: str, met: str, *, of_sets: bool = False) -> ByValue:
        """The pass that groups by the values of a column, met at the instants of another."""
        if (value, met) not in self._by_value:
            self._by_value[value, met] = ByValue(self.rows, self._names, self._dialect, value, met, of_sets)
        return self._by_value[value, met]

    def selects(self) -> list[str]:
        """Each pass as a select with one row for each customer who has rows."""
        found = [each.select() for each in self._by_value.values()]
        if self._made:
            listed = ", ".join(f"{each} AS {name}" for each, name in self._made.items())
            rows = self.rows.select(dict.fromkeys(self._used))
            found.insert(0, f'SELECT "customer", {listed} FROM ({rows}) AS t GROUP BY "customer"')
        return found


def filtered(aggregate: str, flag: str | None) -> str:
    """An aggregate of the rows for which a column is TRUE."""
    return aggregate if flag is None else f"{aggregate} FILTER (WHERE {flag})"
