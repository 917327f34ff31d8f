"""Everything that is known of one message, from what asked for it to what came back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row

Connection = psycopg.Connection[Any]

_MESSAGE = """
select m.id, m.key, m.journey_id, m.playbook, m.step, m.iteration, m.channel, m.purpose, m.template, m.locale,
       m.segments, m.state, m.reason, m.due_at, m.at, m.until, m.provider, m.provider_id, m.attempts, m.settled_by,
       j.workflow_id, j.version, j.state as journey_state, j.outcome as journey_outcome, j.started_at,
       e.kind as started_by, c.key as customer, o.number as "order", coalesce(c.zone, s.zone) as zone
  from messages m
  join journeys j on j.id = m.journey_id
  join customers c on c.id = m.customer_id
  left join events e on e.id = j.event_id
  left join orders o on o.id = j.order_id
  left join shops s on s.id = o.shop_id
 where m.key = %s
"""
_LOG = """
select state, reason, channel, at, until, attempts, author, recorded_at from message_log
 where message_id = %s order by id
"""
_RESPONSES = "select kind, at from message_events where message_id = %s order by at, id"
_SIBLINGS = """
select key, channel, state, reason from messages
 where journey_id = %s and step = %s and iteration = %s and id <> %s order by id
"""


@dataclass(frozen=True)
class Told:
    """The message and what it belongs to. Instants are logical; `zone` is the customer's, if it is known."""

    id: int
    key: str
    journey_id: int
    playbook: str
    step: str
    iteration: int
    channel: str
    purpose: str
    template: str | None
    locale: str | None
    segments: int | None
    state: str
    reason: str | None
    due_at: datetime
    at: datetime
    until: datetime | None
    provider: str | None
    provider_id: str | None
    attempts: int
    settled_by: str | None
    workflow_id: str
    version: str
    journey_state: str
    journey_outcome: str | None
    started_at: datetime
    started_by: str | None
    customer: str | None
    order: str | None
    zone: str | None


@dataclass(frozen=True)
class Turn:
    """One state of the message: since when, by the shop's logical time and by the clock."""

    state: str
    reason: str | None
    channel: str
    at: datetime
    until: datetime | None
    attempts: int
    author: str | None
    recorded_at: datetime


@dataclass(frozen=True)
class Story:
    """One message end to end. `others`: what the same send tried by other channels."""

    message: Told
    turns: tuple[Turn, ...]
    responses: tuple[tuple[str, datetime], ...]
    others: tuple[dict[str, Any], ...]


def find_story(connection: Connection, key: str) -> Story | None:
    """What is known of the message with this key; None if there is none."""
    with connection.cursor(row_factory=class_row(Told)) as cursor:
        message = cursor.execute(_MESSAGE, (key,)).fetchone()
    if message is None:
        return None
    with connection.cursor(row_factory=class_row(Turn)) as cursor:
        turns = cursor.execute(_LOG, (message.id,)).fetchall()
    with connection.cursor(row_factory=dict_row) as rows:
        responses = rows.execute(_RESPONSES, (message.id,)).fetchall()
        step = (message.journey_id, message.step, message.iteration, message.id)
        others = rows.execute(_SIBLINGS, step).fetchall()
    return Story(message, tuple(turns), tuple((row["kind"], row["at"]) for row in responses), tuple(others))
