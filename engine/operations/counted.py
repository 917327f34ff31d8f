"""What has happened so far, counted from the rows: true over all workers and restarts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

Connection = psycopg.Connection[Any]

_JOURNEYS = "select playbook, state, count(*) as count from journeys group by playbook, state order by playbook, state"
_MESSAGES = """
select playbook, channel, state, case state when 'skipped' then reason end as reason, count(*) as count from messages
 where (%(since)s::timestamptz is null or at >= %(since)s)
 group by 1, 2, 3, 4 order by 1, 2, 3, 4
"""


@dataclass(frozen=True)
class JourneyCount:
    """Journeys of a playbook in a state."""

    playbook: str
    state: str
    count: int


@dataclass(frozen=True)
class MessageCount:
    """Messages of a playbook by a channel in a state; `reason` of skipped ones alone: those are words of ours."""

    playbook: str
    channel: str
    state: str
    reason: str | None
    count: int


def count_journeys(connection: Connection) -> list[JourneyCount]:
    """All journeys there ever were."""
    with connection.cursor(row_factory=class_row(JourneyCount)) as cursor:
        return cursor.execute(_JOURNEYS).fetchall()


def count_messages(connection: Connection, since: datetime | None = None) -> list[MessageCount]:
    """Messages by their present state, those that came into it at `since` or later; all there ever were without it."""
    with connection.cursor(row_factory=class_row(MessageCount)) as cursor:
        return cursor.execute(_MESSAGES, {"since": since}).fetchall()
