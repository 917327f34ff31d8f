"""What is still to be sent of a wave, and how it ends. A message's row says all: nothing is remembered elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from engine.campaigns.wire import Counts

Connection = psycopg.Connection[Any]

BATCH = 200
PAGE = 5000
_PAUSES = ("playbook_paused", "all_paused", "playbook_draft")
_OPEN = "m.state in ('planned', 'reserved', 'in_flight', 'deferred')"
# A pause is over when this is asked: its messages need not wait for the time at which they would have been asked again.
_DUE = f"""
select m.id, m.journey_id as journey, m.state as before from messages m
 where m.playbook = %(name)s and m.step = %(wave)s and {_OPEN} and m.id > %(after)s
   and (m.state <> 'deferred' or m.until <= %(now)s or m.reason = any(%(pauses)s))
 order by m.id limit %(limit)s
"""  # noqa: S608 - a constant
_NEXT = f"""
select min(coalesce(m.until, %(now)s)) from messages m
 where m.playbook = %(name)s and m.step = %(wave)s and {_OPEN}
"""  # noqa: S608 - a constant
_COUNTS = """
select count(*) filter (where m.state in ('planned', 'reserved', 'in_flight')) as planned,
       count(*) filter (where m.state = 'sent') as sent,
       count(*) filter (where m.state = 'skipped') as skipped,
       count(*) filter (where m.state = 'deferred') as waiting,
       count(*) filter (where m.state in ('failed', 'in_doubt')) as failed
  from messages m join journeys j on j.id = m.journey_id where j.playbook = %(name)s and m.step = %(wave)s
"""
# One that a provider may have taken is in doubt; one that was tried has failed; the rest came too late.
_END_WAVE = f"""
update messages m
   set state = case when state = 'in_flight' then 'in_doubt' when state = 'planned' and attempts > 0 then 'failed'
                    else 'skipped' end,
       reason = case when state = 'in_flight' or (state = 'planned' and attempts > 0) then 'retries_used_up'
                     else %(reason)s end,
       at = greatest(at, %(now)s), until = null, updated_at = now()
 where id in (select id from messages m where m.playbook = %(name)s and (%(wave)s::text is null or m.step = %(wave)s)
                 and {_OPEN} order by id limit %(limit)s for update)
   and {_OPEN}
"""  # noqa: S608 - a constant
_END_MEMBERS = """
update journeys j
   set state = case when %(state)s = 'ended' then 'ended' else 'cancelled' end,
       outcome = case when %(state)s <> 'ended' then %(state)s
                      when exists (select from messages m where m.journey_id = j.id and m.reason = 'drop_when')
                      then 'dropped' else 'ended' end,
       ended_at = %(now)s
 where id in (select id from journeys where playbook = %(name)s and state = 'running' order by id limit %(limit)s
                 for update)
"""
_END_RUN = "update campaign_runs set state = %s, ended_at = %s, wave = null where id = %s and state = 'running'"
_AT_WAVE = "update campaign_runs set wave = %s where id = %s"


@dataclass(frozen=True)
class Due:
    """A message that is to be asked for now, and the state it was found in."""

    id: int
    journey: int
    before: str


def due(connection: Connection, name: str, wave: str, after: int, now: datetime) -> Sequence[Due]:
    """The next batch of messages to ask for: planned ones, those held back until now, and those of a dead worker."""
    values = {"name": name, "wave": wave, "after": after, "now": now, "pauses": list(_PAUSES), "limit": BATCH}
    with connection.cursor(row_factory=class_row(Due)) as cursor:
        return cursor.execute(_DUE, values).fetchall()


def next_due(connection: Connection, name: str, wave: str, now: datetime) -> datetime | None:
    """When the next message of the wave may leave; none if all are settled."""
    row = connection.execute(_NEXT, {"name": name, "wave": wave, "now": now}).fetchone()
    return row[0] if row else None


def counts(connection: Connection, name: str, wave: str) -> Counts:
    """How many messages of the wave are in each state."""
    with connection.cursor(row_factory=class_row(Counts)) as cursor:
        found = cursor.execute(_COUNTS, {"name": name, "wave": wave}).fetchone()
    return found or Counts()


def begin_wave(connection: Connection, run: int, wave: str) -> None:
    """Notes which wave a run is at."""
    connection.execute(_AT_WAVE, (wave, run))


def end_wave(connection: Connection, name: str, wave: str | None, reason: str, now: datetime) -> int:
    """Settles a page of what is open of one wave, or of all, and gives how many those were; the caller commits."""
    values = {"name": name, "wave": wave, "reason": reason, "now": now, "limit": PAGE}
    return connection.execute(_END_WAVE, values).rowcount


def end_members(connection: Connection, name: str, state: str, now: datetime) -> int:
    """Ends a page of customers' parts and gives how many those were; the caller commits."""
    return connection.execute(_END_MEMBERS, {"name": name, "state": state, "now": now, "limit": PAGE}).rowcount


def end_run(connection: Connection, run: int, state: str, now: datetime) -> None:
    """Writes a run's end; the caller commits."""
    connection.execute(_END_RUN, (state, now, run))
