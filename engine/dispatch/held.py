"""Journeys that a bulk run would have started, too many at once: held until a person releases or discards them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row, tuple_row

from engine.dispatch.match import stop_journey
from engine.dispatch.versions import StoredVersions
from engine.facts.matching import EventMatcher
from engine.facts.occurrence import Whose, first_occurrence
from engine.facts.since import Since
from engine.policy import Policy

Connection = psycopg.Connection[Any]
BATCH = 500
DISCARDED = "discarded"
HOW = "`regulars journeys release` starts them, `regulars journeys discard` drops them"

_HOLD = "update journeys set state = 'held' where id = any(%s) and state = 'running'"
_UNTELL = "delete from outbox where journey_id = any(%s) and kind = 'start' and done_at is null"
_START = """
with started as (
    update journeys set state = 'running', started_at = coalesce(%(at)s, started_at)
     where id = any(%(journeys)s) and state = 'held' returning id, started_at)
insert into outbox (journey_id, kind, at, payload) select id, 'start', started_at, '{}' from started order by id
"""
# The customers are locked in their order, as by the intake of events.
_NEXT = """
with batch as (select id, customer_id from journeys
                where state = 'held' and (playbook = any(%(playbooks)s) or id = any(%(journeys)s))
                order by id limit %(limit)s),
     locked as materialized (
    select id from customers where id in (select customer_id from batch) order by id for update)
select j.id, j.playbook, j.version, j.subject, j.subject_id, j.customer_id, j.started_at, e.kind as started_by
  from journeys j join batch using (id) join locked l on l.id = j.customer_id left join events e on e.id = j.event_id
 where j.state = 'held' order by j.id
"""


@dataclass(frozen=True)
class Released:
    """How many journeys were started, and how many ended because their stop had come meanwhile."""

    started: int
    stopped: int


def too_many(policy: Policy, journeys: int) -> bool:
    """Whether so many at once have to be held for a person."""
    return policy.mass_start is not None and journeys > policy.mass_start.above


def hold(connection: Connection, journeys: Collection[int]) -> None:
    """Holds journeys that the same transaction has started: Temporal is not told of them."""
    if journeys:
        connection.execute(_HOLD, (list(journeys),))
        connection.execute(_UNTELL, (list(journeys),))


def begin(
    connection: Connection, journeys: Collection[int], now: datetime, matcher: EventMatcher, versions: StoredVersions
) -> Released:
    """Starts held journeys of a run that turned out to be allowed, as of when they would have begun; see `release`."""
    return _start(connection, {"journeys": list(journeys), "playbooks": []}, now, None, matcher, versions)


def held(connection: Connection) -> dict[str, int]:
    """How many journeys of each playbook are held."""
    query = "select playbook, count(*) from journeys where state = 'held' group by 1 order by 1"
    with connection.cursor(row_factory=tuple_row) as cursor:
        return dict(cursor.execute(query).fetchall())


def release(
    connection: Connection, playbooks: Collection[str], now: datetime, matcher: EventMatcher, versions: StoredVersions
) -> Released:
    """Starts these playbooks' held journeys as of now, in batches that are committed.

    One whose stop has come meanwhile ends without having begun.
    """
    return _start(connection, {"journeys": [], "playbooks": list(playbooks)}, now, now, matcher, versions)


def _start(
    connection: Connection,
    wanted: dict[str, Any],
    now: datetime,
    at: datetime | None,
    matcher: EventMatcher,
    versions: StoredVersions,
) -> Released:
    started = stopped = 0
    while batch := _next(connection, wanted):
        overtaken = set()
        for journey in batch:
            found = _stop(connection, journey, now, matcher, versions)
            if found is not None:
                overtaken.add(journey["id"])
                connection.execute("update journeys set state = 'running' where id = %s", (journey["id"],))
                stop_journey(connection, journey["id"], found, now)
        ids = [each["id"] for each in batch if each["id"] not in overtaken]
        started += connection.execute(_START, {"journeys": ids, "at": at}).rowcount
        stopped += len(overtaken)
        connection.commit()
    return Released(started, stopped)


def discard(connection: Connection, playbooks: Collection[str], now: datetime) -> int:
    """Drops these playbooks' held journeys: they end as cancelled and stay in the list. The caller commits."""
    return connection.execute(
        """update journeys set state = 'cancelled', outcome = %s, ended_at = %s
            where state = 'held' and playbook = any(%s)""",
        (DISCARDED, now, list(playbooks)),
    ).rowcount


def _next(connection: Connection, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_NEXT, {**wanted, "limit": BATCH}).fetchall()


def _stop(
    connection: Connection, journey: dict[str, Any], now: datetime, matcher: EventMatcher, versions: StoredVersions
) -> str | None:
    plan = versions.find(connection, journey["version"], journey["playbook"])
    if plan is None or not plan.stop:
        return None
    since = Since(journey["started_at"], journey["started_by"])
    found = first_occurrence(connection, plan.stop, Whose.of(journey), since=since, until=now, matcher=matcher)
    return None if found is None else found.event
