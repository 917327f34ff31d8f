"""Ten customers of each line of a plan, those who have paid most, each with the clauses that decide."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import psycopg

from engine.conditions.operands import microseconds
from engine.dispatch.standing import part_of
from engine.planning.compare import Move, Side, Sides
from engine.planning.decider import Decider
from engine.planning.deciding import Seen, decisive
from engine.planning.reading import Person, people
from engine.planning.report import Example
from engine.standing.decide import Change

Connection = psycopg.Connection[Any]
MOST = 10
_EXPIRES = "no clause decides it: how long it lasts does"
_REVIEW = "no clause decides it: the yearly review or its grace does"


class Examples:
    """Finds the examples of moves.

    Args:
        connection: to read facts by.
        sides: both versions.
        spend: what customers have paid, in minor units.
    """

    def __init__(self, connection: Connection, sides: Sides, spend: Mapping[int, int]) -> None:
        self._connection, self._sides, self._spend = connection, sides, spend
        self._now = microseconds(sides.as_of)
        self._decider = cache(self._decider_of)

    def of(self, move: Move, ids: Sequence[int]) -> tuple[Example, ...]:
        """Those of one move, the highest spend first."""
        chosen = sorted(ids, key=lambda each: (-self._spend.get(each, 0), each))[:MOST]
        keys = dict(self._connection.execute("select id, key from customers where id = any(%s)", (chosen,)).fetchall())
        part = part_of(Change(move.kind, move.before, move.after))
        seen = list(zip(self._seen("old", part, chosen), self._seen("new", part, chosen), strict=True))
        found = {was.known_as: self._example(keys[was.known_as], was, becomes, move) for was, becomes in seen}
        return tuple(found[each] for each in chosen if each in found)

    def _example(self, key: str, was: "_Named", becomes: "_Named", move: Move) -> Example:
        clauses = decisive(was.seen, becomes.seen, move.kind, move.before, move.after)
        note = "" if clauses else _REVIEW if move.kind == "tier" else _EXPIRES
        return Example(was.known_as, key, self._spend.get(was.known_as, 0), clauses, note)

    def _decider_of(self, which: str, part: str) -> Decider:
        side: Side = getattr(self._sides, which)
        return Decider(side.rules, frozenset({part}), side.currency, side.cut_offs)

    def _seen(self, which: str, part: str, ids: Sequence[int]) -> Iterator["_Named"]:
        decider = self._decider(which, part)
        for one in people(self._connection, ids, (decider,), decider.reads):
            yield _Named(one.facts.customer_id, seen(decider, one, self._now))


class _Named:
    """A customer as seen, with our number."""

    def __init__(self, known_as: int, of: Seen) -> None:
        self.known_as, self.seen = known_as, of


def seen(decider: Decider, one: Person, now: int) -> Seen:
    """A customer as one version sees her now."""
    at, events = one.at(now), one.events(decider)
    values = decider.values(one.facts, at)
    standing = decider.standing(values, at, one.previous, one.hand_tags, events)
    return Seen(decider, standing, decider.known(values, at, standing, events), one.facts.zone)
