"""Moments of the calendar in a replay: they come on the shop's clock, in order of instant, customer and trigger.

Whoever was known before the window takes part from its first instant, everybody else from the first fact about them. A
fact about a customer moves the next moment, as in live operation.
"""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg

from engine.dispatch.calendar import Calendar
from engine.replay.standing import known_before

Connection = psycopg.Connection[Any]
_TICK = timedelta(microseconds=1)
_CUSTOMERS = "select id, customer_id from journeys where id = any(%s) order by id"


@dataclass
class Moments:
    """The moments before `to`. They lie on a heap; one that is not its customer's next moment is void."""

    calendar: Calendar
    to: datetime
    _heap: list[tuple[datetime, int, str]] = field(default_factory=list)
    _next: dict[tuple[int, str], datetime | None] = field(default_factory=dict)
    _known: set[int] = field(default_factory=set)

    def begin(self, connection: Connection, start: datetime) -> None:
        """Looks up the next moment of everybody who was known before the window."""
        self._known.update(known_before(connection, start))
        for customer in sorted(self._known):
            self._look_up(connection, customer, start - _TICK, start - _TICK)

    def due(self) -> tuple[datetime, int, str] | None:
        """The next moment before the window's end, whose it is, and of which trigger."""
        while self._heap and self._next[self._heap[0][1:]] != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0] if self._heap else None

    def come(self, connection: Connection, at: datetime, customer: int, digest: str) -> bool:
        """Whether a moment that has come starts its journey; the caller commits."""
        connection.execute("select from customers where id = %s for update", (customer,))
        started = self.calendar.come(connection, digest, customer, at, at)
        self._plan(connection, customer, digest, at, at)
        return started is not None

    def happened(self, connection: Connection, customer: int, at: datetime) -> None:
        """Looks up the next moments of a customer to whom something has happened.

        A moment at this very instant is still to come, unless it is the customer's first.
        """
        self._look_up(connection, customer, at, at - _TICK if customer in self._known else at)
        self._known.add(customer)

    def acted(self, connection: Connection, journeys: Mapping[int, datetime]) -> None:
        """Looks up the next moments of the customers of whom steps of these journeys may have changed something.

        No moment comes twice at the instant of such a step.
        """
        for journey, customer in connection.execute(_CUSTOMERS, (list(journeys),)):
            if customer in self._known:
                self._look_up(connection, customer, journeys[journey], journeys[journey])

    def _look_up(self, connection: Connection, customer: int, at: datetime, after: datetime) -> None:
        for digest in self.calendar.triggers:
            self._plan(connection, customer, digest, at, after)

    def _plan(self, connection: Connection, customer: int, digest: str, at: datetime, after: datetime) -> None:
        due = self.calendar.next(connection, digest, customer, at, after)
        if due != self._next.get((customer, digest)) and due is not None and due < self.to:
            heapq.heappush(self._heap, (due, customer, digest))
        self._next[customer, digest] = due
