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
"""


def read_steps(connection: psycopg.Connection[Any], journey_id: int, at: datetime) -> dict[str, frozenset[str]]:
    """The states of each step that sent a message: the message's own, and what was heard of it.

    Args:
        connection: an open connection whose `search_path` has the tables.
        journey_id: our number of the journey.
        at: the instant; what came after it is left out.
    """
    states: defaultdict[str, set[str]] = defaultdict(set)
    for step, state in connection.execute(_STATES, {"journey": journey_id, "at": at}):
        states[step].add(state)
    return {step: frozenset(found) for step, found in states.items()}
