"""Stops the journeys whose stop came true by an import: imports bring facts without events."""

from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from engine.dispatch import outbox
from engine.dispatch.match import stop_journey
from engine.dispatch.versions import StoredVersions
from engine.facts.matching import EventMatcher
from engine.facts.occurrence import Whose, first_occurrence
from engine.facts.since import Since

Connection = psycopg.Connection[Any]

# The customers are locked in their order, as by the intake of events.
_CONCERNED = """
with locked as materialized (
    select id from customers
     where id in (select customer_id from orders where id in (select id from changed_orders)) order by id for update)
select j.id, j.playbook, j.version, j.subject, j.subject_id, j.customer_id, j.started_at, e.kind as started_by
  from journeys j join locked l on l.id = j.customer_id left join events e on e.id = j.event_id
 where j.state = 'running' order by j.id
"""


def stop_overtaken(connection: Connection, matcher: EventMatcher, versions: StoredVersions, now: datetime) -> int:
    """Stops running journeys of changed orders' customers where a stop event has happened; gives how many.

    Expects the temporary table `changed_orders(id)`; the caller commits.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        concerned = cursor.execute(_CONCERNED).fetchall()
    stopped = 0
    for journey in concerned:
        plan = versions.find(connection, journey["version"], journey["playbook"])
        if plan is None:
            continue
        since = Since(journey["started_at"], journey["started_by"])
        found = first_occurrence(connection, plan.stop, Whose.of(journey), since=since, until=now, matcher=matcher)
        if found is not None:
            payload = {"event": found.event, "stop": True, "steps": []}
            outbox.put(connection, journey["id"], "event", found.at, payload)
            stop_journey(connection, journey["id"], found.event, found.at)
            stopped += 1
    return stopped
