"""An edit at work, in the database: which journeys follow, what each has been told, and what it did.

Locks are taken as everywhere: the customer, the journey, then the outbox's rows of that journey.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

import psycopg
from psycopg.rows import class_row, tuple_row

from engine.journeys.migrate import DRAINED
from engine.journeys.wire import Adopted, AdoptRequest
from engine.messages import record
from engine.messages.reasons import SkipReason

Connection = psycopg.Connection[Any]
BATCH = 200
EDITED: SkipReason = "edited"
"""Why what was held back is not wanted any more: its step is gone."""

_PICK = """
insert into journey_edits (edit_id, journey_id, from_version)
select e.id, j.id, j.version from edits e join journeys j
    on j.playbook = e.playbook and j.version = any(e.from_versions) and j.state in ('running', 'held')
 where e.id = %(edit)s and e.state = 'running'
   and not exists (select from journey_edits t where t.edit_id = e.id and t.journey_id = j.id)
 order by j.id
on conflict do nothing
"""
_NEXT = """
select t.journey_id from journey_edits t
 where t.edit_id = %(edit)s and t.state in ('open', 'told') and t.journey_id > %(after)s
 order by t.journey_id limit %(limit)s
"""
_OVER = """
update journey_edits t set state = 'ended', at = coalesce(j.ended_at, now()) from journeys j
 where t.edit_id = %(edit)s and t.state in ('open', 'told') and j.id = t.journey_id
   and j.state not in ('running', 'held')
"""
_COUNTS = "select state, count(*) from journey_edits where edit_id = %s group by 1"
_LOCKED = """
select j.workflow_id, j.state, j.version from journeys j join customers c on c.id = j.customer_id
 where j.id = %s for update of c, j
"""
_UNTOLD_START = """
select id from outbox where journey_id = %s and kind = 'start' and done_at is null for update
"""
_OUTBOX = """
select count(*) filter (where done_at is null), coalesce(max(id) filter (where kind = 'event'), 0)
  from outbox where journey_id = %s
"""
_SETTLE = """
update journey_edits set state = %(state)s, step = %(step)s, to_step = %(to)s, why = %(why)s, at = %(at)s
 where edit_id = %(edit)s and journey_id = %(journey)s and state in ('open', 'told')
"""
_UNWANTED_MESSAGES = """
update messages set state = 'skipped', reason = %(reason)s, at = %(at)s, until = null, updated_at = now()
 where journey_id = %(journey)s and state in ('deferred', 'planned') and step <> all(%(kept)s)
"""
_UNWANTED_CALLS = """
update calls set state = 'skipped', reason = %(reason)s, at = %(at)s
 where journey_id = %(journey)s and state = 'open' and reason is not null and step <> all(%(kept)s)
"""


@dataclass(frozen=True)
class Edit:
    """One edit's row."""

    id: int
    playbook: str
    version: str
    policy: Literal["migrate", "drain"]
    state: str


@dataclass(frozen=True)
class Told:
    """A journey that has to be told. `heard`: the last row of the outbox that it has been told already."""

    journey: int
    workflow_id: str
    heard: int


class _Became(NamedTuple):
    """What a journey did about an edit; `step` where it stood, `to` where it goes on, `why` it stays as it is."""

    state: str
    step: str | None = None
    to: str | None = None
    why: str | None = None


def read(connection: Connection, edit: int) -> Edit | None:
    """An edit by its number."""
    with connection.cursor(row_factory=class_row(Edit)) as cursor:
        return cursor.execute(
            "select id, playbook, version, policy, state from edits where id = %s", (edit,)
        ).fetchone()


def next_journeys(connection: Connection, edit: int, after: int, limit: int = BATCH) -> Sequence[int]:
    """The next journeys that have not followed yet; a pass begins with those that are new to the edit, or are over."""
    if after == 0:
        connection.execute(_PICK, {"edit": edit})
        connection.execute(_OVER, {"edit": edit})
    rows = connection.execute(_NEXT, {"edit": edit, "after": after, "limit": limit})
    return [row[0] for row in rows]


def counts(connection: Connection, edit: int) -> dict[str, int]:
    """How many journeys of the edit are in each state."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        return dict(cursor.execute(_COUNTS, (edit,)).fetchall())


def about_to_tell(connection: Connection, edit: Edit, journey: int, at: datetime) -> Told | None:
    """Marks a journey as told, unless there is nothing to tell it, or something else goes first; the caller commits.

    One that has not begun needs no telling: it begins by the new version.
    """
    row = connection.execute(_LOCKED, (journey,)).fetchone()
    if row is None or row[1] not in ("running", "held"):
        _settle(connection, edit.id, journey, at, _Became("ended"))
        return None
    if row[1] == "held" or connection.execute(_UNTOLD_START, (journey,)).fetchone() is not None:
        connection.execute("update journeys set version = %s where id = %s", (edit.version, journey))
        _settle(connection, edit.id, journey, at, _Became("replaced"))
        return None
    counted = connection.execute(_OUTBOX, (journey,)).fetchone()
    assert counted is not None  # a count always returns its row
    if counted[0]:
        return None
    # It may have followed since the batch was read.
    still = _settle(connection, edit.id, journey, at, _Became("told"))
    return Told(journey, row[0], counted[1]) if still else None


def not_found(connection: Connection, edit: Edit, journey: int, at: datetime) -> None:
    """Temporal has no such journey under way: it is over or, where the database says otherwise, lost."""
    row = connection.execute(_LOCKED, (journey,)).fetchone()
    lost = row is not None and row[1] == "running"
    _settle(connection, edit.id, journey, at, _Became("lost" if lost else "ended"))


def adopt(connection: Connection, request: AdoptRequest, state: str, version: str, now: datetime) -> Adopted:
    """Writes down what a journey does about an edit; the caller holds its lock and commits.

    From this commit on events are matched by the new version, so those matched by the old one must have been heard.

    Args:
        connection: in a transaction with the journey's lock.
        request: what the journey is about to do.
        state: the journey's.
        version: the one by which it goes.
        now: the wall clock's instant.
    """
    edit = read(connection, request.edit)
    if request.goes_by and version == request.version:
        return Adopted("yes")  # written by an attempt whose answer was lost
    if request.ends is not None and state == "ended":
        return Adopted("yes")
    if edit is None or edit.state != "running" or state != "running":
        return Adopted("no")
    if request.why:
        _settle(connection, request.edit, request.journey, now, _Became("pinned", request.step, why=request.why))
        return Adopted("no")
    counted = connection.execute(_OUTBOX, (request.journey,)).fetchone()
    if counted is not None and counted[1] > request.heard:
        return Adopted("later", counted[1])
    _carry_out(connection, request, now)
    return Adopted("yes")


def _carry_out(connection: Connection, request: AdoptRequest, now: datetime) -> None:
    if request.goes_by:
        connection.execute("update journeys set version = %s where id = %s", (request.version, request.journey))
    unwanted = {"journey": request.journey, "kept": request.held_back, "reason": EDITED, "at": request.at}
    connection.execute(_UNWANTED_MESSAGES, unwanted)
    connection.execute(_UNWANTED_CALLS, unwanted)
    if request.ends is not None:
        record.end_journey(connection, request.journey, "ended", request.ends, request.at)
    became = _Became("migrated" if request.goes_by else DRAINED, request.step, request.to)
    _settle(connection, request.edit, request.journey, now, became)


def end(connection: Connection, edit: int, at: datetime) -> None:
    """All journeys have followed; the caller commits."""
    connection.execute(
        "update edits set state = 'ended', ended_at = %s where id = %s and state = 'running'", (at, edit)
    )


def _settle(connection: Connection, edit: int, journey: int, at: datetime, became: _Became) -> bool:
    """Writes what a journey did, unless it has done something already; whether it was written."""
    values = {"edit": edit, "journey": journey, "at": at, **became._asdict()}
    return connection.execute(_SETTLE, values).rowcount == 1
