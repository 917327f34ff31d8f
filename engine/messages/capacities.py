"""Capacities: how much all playbooks together may send in an hour or a day, counted in the database.

Which places a message may have says `places.py`. Each window has a row for each priority. A message names its places in
its own row, and the database gives them back when it is skipped, fails or is not taken.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import psycopg

from engine.messages.places import Given, Place, Wish, changes_of, concerned, counts_of, find_places, since_of
from engine.policy import Policy

Connection = psycopg.Connection[Any]

_LOCK = "select pg_advisory_xact_lock(hashtextextended('capacity/' || current_schema() || '/' || %s, 0))"
_READ = """
select capacity, span, starts_at, rank, used, promised from capacity_use
 where capacity = any(%(names)s) and starts_at >= %(since)s and used + promised > 0
"""
_COUNT = """
insert into capacity_use (place, capacity, span, starts_at, rank, used, promised)
select * from unnest(%(places)s::text[], %(capacities)s::text[], %(spans)s::text[], %(starts)s::timestamptz[],
                     %(ranks)s::int[], %(used)s::int[], %(promised)s::int[]) as t (place) order by place
on conflict (place) do update set used = capacity_use.used + excluded.used,
                                  promised = capacity_use.promised + excluded.promised
"""


def ask_for_places(
    connection: Connection, policy: Policy, wish: Wish, moment: datetime, own: Collection[str], *, promised: bool
) -> Given:
    """Finds places now or later, under the capacities' locks; `count` writes them.

    Args:
        connection: in the caller's transaction, which already has the locks of customer, journey and message.
        policy: the policy in force.
        wish: what is to be sent.
        moment: the instant of the decision.
        own: the places that the message has, which are not counted against it.
        promised: whether it has them as promises.
    """
    capacities = concerned(policy, wish)
    if not capacities:
        return Given(())
    names = list(capacities)
    with connection.pipeline():
        for name in names:
            connection.execute(_LOCK, (name,))
        rows = connection.execute(_READ, {"names": names, "since": since_of(moment, policy)})
    counts = counts_of(rows, own, promised=promised)
    return find_places(policy, capacities, counts, wish, moment)


def count(
    connection: Connection,
    before: Collection[str],
    after: Collection[str],
    *,
    were_promised: bool,
    are_promised: bool,
) -> None:
    """Writes how a message's places change, in the places' order."""
    changed = changes_of(before, after, were_promised=were_promised, are_promised=are_promised)
    if not changed:
        return
    places = [Place.parse(name) for name in changed]
    connection.execute(
        _COUNT,
        {
            "places": list(changed),
            "capacities": [place.capacity for place in places],
            "spans": [place.span for place in places],
            "starts": [place.starts_at for place in places],
            "ranks": [place.rank for place in places],
            "used": [change[0] for change in changed.values()],
            "promised": [change[1] for change in changed.values()],
        },
    )
