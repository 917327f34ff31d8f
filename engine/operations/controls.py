"""What people do to journeys and playbooks: pause, resume, cancel, kill. Who did it, when and why is kept.

A pause is a flag that every send reads under lock, so it holds from its commit on; a journey that waits goes on waiting
and is held back at its next send. Who resumes ends the waits of those held back, through the outbox. A cancellation is
written at once, which nothing gets past, and Temporal is told likewise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import psycopg
from psycopg.rows import class_row, dict_row

from engine.dispatch import outbox
from engine.journeys.interpreter import wait_of
from engine.messages.record import skip_waiting_calls, skip_waiting_messages

Connection = psycopg.Connection[Any]
JourneyAction = Literal["pause", "resume", "cancel"]
PlaybookAction = Literal["pause", "resume", "kill"]
State = Literal["running", "waiting", "paused"]

BATCH = 200
EVERY = "*"
"""In place of a playbook's name: all of them."""

# Only those on which the action has something to do, so that an interrupted command goes on where it ended.
_OPEN = {"pause": "j.paused_at is null", "resume": "j.paused_at is not null", "cancel": "true"}
_IN_STATE = {
    None: "true",
    "running": "true",
    "paused": "j.paused_at is not null",
    "waiting": """not exists (select from outbox o where o.journey_id = j.id and o.done_at is null) and not exists
        (select from messages m where m.journey_id = j.id and m.state in ('reserved', 'in_flight'))""",
}
_SELECT = """
select j.id, j.customer_id from journeys j
 where j.state = 'running' and j.id > %(after)s and {open} and {state}
   and (%(ids)s::text[] is null or j.workflow_id = any(%(ids)s))
   and (%(playbook)s::text is null or j.playbook = %(playbook)s)
 order by j.id limit %(limit)s
"""
# The customers first and in their order, as everybody locks them who decides over journeys.
_LOCK_CUSTOMERS = "select from customers where id = any(%s) order by id for update"
_LOCK = "select id from journeys where id = any(%s) and state = 'running' order by id for update"
_PAUSE = """
update journeys set paused_at = %(now)s, paused_by = %(author)s, pause_reason = %(reason)s
 where id = any(%(ids)s) and paused_at is null returning id
"""
_RESUME = """
update journeys set paused_at = null, paused_by = null, pause_reason = null
 where id = any(%(ids)s) and paused_at is not null returning id
"""
_CANCEL = """
update journeys set state = 'cancelled', outcome = 'cancelled', ended_at = %(now)s
 where id = any(%(ids)s) and state = 'running' returning id
"""
_NOTE = """
insert into actions (action, journey_id, playbook, author, reason, at)
select %(action)s, j.id, j.playbook, %(author)s, %(reason)s, %(now)s from journeys j where j.id = any(%(ids)s)
"""
_HELD_BACK = """
select m.journey_id, m.step, m.until from messages m join journeys j on j.id = m.journey_id
 where m.state = 'deferred' and m.reason = any(%(reasons)s) and j.state = 'running'
   and (%(ids)s::bigint[] is null or j.id = any(%(ids)s))
   and (%(playbook)s::text is null or j.playbook = %(playbook)s)
 order by m.id
"""
_CALLS_HELD_BACK = """
select c.journey_id, c.step, c.at from calls c join journeys j on j.id = c.journey_id
 where c.state = 'open' and c.reason = any(%(reasons)s) and j.state = 'running'
   and (%(ids)s::bigint[] is null or j.id = any(%(ids)s))
   and (%(playbook)s::text is null or j.playbook = %(playbook)s)
 order by c.id
"""
_PAUSES = ("journey_paused", "playbook_paused", "all_paused")
_NOTE_PLAYBOOK = "insert into actions (action, playbook, author, reason, at) values (%s, %s, %s, %s, %s)"
_SET = """
insert into playbook_controls (playbook, state, author, reason, at) values (%s, %s, %s, %s, %s)
on conflict (playbook) do update
   set state = excluded.state, author = excluded.author, reason = excluded.reason, at = excluded.at
"""
_HISTORY = """
select a.action, a.playbook, a.author, a.reason, a.at from actions a
 where (%(journey)s::bigint is null and a.journey_id is null or a.journey_id = %(journey)s)
   and (%(playbook)s::text is null or a.playbook in (%(playbook)s, '*')) order by a.at desc, a.id desc limit %(limit)s
"""
_OUTSTANDING = """
select (select count(distinct journey_id) from outbox where journey_id = any(%(ids)s) and done_at is null) as untold,
       (select count(distinct journey_id) from messages
         where journey_id = any(%(ids)s) and state in ('reserved', 'in_flight')) as sending
"""


@dataclass(frozen=True)
class Selection:
    """Journeys that are not over: by their workflow ids, their playbook, their state; all three must hold."""

    ids: tuple[str, ...] | None = None
    playbook: str | None = None
    state: State | None = None


@dataclass(frozen=True)
class Order:
    """What is done, by whom and why."""

    action: JourneyAction
    author: str
    reason: str


@dataclass(frozen=True)
class Action:
    """What somebody did, for the history."""

    action: str
    playbook: str
    author: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class Outstanding:
    """Of cancelled journeys: those that Temporal has not been told of, and those with a message on its way."""

    untold: int
    sending: int


def act(
    connection: Connection, order: Order, selection: Selection, now: datetime, after: int = 0, limit: int = BATCH
) -> tuple[list[int], int | None]:
    """Does it to one batch of journeys; the caller commits.

    Args:
        connection: in a transaction.
        order: what to do.
        selection: to which journeys.
        now: the wall clock's instant.
        after: the last journey of the batch before.
        limit: the most journeys of one batch.

    Returns:
        The journeys it was done to, and the last one looked at: None when there are no more.
    """
    query = _SELECT.format(open=_OPEN[order.action], state=_IN_STATE[selection.state])
    ids = list(selection.ids) if selection.ids is not None else None
    wanted = {"after": after, "ids": ids, "playbook": selection.playbook, "limit": limit}
    found = connection.execute(query, wanted).fetchall()
    if not found:
        return [], None
    done = _do(connection, order, [row[0] for row in found], [row[1] for row in found], now)
    return done, found[-1][0]


def _do(
    connection: Connection, order: Order, journeys: Sequence[int], customers: Sequence[int], now: datetime
) -> list[int]:
    connection.execute(_LOCK_CUSTOMERS, (list(customers),))
    locked = [row[0] for row in connection.execute(_LOCK, (list(journeys),))]
    statement = {"pause": _PAUSE, "resume": _RESUME, "cancel": _CANCEL}[order.action]
    values = {"ids": locked, "author": order.author, "reason": order.reason, "now": now}
    done = sorted(row[0] for row in connection.execute(statement, values))
    connection.execute(_NOTE, {**values, "ids": done, "action": order.action})
    if order.action == "cancel":
        for journey in done:
            # Temporal keeps what it is told. The author's words may name a customer and stay here.
            outbox.put(connection, journey, "cancel", now, {"reason": "cancelled"})
            skip_waiting_messages(connection, journey, "cancelled", now)
            skip_waiting_calls(connection, journey, "cancelled", now)
    if order.action == "resume":
        _ask_again(connection, now, journeys=done)
    return done


def _ask_again(
    connection: Connection, now: datetime, *, journeys: Sequence[int] | None = None, playbook: str | None = None
) -> None:
    """Ends the waits of messages and calls that a pause held back; what else may hold them is asked as ever."""
    wanted = {"reasons": list(_PAUSES), "ids": None if journeys is None else list(journeys), "playbook": playbook}
    for query in (_HELD_BACK, _CALLS_HELD_BACK):
        for journey, step, until in connection.execute(query, wanted).fetchall():
            outbox.put(connection, journey, "event", now, {"wait": wait_of(step, until)})


def outstanding(connection: Connection, journeys: Sequence[int]) -> Outstanding:
    """What is still to be heard of cancelled journeys."""
    with connection.cursor(row_factory=class_row(Outstanding)) as cursor:
        found = cursor.execute(_OUTSTANDING, {"ids": list(journeys)}).fetchone()
    return found or Outstanding(0, 0)


def control(
    connection: Connection, action: PlaybookAction, playbook: str, author: str, reason: str, now: datetime
) -> bool:
    """Pauses, kills or lets go on a playbook or `*`, and says whether that was news; the caller commits."""
    row = connection.execute(
        "select state from playbook_controls where playbook = %s for update", (playbook,)
    ).fetchone()
    wanted = {"pause": "paused", "kill": "killed", "resume": None}[action]
    if (row[0] if row else None) == wanted:
        return False
    if wanted is None:
        connection.execute("delete from playbook_controls where playbook = %s", (playbook,))
        _ask_again(connection, now, playbook=None if playbook == EVERY else playbook)
    else:
        connection.execute(_SET, (playbook, wanted, author, reason, now))
    connection.execute(_NOTE_PLAYBOOK, (action, playbook, author, reason, now))
    return True


def history_of_journey(connection: Connection, journey: int) -> list[dict[str, Any]]:
    """What people did to a journey, latest first."""
    return _history(connection, journey, None)


def history_of_playbooks(connection: Connection, playbook: str | None = None) -> list[dict[str, Any]]:
    """What people did to playbooks, or to one and to all at once, latest first."""
    return _history(connection, None, playbook)


def _history(connection: Connection, journey: int | None, playbook: str | None) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        wanted = {"journey": journey, "playbook": playbook, "limit": 50}
        return cursor.execute(_HISTORY, wanted).fetchall()
