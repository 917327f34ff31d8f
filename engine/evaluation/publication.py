"""Publishes cut-offs again when the policy's calendar says so, as a bulk run by the worker.

Several workers may try: one holds a lock as long as its run lasts, the others leave it alone. A run that did not come
to its end is made again; those who had been judged by then do not change.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from engine.calendar.publication import last_publication
from engine.dispatch.held import HOW
from engine.dispatch.in_force import MovedOnError
from engine.evaluation.run import Asked, Result, evaluate
from engine.facts.pool import connect
from engine.language.rules import Rules

Connection = psycopg.Connection[Any]
log = logging.getLogger("regulars.standing")

# Of this database and schema: a replay beside the shop has a lock of its own.
_LOCK = "select pg_try_advisory_lock(hashtext('regulars.publication'), hashtext(current_schema()))"
# The first evaluation is the operator's; from then on the calendar counts from the latest run that came to its end.
_LATEST = "select max(as_of) from cut_offs where judged_at is not null"


class StoppedError(Exception):
    """The worker is to end before everybody has been judged."""


@dataclass(frozen=True)
class Publication:
    """Publishes the cut-offs of these rules, in the database that is named."""

    url: str
    rules: Rules
    schema: str = "public"
    mirror: Path | None = None
    """Where the columnar mirror of the facts is kept; without it customers are judged one after the other."""

    def if_due(self, now: datetime, stopped: Callable[[], bool] = lambda: False) -> Result | None:
        """Judges everybody by new cut-offs as of the calendar's latest instant, once however many were missed.

        None: it is not due, another worker is at it, or it was `stopped` or overtaken by other rules and is made later.
        """

        def told(_what: str, _done: int, _total: int) -> None:
            if stopped():
                raise StoppedError

        due = self._due_at(now)
        if due is None:
            return None
        with connect(self.url, self.schema) as connection:
            connection.autocommit = True
            if not _row(connection, _LOCK) or not self._is_due(connection, due):
                return None
            try:
                asked = Asked(self.url, self.rules, due, now, write=True, schema=self.schema, mirror=self.mirror)
                result = evaluate(asked, told)
            except (StoppedError, MovedOnError):
                return None
        log.info("cut-offs published as of %s; %d journeys started", due.isoformat(), result.journeys)
        if result.held:
            log.warning("%d journeys at once by new cut-offs are held: %s", result.held, HOW)
        return result

    def _due_at(self, now: datetime) -> datetime | None:
        policy, standing = self.rules.policy, self.rules.standing
        if policy.publication is None or (standing.tiers is None and standing.rfm is None):
            return None
        due = last_publication(policy.publication, now, policy.zone)
        with connect(self.url, self.schema) as connection:
            return due if self._is_due(connection, due) else None

    def _is_due(self, connection: Connection, due: datetime) -> bool:
        latest = _row(connection, _LATEST)
        return latest is not None and latest < due


def _row(connection: Connection, query: str) -> Any:  # noqa: ANN401 -- whatever the query gives
    row = connection.execute(query).fetchone()
    return row[0] if row else None
