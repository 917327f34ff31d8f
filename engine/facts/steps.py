"""What has become of a journey's steps, as of an instant."""

from collections import defaultdict
from datetime import datetime
from typing import Any

import psycopg

_STATES = """
select m.step, m.state from messages m where m.journey_id = %(journey)s and m.at <= %(at)s
union
select m.step, x.kind from messages m join message_events x on x.message_id = m.id
 where m.journey_id = %(journey)s and x.at <= %(at)s
union
select task, 'closed' from (
    select distinct on (task) task, closed_at from tasks where journey_id = %(journey)s and opened_at <= %(at)s
     order by task, opened_at desc, id desc
) t where closed_at <= %(at)s
union
select c.step, 'redeemed' from calls c join coupons v on v.key = c.key
 where c.journey_id = %(journey)s and v.redeemed_at <= %(at)s
union
select step, state from (
    select distinct on (step) step, state from calls where journey_id = %(journey)s and at <= %(at)s
     order by step, iteration desc
) c
"""

_ANSWERS = """
select distinct on (step) step, answer from calls where journey_id = %(journey)s and at <= %(at)s
 order by step, iteration desc
"""


def read_steps(connection: psycopg.Connection[Any], journey_id: int, at: datetime) -> dict[str, frozenset[str]]:
    """The states of each step that sent a message, called something, gave a coupon or opened a task.

    Args:
        connection: an open connection whose `search_path` has the tables.
        journey_id: our number of the journey.
        at: the instant; what came after it is left out.
    """
    states: defaultdict[str, set[str]] = defaultdict(set)
    for step, state in connection.execute(_STATES, {"journey": journey_id, "at": at}):
        states[step].add(state)
    return {step: frozenset(found) for step, found in states.items()}


def read_answers(
    connection: psycopg.Connection[Any], journey_id: int, at: datetime
) -> dict[str, bool | int | str | None]:
    """What steps that called something were answered: each field by the name that conditions have for it.

    Of a step that was taken several times the latest answer counts.
    """
    rows = connection.execute(_ANSWERS, {"journey": journey_id, "at": at})
    return {f"step.{step}.{name}": value for step, answer in rows for name, value in answer.items()}
