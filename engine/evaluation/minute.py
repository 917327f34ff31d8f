"""The minute schedule: judges who is due, again and again until told to stop."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from psycopg_pool import ConnectionPool

from engine.dispatch.match import Matcher
from engine.evaluation.due import evaluate_due

log = logging.getLogger("regulars.standing")


@dataclass(frozen=True)
class Minute:
    """Runs `evaluate_due` every `seconds` with the wall clock."""

    pool: ConnectionPool
    matcher: Matcher
    seconds: float = 60.0

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop; a failure is said and tried again."""
        while not stop.is_set():
            try:
                await asyncio.to_thread(self.once, datetime.now(UTC))
            except Exception as error:  # noqa: BLE001 - whatever fails here must not end the schedule
                log.warning("those who are due could not be judged: %s: %s", type(error).__name__, error)
            try:
                await asyncio.wait_for(stop.wait(), self.seconds)
            except TimeoutError:
                continue

    def once(self, now: datetime) -> int:
        """Judges everybody who is due by `now` and gives how many."""
        judged = 0
        with self.pool.connection() as connection:
            connection.autocommit = True
            try:
                while found := evaluate_due(connection, self.matcher, now):
                    judged += found
            finally:
                connection.autocommit = False
        return judged
