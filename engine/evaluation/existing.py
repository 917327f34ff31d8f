"""Starts journeys for those who are inside already when rules come into force, as `--start existing` asks.

These are the customers whom an edited rule has judged otherwise, and those inside what a playbook starts by anew. Each
is taken up under her lock, and who has such a journey by this version is left out, so that it can be done again.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg

from engine.dispatch.in_force import Row
from engine.dispatch.match import Happening, Matcher, means
from engine.journeys.plan import ChangeTrigger
from engine.standing.decide import Change

Connection = psycopg.Connection[Any]
BATCH = 200

_CHANGED = """
select customer_id, kind, "from", "to", coalesce((evidence ->> 'rises')::boolean, false) from standing_changes
 where version = %(version)s and cause = 'baseline' and recorded_at >= %(at)s order by customer_id, id
"""
_INSIDE = {
    "segment": "segments && %(names)s", "tag": "tags && %(names)s", "stage": "stage = any(%(names)s)",
    "tier": "tier = any(%(names)s)", "rfm_group": "rfm_group = any(%(names)s)",
}  # fmt: skip
_HELD_BY = {
    "segment": "segments", "tag": "tags", "stage": "array[stage]", "tier": "array[tier]",
    "rfm_group": "array[rfm_group]",
}  # fmt: skip
_LOCKED = "select id from customers where id = any(%s) order by id for update"
_STARTED = """
select distinct playbook, customer_id from journeys
 where version = %s and recorded_at >= %s and subject = 'customer' and customer_id = any(%s)
"""
Inside = dict[int, list[Change]]
"""Changes by customer that may start journeys: those of the edited rules, and being inside as if just entered."""


def inside(connection: Connection, kind: str, names: Collection[str]) -> Iterator[tuple[int, str]]:
    """Who is stored as inside one of some names of a kind, with the first such name."""
    query = f"select customer_id, {_HELD_BY[kind]} from standings where {_INSIDE[kind]} order by customer_id"  # noqa: S608 -- our own parts
    for customer, held in connection.execute(query, {"names": list(names)}):
        yield customer, next(each for each in names if each in held)


def start_existing(
    connection: Connection,
    matcher: Matcher,
    row: Row,
    anew: Mapping[str, Sequence[ChangeTrigger]],
    now: datetime,
) -> Iterator[list[int]]:
    """Starts them in batches that are committed, and gives the journeys of each batch, which it leaves running.

    Args:
        connection: outside a transaction, with autocommit.
        matcher: the rules in force.
        row: when they came into force.
        anew: the triggers by which playbooks start now and did not before.
        now: the wall clock's instant.
    """
    changed, entered = _changed(connection, row), _entered(connection, anew)
    people = sorted({*changed, *(customer for each in entered.values() for customer in each)})
    for start in range(0, len(people), BATCH):
        batch = people[start : start + BATCH]
        with connection.transaction():
            connection.execute(_LOCKED, (batch,))
            known = set(connection.execute(_STARTED, (row.version, row.at, batch)).fetchall())
            yield [
                journey
                for customer in batch
                for journey in _start(connection, matcher, customer, changed.get(customer, []), entered, known, now)
            ]


def _start(
    connection: Connection,
    matcher: Matcher,
    customer: int,
    changed: Sequence[Change],
    entered: Mapping[str, Mapping[int, Change]],
    known: set[tuple[str, int]],
    now: datetime,
) -> Iterator[int]:
    for name, plan in matcher.rules.plans.items():
        if not plan.starts or plan.subject != "customer" or (name, customer) in known:
            continue
        change = next((each for each in changed if means(plan.start.any, each)), entered.get(name, {}).get(customer))
        if change is not None:
            happening = Happening.of_changes(customer, (change,), now, now, None)
            journey = matcher.start(connection, plan, happening)
            yield from () if journey is None else (journey,)


def _changed(connection: Connection, row: Row) -> Inside:
    found: Inside = {}
    for customer, kind, before, after, rises in connection.execute(_CHANGED, {"version": row.version, "at": row.at}):
        found.setdefault(customer, []).append(Change(kind, before, after, rises=rises))
    return found


def _entered(connection: Connection, anew: Mapping[str, Sequence[ChangeTrigger]]) -> dict[str, dict[int, Change]]:
    return {
        name: {
            customer: Change(each.kind, None, held)
            for each in triggers
            for customer, held in inside(connection, each.kind, each.names)
        }
        for name, triggers in anew.items()
    }
