"""Everybody's standing by two versions of the rules, for some parts: who differs, and how many are in each.

Both versions decide over one open mirror, one after the other, from the same stored standings; what each has decided is
compared where it is, in DuckDB.
"""

from array import array
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import duckdb
import psycopg

from engine.conditions.operands import microseconds
from engine.dispatch.standing import part_of
from engine.evaluation.everybody import Everybody
from engine.evaluation.processes import Progress
from engine.language.rules import Rules
from engine.query import sql
from engine.query.changes import DIFFERENCES, PREVIOUS_SETS, compile_differences
from engine.query.standing import MEMBERSHIPS, PREVIOUS, RANKS
from engine.standing.cut_offs import CutOffs
from engine.standing.decide import Change
from engine.standing.pruned import only

Connection = psycopg.Connection[Any]
Sizes = Counter[tuple[str, str]]
_STAGES = 3
"""Of the progress: both versions decided, then compared."""
_RANKS_BEFORE, _SETS_BEFORE = "ranks before", "memberships before"


class Move(NamedTuple):
    """A change from one version to the other: of a tag or segment `before` or `after` is None."""

    kind: str
    before: str | None
    after: str | None
    rises: bool = False


@dataclass(frozen=True)
class Side:
    """One version of the rules, with the cut-offs of its tiers and RFM."""

    rules: Rules
    currency: str | None
    cut_offs: CutOffs | None


@dataclass(frozen=True)
class Sides:
    """What to compare: both versions, the parts that differ, and as of when."""

    old: Side
    new: Side
    parts: frozenset[str]
    as_of: datetime


@dataclass
class Comparison:
    """Who is moved: customers by move, in order; sizes by (kind, name) before and after, of the parts compared.

    `changing` counts customers with any move.
    """

    customers: int = 0
    changing: int = 0
    before: Sizes = field(default_factory=Counter)
    after: Sizes = field(default_factory=Counter)
    moves: "dict[Move, array[int]]" = field(default_factory=dict)


def compare(
    duck: duckdb.DuckDBPyConnection,
    connection: Connection,
    asked: Sides,
    progress: Progress = lambda _what, _done, _total: None,
) -> Comparison:
    """Decides everybody by both versions; nothing is written.

    Args:
        duck: the open mirror's connection.
        connection: to what is stored: standings, tags given by hand, events.
        asked: what to compare.
        progress: told of each step.
    """
    old, new = (_everybody(duck, connection, side, asked) for side in (asked.old, asked.new))
    found = Comparison(customers=new.customers())
    if not asked.parts:
        return found
    progress("comparing", 0, _STAGES)
    old.read()
    old.copy_stored(old.follows | new.follows)
    old.decide(asked.old.cut_offs or CutOffs())
    found.before = _sizes(old, asked.parts)
    progress("comparing", 1, _STAGES)
    _keep(duck)
    if new.reading != old.reading:
        new.read()
    new.decide(asked.new.cut_offs or CutOffs())
    found.after = _sizes(new, asked.parts)
    progress("comparing", 2, _STAGES)
    _moved(duck, asked, found)
    progress("comparing", _STAGES, _STAGES)
    return found


def _everybody(duck: duckdb.DuckDBPyConnection, connection: Connection, side: Side, asked: Sides) -> Everybody:
    parts = only(side.rules.standing, *sorted(asked.parts))
    now = microseconds(asked.as_of)
    return Everybody(duck, connection, side.rules, side.currency, now, only=parts, flips=False)


def _keep(duck: duckdb.DuckDBPyConnection) -> None:
    """Keeps what has been decided beside what will be."""
    for table, kept in ((RANKS, _RANKS_BEFORE), (MEMBERSHIPS, _SETS_BEFORE)):
        duck.execute(f"CREATE OR REPLACE TEMP TABLE {sql.name(kept)} AS FROM {table}")


def _moved(duck: duckdb.DuckDBPyConnection, asked: Sides, found: Comparison) -> None:
    for table, kept in ((PREVIOUS, _RANKS_BEFORE), (PREVIOUS_SETS, _SETS_BEFORE)):
        duck.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS FROM {sql.name(kept)}")
    for statement in compile_differences(asked.new.rules.standing):
        duck.execute(statement)
    among = f"FROM {DIFFERENCES} WHERE part IN ({', '.join(map(sql.text, sorted(asked.parts)))})"
    ((found.changing,),) = duck.execute(f"SELECT count(DISTINCT customer) {among}").fetchall()
    moves = duck.execute(
        f"SELECT kind, before, after, rises, list(customer ORDER BY customer) {among} GROUP BY ALL ORDER BY ALL"
    )
    while row := moves.fetchone():
        *move, customers = row
        found.moves[Move(*move)] = array("q", customers)


def _sizes(decided: Everybody, parts: frozenset[str]) -> Sizes:
    """How many are in each, of the parts compared; who is in no stage, tier or group is not counted."""
    sizes = decided.tally().sizes
    return Counter({(kind, name): size for (kind, name), size in sizes.items() if name and _part(kind, name) in parts})


def _part(kind: str, name: str) -> str:
    return part_of(Change(kind, None, name))
