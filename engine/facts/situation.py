"""Where customers stand as one of them is to be judged: what was stored, by which facts, and what people gave by hand.

One statement tells all of it, so that an event waits for the database once.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from engine.attributes.relations import RELATIONS
from engine.attributes.sources import sources
from engine.facts.read import microseconds_of
from engine.facts.standing import COLUMNS, Kept, kept_of
from engine.standing.decide import HandTag

Connection = psycopg.Connection[Any]
Cursor = psycopg.Cursor[dict[str, Any]]
QUIET = frozenset({"messages", "suppressions", "coupons", "points_entries"})
"""Tables of facts that also others than events and imports write, which does not raise the customer's fact version."""

_KEPT = ", ".join(f"s.{name}" for name in COLUMNS[1:] if name != "fact_version")


@dataclass(frozen=True, slots=True)
class Situation:
    """One customer before a judgement.

    `quiet` are the relations asked for that may have changed without anybody telling: those of which there are rows.
    `cut_offs_id` is the number of the cut-offs in force. `running`: whether a journey of the customer is under way.
    """

    fact_version: int
    recorded_at: datetime
    kept: Kept | None
    hand_tags: Sequence[HandTag]
    cut_offs_id: int | None
    quiet: frozenset[str]
    running: bool


@lru_cache(maxsize=8)
def quiet_relations(relations: frozenset[str]) -> tuple[str, ...]:
    """Those of the relations whose rows may change without an event or an import."""
    every = ((name, sources(name, frozenset(RELATIONS[name].columns[2:]))) for name in sorted(relations))
    return tuple(name for name, cells in every if any(table in QUIET for table, _ in cells))


def read_situations(
    connection: Connection, ids: Sequence[int], digests: Mapping[str, str], relations: Collection[str]
) -> dict[int, Situation]:
    """The situation of each of these customers that exists.

    Args:
        connection: in the transaction that holds their locks.
        ids: our numbers of the customers.
        digests: of the tiers and RFM whose cut-offs are in force.
        relations: those that the rules read.
    """
    return situations(ask_situations(connection, ids, digests, relations).fetchall(), relations)


def ask_situations(
    connection: Connection, ids: Sequence[int], digests: Mapping[str, str], relations: Collection[str]
) -> Cursor:
    """Asks for what `read_situations` reads: in a pipeline without waiting for it."""
    kept = {name: digests[name] for name in ("tier", "rfm") if name in digests}
    query = _query(quiet_relations(frozenset(relations)))
    return connection.cursor(row_factory=dict_row).execute(query, {"ids": list(ids), "digests": Jsonb(kept)})


def situations(rows: Iterable[Mapping[str, Any]], relations: Collection[str]) -> dict[int, Situation]:
    """The answer to `ask_situations`, from its rows."""
    quiet = quiet_relations(frozenset(relations))
    return {row["id"]: _situation(row, quiet) for row in rows}


@lru_cache(maxsize=8)
def _query(quiet: tuple[str, ...]) -> str:
    probes = "".join(f", {_some(name)} as quiet_{name}" for name in quiet)
    return f"""
with cut as (select max(id) as id from cut_offs where "values" -> 'digests' = %(digests)s)
select c.id, c.fact_version as now_version, c.recorded_at, cut.id as now_cut_offs, s.fact_version, {_KEPT},
       (select jsonb_agg(jsonb_build_array(h.tag, {microseconds_of("h.at")}, {microseconds_of("h.expires_at")},
                         {microseconds_of("h.removed_at")}) order by h.id)
          from hand_tags h where h.customer_id = c.id) as hand_tags,
       exists (select from journeys j where j.customer_id = c.id and j.state = 'running') as running{probes}
  from customers c cross join cut left join standings s on s.customer_id = c.id
 where c.id = any(%(ids)s)
"""  # noqa: S608 -- our own declarations


def _some(name: str) -> str:
    relation = RELATIONS[name]
    return f"exists (select from {relation.source} where {relation.owner} = c.id)"


def _situation(row: Mapping[str, Any], quiet: tuple[str, ...]) -> Situation:
    return Situation(
        fact_version=row["now_version"],
        recorded_at=row["recorded_at"],
        kept=None if row["version"] is None else kept_of(row),
        hand_tags=[HandTag(*each) for each in row["hand_tags"] or ()],
        cut_offs_id=row["now_cut_offs"],
        quiet=frozenset(name for name in quiet if row[f"quiet_{name}"]),
        running=row["running"],
    )
