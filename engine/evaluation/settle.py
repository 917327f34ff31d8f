"""What follows when rules have come into force: everybody whom the edited ones concern is judged by them.

It can be stopped and begun again at any point. Who is to be judged is told by each one's own standing, so nobody is
judged in vain; one process at a time is at it, by a lock that ends with the process.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from engine.dispatch.held import HOW, begin, hold, too_many
from engine.dispatch.in_force import Row, history, last, settle
from engine.dispatch.match import Matcher
from engine.dispatch.standing import Standings
from engine.dispatch.versions import StoredVersions
from engine.evaluation.edited import edited_parts, new_triggers
from engine.evaluation.existing import start_existing
from engine.evaluation.processes import Progress
from engine.evaluation.run import Asked, evaluate
from engine.facts.currency import reporting_currency
from engine.facts.event_contracts import load_contracts
from engine.facts.matching import EventMatcher
from engine.facts.pool import connect
from engine.language.rules import Rules

Connection = psycopg.Connection[Any]
log = logging.getLogger("regulars.standing")

_LOCK = "select pg_try_advisory_lock(hashtext('regulars.settle'), hashtext(current_schema()))"
_CONCERNED = """
select c.id from customers c left join standings s on s.customer_id = c.id
 where s.customer_id is null or s.version <> %s order by c.id
"""
_LEFT_HELD = "select id from journeys where state = 'held' and version = %s and recorded_at >= %s order by id"
AT_ONCE = 5_000
"""Customers above whom everybody is judged at once over the mirror, where there is one."""
_LONGEST = 10_000
"""Versions looked back to for the last one by which everybody had been judged."""


@dataclass
class Settled:
    """What came of it: changes by (kind, from, to), and journeys that started or are held as too many at once."""

    customers: int = 0
    changes: Counter[tuple[str, str | None, str | None]] = field(default_factory=Counter)
    started: int = 0
    held: int = 0


@dataclass(frozen=True)
class Settling:
    """Makes everybody's standing that of the rules in force, in the database that is named.

    `mirror` is where the columnar mirror of the facts is kept; without it customers are judged one after the other.
    """

    url: str
    versions: StoredVersions = field(default_factory=StoredVersions)
    schema: str = "public"
    mirror: Path | None = None

    def if_left(self, now: datetime, progress: Progress = lambda _what, _done, _total: None) -> Settled | None:
        """Does what is left to do. None: nothing is, or another process is at it.

        Raises:
            MovedOnError: another version has come into force meanwhile, which is settled by itself.
        """
        with connect(self.url, self.schema) as connection:
            connection.autocommit = True
            row = last(connection)
            if row is None or row.settled_at is not None or not _got(connection):
                return None
            row = last(connection)
            assert row is not None  # there was one before
            return None if row.settled_at is not None else self._settle(connection, row, now, progress)

    def _settle(self, connection: Connection, row: Row, now: datetime, progress: Progress) -> Settled:
        rules, done = self.versions.get(connection, row.version), Settled()
        concerned, anew = self._since_settled(connection, row, rules)
        if concerned:
            self._judge(connection, rules, concerned, now, done, progress)
        matcher = _matcher(connection, rules, self.versions)
        if row.start_existing:
            for started in start_existing(connection, matcher, row, anew, now):
                done.started += len(started)
                if rules.policy.mass_start is not None:
                    hold(connection, started)
        _begin_held(connection, matcher, row, now, done)
        settle(connection, row, now)
        return done

    def _since_settled(
        self, connection: Connection, row: Row, rules: Rules
    ) -> tuple[frozenset[str], Mapping[str, Any]]:
        """The parts edited since everybody was judged last, and the triggers that are new since then."""
        concerned: frozenset[str] = frozenset()
        after: Rules = rules
        for before in _before(connection, row):
            known = self._known(connection, before.version)
            concerned |= edited_parts(known, after)
            if known is None or before.settled_at is not None:
                return concerned, new_triggers(known, rules)
            after = known
        return concerned | edited_parts(None, after), new_triggers(None, rules)

    def _known(self, connection: Connection, version: str) -> Rules | None:
        """The rules of a version; none where this engine can no longer make them of its files."""
        try:
            return self.versions.get(connection, version)
        except LookupError:
            return None

    def _judge(
        self,
        connection: Connection,
        rules: Rules,
        concerned: frozenset[str],
        now: datetime,
        done: Settled,
        progress: Progress,
    ) -> None:
        """Everybody who stands by another version; again for those whom a slow transaction has judged meanwhile."""
        currency = reporting_currency(connection, rules.policy.currency)
        published = Standings(rules, self.versions, currency).published(connection)
        before: Sequence[int] = ()
        while (ids := _concerned(connection, rules.version)) and ids != before:
            mirror = self.mirror if len(ids) > AT_ONCE else None
            asked = Asked(
                self.url, rules, now, now, write=True, schema=self.schema, published=published, baseline=concerned,
                customers=None if mirror else ids, mirror=mirror,
            )  # fmt: skip
            result = evaluate(asked, progress)
            done.customers += result.tally.customers
            done.started += result.journeys
            done.held += result.held
            for (kind, old, new, _), count in result.tally.changes.items():
                done.changes[kind, old, new] += count
            before = ids


def _before(connection: Connection, row: Row) -> Iterator[Row]:
    return (each for each in history(connection, _LONGEST) if each.id < row.id)


def _got(connection: Connection) -> bool:
    row = connection.execute(_LOCK).fetchone()
    return bool(row and row[0])


def _concerned(connection: Connection, version: str) -> Sequence[int]:
    return [row[0] for row in connection.execute(_CONCERNED, (version,))]


def _matcher(connection: Connection, rules: Rules, versions: StoredVersions) -> Matcher:
    currency = reporting_currency(connection, rules.policy.currency)
    return Matcher(rules, versions, EventMatcher(load_contracts(), currency))


def _begin_held(connection: Connection, matcher: Matcher, row: Row, now: datetime, done: Settled) -> None:
    """Begins what was held back until the end, or leaves it to a person; also what a killed process had held."""
    left = [each[0] for each in connection.execute(_LEFT_HELD, (row.version, row.at))]
    if matcher.rules.policy.mass_start is None or not left:
        return
    if too_many(matcher.rules.policy, len(left)):
        done.started, done.held = done.started - min(done.started, len(left)), len(left)
        log.warning("%d journeys at once by rules that came into force are held: %s", len(left), HOW)
        return
    with _transactional(connection):
        begin(connection, left, now, matcher.events, matcher.versions)


@contextmanager
def _transactional(connection: Connection) -> Iterator[None]:
    """For work that commits by itself, in batches."""
    connection.autocommit = False
    try:
        yield
        connection.commit()
    finally:
        connection.rollback()
        connection.autocommit = True
