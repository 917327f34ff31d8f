"""What activities work with: the database, the rules' versions, the providers of channels, and a clock."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from activities.providers.provider import Provider
from activities.timings import Timings
from engine.dispatch.in_force import InForce
from engine.dispatch.versions import StoredVersions
from engine.facts.reporting import Reporting
from engine.journeys.wire import Clock
from engine.language.rules import Rules
from engine.own import OwnActivity
from engine.policy import Policy

T = TypeVar("T")
Connection = psycopg.Connection[Any]

_PAUSES = (0.1, 0.5, 1.0, 2.0, 4.0)


def wall_clock() -> datetime:
    """The present instant."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Context:
    """Shared by all activities of a worker. `providers` by channel; `in_force` gives the rules in force now.

    `own` are the activities of the project's own by name; None: known, and never called, as in a replay.
    """

    pool: ConnectionPool
    versions: StoredVersions
    in_force: InForce
    providers: Mapping[str, Provider]
    reporting: Reporting
    own: Mapping[str, OwnActivity | None] = field(default_factory=dict)
    now: Callable[[], datetime] = wall_clock
    calls_while_held: bool = False
    """Whether somebody outside is told although the shop's clock is held: in tests, which answer themselves."""
    timings: Timings = field(default_factory=Timings)

    @property
    def rules(self) -> Rules:
        """The rules in force now."""
        return self.in_force.current

    @property
    def policy(self) -> Policy:
        """The policy in force now."""
        return self.rules.policy

    def moment(self, at: datetime, clock: Clock) -> datetime:
        """As of when something is decided: now, or, where the shop's clock is held, the logical instant."""
        return at if clock == "held" else max(at, self.now())

    async def transaction(self, work: Callable[[Connection], T]) -> T:
        """Runs work in one database transaction on a thread of its own."""
        return await asyncio.to_thread(self._transaction, work)

    async def insist(self, work: Callable[[Connection], T]) -> T:
        """Like `transaction`, but tried again when the database goes away: for what must not be forgotten.

        The work may be done twice, where a commit's answer was lost.
        """
        for pause in _PAUSES:
            try:
                return await self.transaction(work)
            except (psycopg.OperationalError, PoolTimeout):
                await asyncio.sleep(pause)
        return await self.transaction(work)

    def _transaction(self, work: Callable[[Connection], T]) -> T:
        with self.pool.connection() as connection:
            self.in_force.look(connection)
            return work(connection)
