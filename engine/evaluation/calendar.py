"""Starts journeys at moments of the calendar: birthdays, the eighth of each month.

For each trigger in force and each customer the next moment is stored. It is taken up under the customer's lock, and
goes on to the one after it in the transaction that starts the journey, so each moment starts one journey at most,
however many schedulers there are and wherever one is killed. What is late is taken up when the schedule runs again.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg

from engine.dispatch.calendar import Calendar

Connection = psycopg.Connection[Any]
BATCH = 200
_MARGIN = timedelta(minutes=1)
"""A change of facts that was under way when everybody's moments were checked has been committed by then."""

_COME_INTO_FORCE = """
insert into calendar_triggers (trigger, playbook, since, checked_at) values (%s, %s, %s, %s)
on conflict (trigger) do nothing
"""
_NO_LONGER = "delete from calendar_triggers where not trigger = any(%s)"
# The customer is locked first, as by everybody who changes a standing. Who is being changed is taken the next time.
_DUE = """
select c.id from customers c
 where c.id in (select customer_id from calendar_dues where trigger = any(%(triggers)s) and due_at <= %(now)s)
 order by c.id limit %(limit)s for update of c skip locked
"""
# Asked after the lock has been got: another schedule may have taken the moment up before.
_DUES_OF = """
select trigger, due_at from calendar_dues
 where customer_id = %(customer)s and trigger = any(%(triggers)s) and due_at <= %(now)s order by due_at, trigger
"""
_TAKEN_UP = "update calendar_dues set due_at = %s, last_at = %s where trigger = %s and customer_id = %s"
_UNKNOWN = """
from customers c cross join calendar_triggers t
left join calendar_dues d on d.trigger = t.trigger and d.customer_id = c.id
where t.trigger = any(%(triggers)s) and (d.customer_id is null or d.fact_version <> c.fact_version)
"""
_CHECKED = f"""
update calendar_triggers set checked_at = %(at)s
 where trigger = any(%(triggers)s) and checked_at < %(at)s and not exists (select {_UNKNOWN})
"""  # noqa: S608 -- our own parts, values as parameters
_UNKNOWN_CUSTOMERS = f"""
select id from customers where id in (select c.id {_UNKNOWN}) order by id limit %(limit)s for update skip locked
"""  # noqa: S608 -- likewise
_UNKNOWN_OF = f"""
select t.trigger, c.fact_version, d.last_at,
       case when d.customer_id is null then greatest(t.since, c.recorded_at)
            else greatest(t.since, t.checked_at, d.last_at) end
  {_UNKNOWN} and c.id = %(customer)s order by t.trigger
"""
_PLAN = """
insert into calendar_dues (trigger, customer_id, due_at, last_at, fact_version) values (%s, %s, %s, %s, %s)
on conflict (trigger, customer_id) do update set due_at = excluded.due_at, fact_version = excluded.fact_version
"""


def come_into_force(connection: Connection, calendar: Calendar, now: datetime) -> None:
    """Notes which triggers are in force, from now on those that were not; forgets all others. It commits."""
    with connection.transaction():
        for digest, each in calendar.triggers.items():
            connection.execute(_COME_INTO_FORCE, (digest, each.plan.playbook, now, now))
        connection.execute(_NO_LONGER, (list(calendar.triggers),))


def evaluate_calendar(connection: Connection, calendar: Calendar, now: datetime, limit: int = BATCH) -> int:
    """Takes up the moments of one batch of customers, or looks up those of a batch; commits; gives how many customers.

    Args:
        connection: outside a transaction.
        calendar: the triggers in force.
        now: the wall clock's instant.
        limit: the most customers of one batch.

    Returns:
        0 when nobody is due and everybody's next moment is known.
    """
    triggers = list(calendar.triggers)
    if not triggers:
        return 0
    asked = {"triggers": triggers, "now": now, "limit": limit}
    with connection.transaction():
        customers = _locked(connection, _DUE, asked)
        for customer in customers:
            _take_up(connection, calendar, customer, now)
    if customers:
        return len(customers)
    with connection.transaction():
        connection.execute(_CHECKED, {"triggers": triggers, "at": now - _MARGIN})
        customers = _locked(connection, _UNKNOWN_CUSTOMERS, asked)
        for customer in customers:
            _look_up(connection, calendar, customer, now)
    return len(customers)


def _locked(connection: Connection, query: str, asked: dict[str, Any]) -> Sequence[int]:
    return [row[0] for row in connection.execute(query, asked).fetchall()]


def _take_up(connection: Connection, calendar: Calendar, customer: int, now: datetime) -> None:
    asked = {"customer": customer, "triggers": list(calendar.triggers), "now": now}
    for digest, due in connection.execute(_DUES_OF, asked).fetchall():
        calendar.come(connection, digest, customer, due, now)
        following = calendar.next(connection, digest, customer, due, due)
        connection.execute(_TAKEN_UP, (following, due, digest, customer))


def _look_up(connection: Connection, calendar: Calendar, customer: int, now: datetime) -> None:
    asked = {"customer": customer, "triggers": list(calendar.triggers)}
    for digest, version, last, after in connection.execute(_UNKNOWN_OF, asked).fetchall():
        due = calendar.next(connection, digest, customer, now, after)
        connection.execute(_PLAN, (digest, customer, due, last, version))
