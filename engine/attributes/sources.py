"""Which cells of which tables a relation is read from, found in the SQL of its declaration.

A cell is a column of a table; `*` stands for every column, as of a row that appears. Rows of the log of events are told
apart by their kind: the table is `events:KIND` where the SQL asks for one kind.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache

from engine.attributes.relation import Relation
from engine.attributes.relations import RELATIONS

Cell = tuple[str, str]
EVERY = "*"
_TABLE = re.compile(r"\b(?:from|join)\s+(\w+)\s+(?:as\s+)?(?!on\b|where\b)(\w+)", re.IGNORECASE)
_COLUMN = re.compile(r"\b([a-z])\.(\w+)")
_OF_KIND = re.compile(r"\b([a-z])\.kind = '([^']+)'")


@lru_cache(maxsize=256)
def sources(relation: str, fields: frozenset[str]) -> frozenset[Cell]:
    """The cells that rows of a relation follow from, where these stored fields of it are read.

    Raises:
        ValueError: an expression names a table that nothing in the declaration joins.
    """
    return frozenset(_cells(RELATIONS[relation], fields))


def _cells(relation: Relation, fields: Collection[str]) -> Iterator[Cell]:
    read = (relation.fields[name].sql for name in fields if name in relation.fields)
    own = (f"from {relation.source}", relation.owner, relation.at, relation.key, *read)
    tables = dict(_tables(f"from {relation.source}"))
    for text in filter(None, own):
        known = {**tables, **dict(_tables(text))}
        for alias, column in _COLUMN.findall(text):
            if alias not in known:
                raise ValueError(f"{relation.name}: {alias}.{column} is a column of no table that is joined")
            yield known[alias], column


def _tables(text: str) -> Iterator[tuple[str, str]]:
    """Each table by its alias; the log of events with the kind that is asked for, if one is."""
    kinds = dict(_OF_KIND.findall(text))
    for table, alias in _TABLE.findall(text):
        yield alias, f"{table}:{kinds[alias]}" if table == "events" and alias in kinds else table


def meet(written: Iterable[Cell], read: Collection[Cell]) -> bool:
    """Whether something that is read has been written."""
    tables = {table for table, _ in read}
    return any(cell in read or (cell[1] == EVERY and cell[0] in tables) for cell in written)
