"""How far campaigns have come: of each wave, how many messages are in each state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row, tuple_row

from engine.campaigns.wire import Counts

Connection = psycopg.Connection[Any]

_RUNS = """
select r.campaign, r.version, r.state, r.wave, r.started_at, r.ended_at,
       (select count(*) from journeys j where j.playbook = r.campaign) as customers
  from campaign_runs r
 where (%(name)s::text is null or r.campaign = %(name)s) and (not %(under_way)s or r.state = 'running')
 order by r.started_at desc, r.id desc
"""
_WAVES = """
select j.playbook, m.step, m.state, count(*) from journeys j join messages m on m.journey_id = j.id
 where j.playbook = any(%s) group by 1, 2, 3
"""
_REASONS = """
select m.step, m.state, m.reason, count(*) from journeys j join messages m on m.journey_id = j.id
 where j.playbook = %s and m.reason is not null group by 1, 2, 3 order by 1, 4 desc, 3
"""
_COUNTED = {
    "planned": "planned", "reserved": "planned", "in_flight": "planned", "sent": "sent", "skipped": "skipped",
    "deferred": "waiting", "failed": "failed", "in_doubt": "failed",
}  # fmt: skip


@dataclass(frozen=True)
class Progress:
    """One run. `waves` has those that were planned, by id."""

    campaign: str
    version: str
    state: str
    wave: str | None
    started_at: datetime
    ended_at: datetime | None
    customers: int
    waves: Mapping[str, Counts] = field(default_factory=dict)

    @property
    def total(self) -> Counts:
        """All waves together."""
        total = Counts()
        for counts in self.waves.values():
            total = total.plus(counts)
        return total


@dataclass(frozen=True)
class Reason:
    """How many messages of a wave are in a state for a reason."""

    wave: str
    state: str
    reason: str
    messages: int


def read_progress(connection: Connection, name: str | None = None, *, under_way: bool = False) -> list[Progress]:
    """All runs, or that of one campaign, or those that are not over, latest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(_RUNS, {"name": name, "under_way": under_way}).fetchall()
    waves: dict[str, dict[str, dict[str, int]]] = {}
    with connection.cursor(row_factory=tuple_row) as cursor:
        for campaign, wave, state, number in cursor.execute(_WAVES, ([row["campaign"] for row in found],)):
            counts = waves.setdefault(campaign, {}).setdefault(wave, {})
            counts[_COUNTED[state]] = counts.get(_COUNTED[state], 0) + number
    return [
        Progress(**row, waves={wave: Counts(**counts) for wave, counts in waves.get(row["campaign"], {}).items()})
        for row in found
    ]


def read_reasons(connection: Connection, name: str) -> list[Reason]:
    """Why messages of a campaign did not leave, or not yet, most frequent first within each wave."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        return [Reason(*row) for row in cursor.execute(_REASONS, (name,))]
