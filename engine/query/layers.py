"""Columns computed from one another, each once, as selects within selects.

A column that others use is computed a level below them, so a database need not find common parts by itself, and a
select asks only for what leads to the columns that are wanted of it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count


class Names:
    """New names for columns, none twice within a statement."""

    def __init__(self) -> None:
        self._numbers = count()

    def new(self) -> str:
        """A quoted name."""
        return f'"c{next(self._numbers)}"'


@dataclass(frozen=True, slots=True)
class _Made:
    """A column's expression, what it is made from, and the join that it reads."""

    expression: str
    uses: tuple[str, ...]
    level: int
    join: str = ""


class Layers:
    """Levels of columns over one source.

    Args:
        names: gives new columns their names.
        source: the lowest select, from its columns and what it joins.
        kept: columns of the source that every level hands on.
    """

    def __init__(self, names: Names, source: Callable[[str, str], str], kept: Iterable[str] = ()) -> None:
        self._names, self._source, self._kept = names, source, tuple(kept)
        self._made: dict[str, _Made] = {}
        self._found: dict[tuple[str, str], str] = {}

    def read(self, expression: str, join: str = "") -> str:
        """The column of an expression over the source, and over what is joined with it."""
        return self._column(expression, (), 0, join)

    def make(self, expression: str, uses: Iterable[str], join: str = "") -> str:
        """The column of an expression over columns that have been read or made.

        Args:
            expression: names the columns it uses as they were given.
            uses: those columns.
            join: what the level joins for it; it names the columns too.
        """
        used = tuple(dict.fromkeys(uses))
        return self._column(expression, used, 1 + max((self._made[each].level for each in used), default=0), join)

    def select(self, wanted: Iterable[str]) -> str:
        """A select that has the columns wanted, and those kept; it may have others."""
        needed = self._needed(wanted)
        levels: dict[int, list[str]] = {}
        for each in sorted(needed, key=lambda name: int(name[2:-1])):
            levels.setdefault(self._made[each].level, []).append(each)
        lowest = levels.pop(0, [])
        text = self._source(", ".join((*self._kept, *self._listed(lowest))), self._joins(lowest))
        for _, columns in sorted(levels.items()):
            text = f'SELECT "r".*, {", ".join(self._listed(columns))} FROM ({text}) AS "r"{self._joins(columns)}'
        return text

    def _joins(self, columns: Iterable[str]) -> str:
        return "".join(f" {join}" for join in dict.fromkeys(self._made[each].join for each in columns) if join)

    def _column(self, expression: str, uses: tuple[str, ...], level: int, join: str) -> str:
        if (expression, join) not in self._found:
            name = self._names.new()
            self._found[expression, join] = name
            self._made[name] = _Made(expression, uses, level, join)
        return self._found[expression, join]

    def _listed(self, columns: Iterable[str]) -> list[str]:
        return [f"{self._made[each].expression} AS {each}" for each in columns]

    def _needed(self, wanted: Iterable[str]) -> set[str]:
        needed: set[str] = set()
        waiting = list(wanted)
        while waiting:
            each = waiting.pop()
            if each not in needed:
                needed.add(each)
                waiting += self._made[each].uses
        return needed
