"""The minute schedule, until told to stop.

It finishes what an `apply` left undone, takes in events that had to wait, lets points expire, judges who is due, starts
what the calendar starts, and publishes cut-offs. The rules in force are asked for again and again: others may come.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool

from engine.dispatch.accept import accept_waiting
from engine.dispatch.calendar import Calendar
from engine.dispatch.in_force import MovedOnError
from engine.dispatch.match import Matcher
from engine.dispatch.points import expire_points
from engine.evaluation.calendar import come_into_force, evaluate_calendar
from engine.evaluation.due import evaluate_due
from engine.evaluation.publication import Publication, StoppedError
from engine.evaluation.settle import Settling
from engine.logs import described

log = logging.getLogger("regulars.standing")


@dataclass(frozen=True)
class Minute:
    """Runs again `seconds` after it has ended. `matcher` is asked for each batch: other rules may come into force.

    Twice a minute, so that all that is due within it has been done by its end.
    """

    pool: ConnectionPool
    matcher: Callable[[psycopg.Connection[Any]], Matcher]
    seconds: float = 30.0
    publication: Publication | None = None
    settling: Settling | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop; a failure is said and tried again."""
        while not stop.is_set():
            try:
                await asyncio.to_thread(self.once, datetime.now(UTC), stop.is_set)
            except Exception as error:  # noqa: BLE001 - whatever fails here must not end the schedule
                # Not its text, which could quote a customer's data.
                log.warning("those who are due could not be judged: %s", type(error).__name__, extra=described(error))
            try:
                await asyncio.wait_for(stop.wait(), self.seconds)
            except TimeoutError:
                continue

    def once(self, now: datetime, stopped: Callable[[], bool] = lambda: False) -> int:
        """Accepts waiting events, judges everybody who is due by `now`, and gives how many those are.

        Moments of the calendar come after flips, so that `only_if` sees what holds then. Cut-offs come last: who flips
        before they are published again is judged by those that held then.
        Stopped, it ends with the batch at hand; the others are due as before.
        """
        judged = 0
        if self.settling is not None and not stopped():
            self._settle(self.settling, now, stopped)
        with self.pool.connection() as connection:
            accept_waiting(connection, self.matcher(connection), now)
        with self.pool.connection() as connection:
            connection.autocommit = True
            try:
                while not stopped() and expire_points(connection, self.matcher(connection), now):
                    continue
                while not stopped() and (found := evaluate_due(connection, self.matcher(connection), now)):
                    judged += found
                matcher = self.matcher(connection)
                calendar = Calendar(matcher)
                come_into_force(connection, calendar, now)
                while not stopped() and evaluate_calendar(connection, calendar, now):
                    continue
            finally:
                connection.autocommit = False
        if self.publication is not None and not stopped():
            replace(self.publication, rules=matcher.rules).if_due(now, stopped)
        return judged

    def _settle(self, settling: Settling, now: datetime, stopped: Callable[[], bool]) -> None:
        """What an `apply` that was killed has left; stopped midway it goes on the next time."""

        def told(_what: str, _done: int, _total: int) -> None:
            if stopped():
                raise StoppedError

        try:
            done = settling.if_left(now, told)
        except (StoppedError, MovedOnError):
            return
        if done is not None:
            log.info(
                "the rules in force have been applied to %d customers; %d journeys started",
                done.customers,
                done.started,
            )
