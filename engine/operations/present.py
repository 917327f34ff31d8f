"""How things stand at one instant: what is under way, what waits for a person, and what lags behind."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

Connection = psycopg.Connection[Any]

# At work: Temporal is still to be told something, or a message is on its way. All others wait.
_JOURNEYS = """
with at_work as materialized (
    select journey_id as id from outbox where done_at is null
    union select journey_id from messages where state in ('reserved', 'in_flight'))
select j.playbook, count(*) as running, count(*) filter (where w.id is null) as waiting,
       count(*) filter (where j.paused_at is not null) as paused
  from journeys j left join at_work w on w.id = j.id
 where j.state = 'running' and not exists (select from campaign_runs r where r.campaign = j.playbook)
 group by j.playbook order by j.playbook
"""
_OPEN_MESSAGES = """
select playbook, state, count(*) as count from messages
 where state in ('reserved', 'in_flight', 'deferred', 'in_doubt') group by playbook, state order by playbook, state
"""
_OUTBOX = """
select count(*) as depth, count(*) filter (where attempts > 0) as failing,
       coalesce(greatest(extract(epoch from %(now)s - min(recorded_at)), 0), 0)::float as lag
  from outbox where done_at is null
"""
_FLIPS = """
select count(*) as due, coalesce(greatest(extract(epoch from %(now)s - min(next_flip)), 0), 0)::float as lag
  from standings where next_flip <= %(now)s
"""
_TASKS = """
select team, count(*) as open, count(*) filter (where due_at < %(now)s) as late
  from tasks where closed_at is null group by team order by team
"""
_REFUSED = "select code, count(*) as count from refused_events where replayed_at is null group by code order by code"
_COUPONS = """
select pool, count(*) as free from coupons
 where customer_id is null and redeemed_at is null and (expires_at is null or expires_at > %(now)s)
 group by pool order by pool
"""
_CONTROLS = "select playbook, state, author, reason, at from playbook_controls order by playbook"


@dataclass(frozen=True)
class Journeys:
    """Journeys of a playbook that are not over. `waiting` and `paused` are among the `running` ones."""

    running: int
    waiting: int
    paused: int


@dataclass(frozen=True)
class Lag:
    """How many are behind, and by how many seconds the oldest is; `failing` have been tried in vain."""

    count: int
    seconds: float
    failing: int = 0


@dataclass(frozen=True)
class Tasks:
    """Open tasks of a team; `late` are those past their due."""

    open: int
    late: int


@dataclass(frozen=True)
class Control:
    """A playbook, or `*`, that somebody paused or killed."""

    playbook: str
    state: str
    author: str
    reason: str | None
    at: datetime


@dataclass(frozen=True)
class Present:
    """How things stand. `messages` by playbook and state, those that are not over or in doubt."""

    at: datetime
    journeys: Mapping[str, Journeys]
    messages: Mapping[tuple[str, str], int]
    outbox: Lag
    flips: Lag
    tasks: Mapping[str, Tasks]
    refused: Mapping[str, int]
    controls: tuple[Control, ...]
    coupons: Mapping[str, int]
    """Codes that can still be given, by pool; an empty pool is not among them."""

    def in_state(self, state: str) -> int:
        """Messages in a state, of all playbooks."""
        return sum(count for (_, each), count in self.messages.items() if each == state)


def read_present(connection: Connection, now: datetime) -> Present:
    """Reads how things stand at the wall clock's instant `now`."""
    with connection.cursor(row_factory=dict_row) as cursor:

        def rows(query: str) -> list[dict[str, Any]]:
            return cursor.execute(query, {"now": now}).fetchall()

        [outbox], [flips] = rows(_OUTBOX), rows(_FLIPS)
        return Present(
            at=now,
            journeys={row.pop("playbook"): Journeys(**row) for row in rows(_JOURNEYS)},
            messages={(row["playbook"], row["state"]): row["count"] for row in rows(_OPEN_MESSAGES)},
            outbox=Lag(outbox["depth"], outbox["lag"], outbox["failing"]),
            flips=Lag(flips["due"], flips["lag"]),
            tasks={row.pop("team"): Tasks(**row) for row in rows(_TASKS)},
            refused={row["code"]: row["count"] for row in rows(_REFUSED)},
            controls=tuple(Control(**row) for row in rows(_CONTROLS)),
            coupons={row["pool"]: row["free"] for row in rows(_COUPONS)},
        )
