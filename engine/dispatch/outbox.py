"""The outbox: what Temporal must be told, committed together with the facts that cause it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

Connection = psycopg.Connection[Any]
Kind = Literal["start", "event", "cancel"]

# Rows of one journey go in order: none is taken while an earlier one is open, also when another dispatcher has it.
_CLAIM = """
select o.id, o.journey_id, o.kind, o.payload, o.at, o.attempts,
       j.workflow_id, j.playbook, j.version, j.subject, j.subject_id, j.customer_id, j.state, j.started_at
  from outbox o join journeys j on j.id = o.journey_id
 where o.done_at is null and (o.not_before is null or o.not_before <= clock_timestamp())
   and j.customer_id %% %(lanes)s = %(lane)s
   and not exists (select from outbox e where e.journey_id = o.journey_id and e.id < o.id and e.done_at is null)
 order by o.id
 limit %(limit)s
   for update of o skip locked
"""


@dataclass(frozen=True)
class Row:
    """One thing to tell Temporal, with the journey it concerns."""

    id: int
    journey_id: int
    kind: Kind
    payload: dict[str, Any]
    at: datetime
    attempts: int
    workflow_id: str
    playbook: str
    version: str
    subject: str
    subject_id: int
    customer_id: int
    state: str
    started_at: datetime


def put(connection: Connection, journey: int, kind: Kind, at: datetime, payload: dict[str, Any]) -> None:
    """Adds a row in the caller's transaction."""
    connection.execute(
        "insert into outbox (journey_id, kind, at, payload) values (%s, %s, %s, %s)",
        (journey, kind, at, Jsonb(payload)),
    )


def claim(connection: Connection, limit: int = 50, *, lane: int = 0, lanes: int = 1) -> list[Row]:
    """Open rows, at most one of each journey, locked until the caller's transaction ends.

    With `lanes` only those of the customers whose number leaves the rest `lane`.
    """
    with connection.cursor(row_factory=class_row(Row)) as cursor:
        return cursor.execute(_CLAIM, {"limit": limit, "lane": lane, "lanes": lanes}).fetchall()


def done(connection: Connection, rows: Sequence[int]) -> None:
    """Temporal has been told of these rows."""
    connection.execute("update outbox set done_at = clock_timestamp(), error = null where id = any(%s)", (list(rows),))


def failed(connection: Connection, row: int, error: str, retry_seconds: float) -> None:
    """Temporal could not be told now; the row is open again after a while, and those of its journey behind it wait."""
    connection.execute(
        """update outbox set attempts = attempts + 1, error = %s,
                  not_before = clock_timestamp() + make_interval(secs => %s) where id = %s""",
        (error, retry_seconds, row),
    )


def lag_seconds(connection: Connection) -> float:
    """Age of the oldest open row, one that fails again and again too: for how long Temporal has not been told."""
    row = connection.execute(
        "select coalesce(extract(epoch from clock_timestamp() - min(recorded_at)), 0) from outbox where done_at is null"
    ).fetchone()
    return float(row[0]) if row else 0.0


@dataclass(frozen=True)
class Depth:
    """How many rows are open. `failing`: tried in vain so far; `behind`: wait for an earlier one of their journey."""

    open: int
    failing: int
    behind: int


def depth(connection: Connection) -> Depth:
    """How much Temporal has still to be told."""
    row = connection.execute(
        """select count(*), count(*) filter (where attempts > 0), count(*) - count(distinct journey_id)
             from outbox where done_at is null"""
    ).fetchone()
    return Depth(*row) if row else Depth(0, 0, 0)


@dataclass(frozen=True)
class Failure:
    """An open row that Temporal could not be told. `not_before`: when it is tried again."""

    workflow_id: str
    kind: Kind
    attempts: int
    error: str
    not_before: datetime


def failures(connection: Connection, workflow_id: str | None = None, limit: int = 20) -> list[Failure]:
    """Rows that fail, those tried most often first; of one journey only if it is named."""
    with connection.cursor(row_factory=class_row(Failure)) as cursor:
        return cursor.execute(
            """select j.workflow_id, o.kind, o.attempts, o.error, o.not_before
                 from outbox o join journeys j on j.id = o.journey_id
                where o.done_at is null and o.error is not null and j.workflow_id = coalesce(%s, j.workflow_id)
                order by o.attempts desc, o.id limit %s""",
            (workflow_id, limit),
        ).fetchall()
