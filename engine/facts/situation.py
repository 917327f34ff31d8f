"""Where customers stand as one of them is to be judged: what was stored, by which facts, and what people gave by hand.

One statement tells all of it, so that an event waits for the database once.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from engine.attributes.relations import RELATIONS
from engine.attributes.sources import sources
from engine.facts.intake.known import Also
from engine.facts.read import microseconds_of
from engine.facts.standing import COLUMNS, Kept, kept_of
from engine.standing.decide import HandTag

Connection = psycopg.Connection[Any]
Cursor = psycopg.Cursor[tuple[Any, ...]]
QUIET = frozenset({"messages", "suppressions", "coupons", "points_entries"})
"""Tables of facts that also others than events and imports write, which does not raise the customer's fact version."""

_KEPT = COLUMNS[1:]
_ZONES = ", ".join(str(RELATIONS["customer"].fields[name].sql) for name in ("zone", "shop_zone"))
_COLUMNS = f"""
       c.id, c.fact_version, c.recorded_at, cut.id, {_ZONES},
       (select jsonb_agg(jsonb_build_array(h.tag, {microseconds_of("h.at")}, {microseconds_of("h.expires_at")},
                         {microseconds_of("h.removed_at")}) order by h.id)
          from hand_tags h where h.customer_id = c.id),
       exists (select from journeys j where j.customer_id = c.id and j.state = 'running'),
       {", ".join(f"st.{name}" for name in _KEPT)}"""  # noqa: S608 -- our own declarations
_OWN = 8
_OF_QUIET = _OWN + len(_KEPT)
_JOINS = """
 cross join (select max(id) as id from cut_offs where "values" -> 'digests' = %(digests)s) cut
  left join standings st on st.customer_id = c.id"""


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
    zones: tuple[str | None, str | None]
    """The customer's own time zone and that of the shop."""


@lru_cache(maxsize=8)
def quiet_relations(relations: frozenset[str]) -> tuple[str, ...]:
    """Those of the relations whose rows may change without an event or an import."""
    every = ((name, sources(name, frozenset(RELATIONS[name].columns[2:]))) for name in sorted(relations))
    return tuple(name for name, cells in every if any(table in QUIET for table, _ in cells))


def ask_situations(
    connection: Connection, ids: Sequence[int], digests: Mapping[str, str], relations: Collection[str]
) -> Cursor:
    """Asks for the situation of each of these customers that exists: in a pipeline without waiting for it.

    Args:
        connection: in the transaction that holds their locks.
        ids: our numbers of the customers.
        digests: of the tiers and RFM whose cut-offs are in force.
        relations: those that the rules read.
    """
    also = asking_situation(digests, relations)
    query = f"select {also.columns} from customers c {also.joins} where c.id = any(%(ids)s)"  # noqa: S608 -- our own
    return connection.cursor(binary=True).execute(query, {"ids": list(ids), **also.parameters})


def asking_situation(digests: Mapping[str, str], relations: Collection[str]) -> Also:
    """What reads a customer's situation with something else."""
    kept = {name: digests[name] for name in ("tier", "rfm") if name in digests}
    probes = "".join(f", {_some(name)}" for name in quiet_relations(frozenset(relations)))
    return Also(f"{_COLUMNS}{probes}", _JOINS, {"digests": Jsonb(kept)})


def situations(rows: Iterable[Sequence[Any]], relations: Collection[str]) -> dict[int, Situation]:
    """Each customer's situation, from the rows that were asked for; of who does not exist there is none."""
    quiet = quiet_relations(frozenset(relations))
    return {row[0]: _situation(row, quiet) for row in rows if row[0] is not None}


def _some(name: str) -> str:
    relation = RELATIONS[name]
    return f"exists (select from {relation.source} where {relation.owner} = c.id)"


def _situation(row: Sequence[Any], quiet: Sequence[str]) -> Situation:
    _, version, recorded_at, cut_offs, zone, shop_zone, hand_tags, running = row[:_OWN]
    kept = dict(zip(_KEPT, row[_OWN:_OF_QUIET], strict=True))
    return Situation(
        fact_version=version,
        recorded_at=recorded_at,
        kept=None if kept["version"] is None else kept_of(kept),
        hand_tags=[HandTag(*each) for each in hand_tags or ()],
        cut_offs_id=cut_offs,
        quiet=frozenset(name for name, some in zip(quiet, row[_OF_QUIET:], strict=True) if some),
        running=running,
        zones=(zone, shop_zone),
    )
