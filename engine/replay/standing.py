"""Everyone's standing in a replay: the baseline before its window, and what changes with the shop's clock.

It is decided only as far as some live playbook uses it. Whoever was known before the window is judged at once, as of
the last instant before it; that starts nothing. Who comes to be known inside it is judged by the first happening, and
what that gives may start journeys, as in live operation.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg

from engine.conditions.operands import instant
from engine.dispatch.match import Happening, Matcher
from engine.dispatch.standing import Shift
from engine.dispatch.uses import with_used_standing
from engine.evaluation.processes import Progress
from engine.evaluation.run import Asked, evaluate
from engine.facts.pool import connect
from engine.language.rules import Rules

Connection = psycopg.Connection[Any]

_KNOWN = """
select c.id from customers c
 where (%(ids)s::bigint[] is null or c.id = any(%(ids)s))
   and (c.known_since < %(start)s
        or exists (select from orders o where o.customer_id = c.id and o.placed_at < %(start)s)
        or exists (select from events e where e.customer_id = c.id and e.at < %(start)s)
        or exists (select from site_events s where s.customer_id = c.id and s.at < %(start)s))
 order by c.id
"""
_FLIPS = "select customer_id, next_flip from standings"
_OF_JOURNEYS = """
select customer_id, next_flip from standings where customer_id in (select customer_id from journeys where id = any(%s))
"""


def decides(rules: Rules) -> bool:
    """Whether a replay by these rules has to decide anybody's standing."""
    own = with_used_standing(rules).standing
    return bool(own.tags or own.segments or own.lifecycle or own.tiers or own.rfm)


def known_before(connection: Connection, start: datetime, ids: Sequence[int] | None = None) -> list[int]:
    """Who was known before a window, by the facts: our numbers of the customers, in order. `ids`: of these only."""
    wanted = None if ids is None else list(ids)
    return [row[0] for row in connection.execute(_KNOWN, {"start": start, "ids": wanted})]


def judge_before(url: str, schema: str, rules: Rules, start: datetime, progress: Progress) -> int:
    """Judges everybody known before the window, in the replay's schema; gives how many those are."""
    with connect(url, schema) as connection:
        known = known_before(connection, start)
    # What happens at the window's first instant is inside it.
    before = start - timedelta(microseconds=1)
    used = with_used_standing(rules)
    evaluate(Asked(url, used, before, start, write=True, schema=schema, customers=known), progress)
    return len(known)


@dataclass
class Standing:
    """Judges customers on the shop's clock. `matcher` has the rules with the standing that is used.

    Flips lie on a heap; one that is not its customer's present flip is void.
    """

    matcher: Matcher
    to: datetime
    _flips: list[tuple[datetime, int]] = field(default_factory=list)
    _next: dict[int, datetime | None] = field(default_factory=dict)

    def begin(self, connection: Connection) -> None:
        """Reads who has been judged before the window, and when they flip."""
        for customer, flip in connection.execute(_FLIPS):
            self._plan(customer, flip)

    def acted(self, connection: Connection, journeys: Sequence[int]) -> None:
        """Steps of these journeys may have judged their customers: they flip when that says."""
        for customer, flip in connection.execute(_OF_JOURNEYS, (list(journeys),)):
            if customer in self._next and flip != self._next[customer]:
                self._plan(customer, flip)

    def due(self) -> tuple[datetime, int] | None:
        """The next flip before the window's end, and whose it is."""
        while self._flips and self._next[self._flips[0][1]] != self._flips[0][0]:
            heapq.heappop(self._flips)
        return self._flips[0] if self._flips else None

    def flip(self, connection: Connection, at: datetime, customer: int) -> Happening | None:
        """Judges a customer whose flip has come; gives what changed, if that may start or tell journeys."""
        # The lock is taken as by everybody who changes a standing; the caller commits.
        connection.execute("select from customers where id = %s for update", (customer,))
        return self._judge(connection, customer, at, "flip", None)

    def happened(self, connection: Connection, customer: int, at: datetime, event: int | None) -> Happening | None:
        """Judges a customer to whom something has happened; the caller holds the lock and commits."""
        return self._judge(connection, customer, at, "event", event)

    def _judge(
        self, connection: Connection, customer: int, at: datetime, cause: str, event: int | None
    ) -> Happening | None:
        shift = self.matcher.standings.reevaluate(
            connection,
            customer,
            at,
            cause=cause,
            recorded_at=at,
            event_id=event,
            newcomer=customer not in self._next,
        )
        self._plan(customer, _flip(shift, at))
        if not shift.starting:
            return None
        return Happening.of_changes(customer, shift.starting, instant(shift.kept.standing.at), at, event)

    def _plan(self, customer: int, flip: datetime | None) -> None:
        self._next[customer] = flip
        if flip is not None and flip < self.to:
            heapq.heappush(self._flips, (flip, customer))


def _flip(shift: Shift, at: datetime) -> datetime | None:
    following = shift.kept.next_flip
    # A flip lies after its judgement; should rules ever give one that does not, the clock goes on all the same.
    return None if following is None else max(instant(following), at + timedelta(microseconds=1))
