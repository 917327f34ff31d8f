"""Whether a journey has been stopped, asked under its customer's lock before anything of it takes effect.

The facts are asked, not the journey's signals: a payment counts from the moment its transaction commits, also while its
signal is on the way and when the fact came by an import that sends none.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg

from engine.facts.matching import EventMatcher
from engine.facts.occurrence import Whose, first_occurrence
from engine.facts.since import Occurrence, Since
from engine.journeys.plan import Plan, Trigger

Connection = psycopg.Connection[Any]
Journey = Mapping[str, Any]
"""A journey's customer_id, subject, subject_id, state, outcome and stopped_at, started_at, started_by (a kind)."""


def find_stop(
    connection: Connection, journey: Journey, plan: Plan, moment: datetime, matcher: EventMatcher
) -> Occurrence | None:
    """What has stopped the journey as of the moment: as written by the event's intake, or else by the facts."""
    if journey["state"] == "stopped":
        return Occurrence(journey["outcome"], journey["stopped_at"])
    return _first(connection, journey, plan.stop, moment, matcher)


def occurred(
    connection: Connection,
    journey: Journey,
    triggers: Sequence[Trigger],
    moment: datetime,
    matcher: EventMatcher,
) -> bool:
    """Whether one of the triggers has happened to the journey's subject as of the moment."""
    return _first(connection, journey, triggers, moment, matcher) is not None


def write_stop(connection: Connection, journey: int, stop: Occurrence) -> None:
    """Writes the stop, unless the journey is over already; the caller commits."""
    connection.execute(
        """update journeys set state = 'stopped', outcome = %s, stopped_at = %s, ended_at = %s
            where id = %s and state = 'running'""",
        (stop.event, stop.at, stop.at, journey),
    )


def _first(
    connection: Connection,
    journey: Journey,
    triggers: Sequence[Trigger],
    moment: datetime,
    matcher: EventMatcher,
) -> Occurrence | None:
    return first_occurrence(
        connection,
        triggers,
        Whose.of(journey),
        since=Since(journey["started_at"], journey["started_by"]),
        until=moment,
        matcher=matcher,
    )
