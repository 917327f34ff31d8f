"""Which cells a statement writes, found in its SQL: what an event can have changed is not written down by hand."""

import re
from functools import lru_cache

from engine.attributes.sources import EVERY, Cell

_INSERT = re.compile(r"\b(?:insert into|delete from)\s+(\w+)", re.IGNORECASE)
_UPDATE = re.compile(r"(?<!do )\bupdate\s+(\w+)(?:\s+as)?(?:\s+(?!set\b)\w+)?\s+set\b(.*)", re.IGNORECASE | re.DOTALL)
_END = re.compile(r"\b(?:where|returning|from)\b", re.IGNORECASE)
_SET = re.compile(r"\s*(\w+)\s*=")


@lru_cache(maxsize=512)
def written(statement: str) -> frozenset[Cell]:
    """The cells that a statement may write. A row that is inserted or deleted has every column written."""
    cells = {(table, EVERY) for table in _INSERT.findall(statement)}
    rest = statement
    while found := _UPDATE.search(rest):
        table, rest = found.groups()
        cells |= {(table, column) for column in _columns(rest)}
    return frozenset(cells)


def _columns(assignments: str) -> list[str]:
    """The columns that are set, up to the end of the `set`: commas and words in brackets belong to expressions."""
    names: list[str] = []
    depth = start = 0
    for place, sign in enumerate(assignments):
        if sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1
            if depth < 0:  # the end of the part of a `with`
                return names + _named(assignments[start:place])
        elif sign == "," and depth == 0:
            names += _named(assignments[start:place])
            start = place + 1
        elif depth == 0 and _END.match(assignments, place) and not assignments[place - 1].isalnum():
            return names + _named(assignments[start:place])
    return names + _named(assignments[start:])


def _named(assignment: str) -> list[str]:
    found = _SET.match(assignment)
    return [found.group(1)] if found else []
