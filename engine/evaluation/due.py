"""Judges the customers whose standing is due: a flip has come, or facts came that no event told."""

from datetime import datetime, timedelta
from typing import Any

import psycopg

from engine.conditions.operands import instant
from engine.dispatch.match import Happening, Matcher
from engine.facts.pool import plan_by_keys

Connection = psycopg.Connection[Any]
BATCH = 200
_MOST_FLIPS = 1000
"""Of one customer in one go; who has more behind is taken again."""

# The customer is locked first, as by everybody who changes a standing. Who is being changed is taken the next time.
# Those due longest are looked up first, a few more than are taken for those whom others have: in the customers' order
# the database would walk past everybody who is not due.
_DUE = """
with due as materialized (
    select customer_id from standings where next_flip <= %(now)s order by next_flip limit %(limit)s * 8
)
select c.id from customers c join standings s on s.customer_id = c.id
 where c.id = any(array(select customer_id from due)) and s.next_flip <= %(now)s
 order by c.id limit %(limit)s for update of c skip locked
"""
# Only where everybody has been judged before: else the first evaluation is the operator's, also while it runs. Who came
# is noted by the database; some of those who have been judged since, by events of theirs, are forgotten each time.
_JUDGED = """
with came as materialized (
    select customer_id from newcomers where exists (select from cut_offs where judged_at is not null)
     order by customer_id limit 1000
)
delete from newcomers n using came join standings s using (customer_id) where n.customer_id = came.customer_id
"""
_NEW = """
select c.id from newcomers n join customers c on c.id = n.customer_id
 where exists (select from cut_offs where judged_at is not null)
   and not exists (select from standings s where s.customer_id = n.customer_id)
 order by c.id limit %(limit)s for update of c skip locked
"""


def evaluate_due(connection: Connection, matcher: Matcher, now: datetime, limit: int = BATCH) -> int:
    """Judges one batch and commits; gives how many customers it held, 0 when nobody is due.

    Each flip is judged as of its own instant, also when it is heard of late, so what follows does not depend on when
    this runs.

    Args:
        connection: outside a transaction.
        matcher: the rules in force.
        now: the wall clock's instant.
        limit: the most customers of one batch.
    """
    if not matcher.standings.any:
        return 0
    with connection.transaction():
        plan_by_keys(connection)
        due = connection.execute(_DUE, {"now": now, "limit": limit}).fetchall()
        for (customer,) in due:
            _catch_up(connection, matcher, customer, now)
        new = [] if due else _newcomers(connection, limit)
        for customer in new:
            _judge(connection, matcher, customer, now, now)
    return len(due) + len(new)


def _newcomers(connection: Connection, limit: int) -> list[int]:
    """Some who came and have no standing yet, locked."""
    connection.execute(_JUDGED)
    return [customer for (customer,) in connection.execute(_NEW, {"limit": limit})]


def _catch_up(connection: Connection, matcher: Matcher, customer: int, now: datetime) -> None:
    row = connection.execute(
        "select next_flip, fact_version from standings where customer_id = %s", (customer,)
    ).fetchone()
    assert row is not None  # it has just been found
    flip, version = row
    if version < 0:
        flip = now  # facts of an import have no instant at which they were told
    for _ in range(_MOST_FLIPS):
        following = _judge(connection, matcher, customer, flip, now)
        if following is None or following > now:
            return
        flip = max(following, flip + timedelta(microseconds=1))


def _judge(connection: Connection, matcher: Matcher, customer: int, at: datetime, now: datetime) -> datetime | None:
    """Judges one customer, starts and tells journeys, and gives the next flip."""
    shift = matcher.standings.reevaluate(connection, customer, at, cause="flip", recorded_at=now)
    if shift.starting:
        as_of = instant(shift.kept.standing.at)
        matcher.match(connection, Happening.of_changes(customer, shift.starting, as_of, now, None))
    return None if shift.kept.next_flip is None else instant(shift.kept.next_flip)
