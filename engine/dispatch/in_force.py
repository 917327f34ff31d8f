"""The version of the rules in force: a history of which the last row counts, and how a process keeps up with it.

Whoever judges by the rules asks for the version in the transaction in which it judges. Until something has been applied
the project's own rules are in force as soon as the engine starts with them; from the first `regulars apply` on only
`apply` and `rollback` change what is in force.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import psycopg
from psycopg.rows import class_row, tuple_row

from engine.dispatch.match import Matcher
from engine.dispatch.versions import StoredVersions, publish
from engine.facts.matching import EventMatcher
from engine.language.rules import Rules

Connection = psycopg.Connection[Any]
How = Literal["start", "apply", "rollback"]
ENGINE = "engine"
"""The author where nobody has applied anything: whoever started the engine with these rules."""

_COLUMNS = "id, version, follows, how, author, reason, start_existing, changing, recorded_at as at, settled_at"
_LAST = f"select {_COLUMNS} from rules_in_force order by id desc limit 1"  # noqa: S608 -- our own columns
_HISTORY = f"select {_COLUMNS} from rules_in_force order by id desc limit %s"  # noqa: S608 -- likewise
_VERSION = "select version from rules_in_force order by id desc limit 1"
_APPLIED = "select exists (select from rules_in_force where how <> 'start')"
_SUCCEED = """
insert into rules_in_force (version, follows, how, author, reason, start_existing, changing, recorded_at, settled_at)
values (%(version)s, %(follows)s, %(how)s, %(author)s, %(reason)s, %(start_existing)s, %(changing)s, %(at)s,
        %(settled)s)
on conflict (follows) do nothing returning id
"""
# Of this database and schema: a replay beside the shop has versions of its own.
_KEY = "hashtext('regulars.in_force'), hashtext(current_schema())"
_SHARED = f"select pg_advisory_xact_lock_shared({_KEY})"
_ALONE = f"select pg_advisory_xact_lock({_KEY})"


class MovedOnError(Exception):
    """Another version is in force than the one that something was decided by; nothing has been changed."""

    def __init__(self, expected: str | None, found: "Row | None") -> None:
        """Keeps both beside the text."""
        self.expected, self.found = expected, found
        known = "none" if found is None else f"{found.version} ({found.how} by {found.author})"
        super().__init__(f"found {known} in force, expected {expected or 'none'}")

    def __reduce__(self) -> tuple[type["MovedOnError"], tuple[str | None, "Row | None"]]:
        """So that it comes whole out of another process."""
        return MovedOnError, (self.expected, self.found)


@dataclass(frozen=True, slots=True)
class Row:
    """One version that came into force: how, by whom, why and when; `settled_at` when everybody was judged by it."""

    id: int
    version: str
    follows: int
    how: How
    author: str
    reason: str
    start_existing: bool
    changing: int | None
    at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Succession:
    """A version that is to come into force after another: after `follows`, which must be the last row still."""

    version: str
    follows: Row | None
    how: How
    author: str
    reason: str = ""
    start_existing: bool = False
    changing: int | None = None
    settled: bool = False
    """Whether nobody has to be judged anew by it."""


def last(connection: Connection) -> Row | None:
    """The version in force; None where the engine has never been started."""
    with connection.cursor(row_factory=class_row(Row)) as cursor:
        return cursor.execute(_LAST).fetchone()


def history(connection: Connection, most: int) -> list[Row]:
    """The versions that were in force, the present one first."""
    with connection.cursor(row_factory=class_row(Row)) as cursor:
        return cursor.execute(_HISTORY, (most,)).fetchall()


def is_applied(connection: Connection) -> bool:
    """Whether anybody has ever applied anything, so that a project's files count no more by themselves."""
    return bool(_one(connection, _APPLIED))


def alone(connection: Connection) -> None:
    """Waits for all transactions that judge by the version in force, and holds up new ones until the caller commits.

    It must be the first lock of its transaction.
    """
    connection.execute(_ALONE)


def succeed(connection: Connection, after: Succession, at: datetime) -> Row:
    """Puts a version that is kept in force. The caller, who is `alone`, commits.

    Raises:
        MovedOnError: another version has come into force meanwhile.
    """
    told = {
        "version": after.version, "follows": after.follows.id if after.follows else 0, "how": after.how,
        "author": after.author, "reason": after.reason, "start_existing": after.start_existing,
        "changing": after.changing, "at": at, "settled": at if after.settled else None,
    }  # fmt: skip
    found = last(connection)
    moved_on = (found.id if found else 0) != told["follows"]
    # The unique column is the lasting guard: of two that follow the same row the second writes nothing.
    if moved_on or connection.execute(_SUCCEED, told).fetchone() is None:
        raise MovedOnError(after.follows.version if after.follows else None, last(connection))
    row = last(connection)
    assert row is not None  # it has just been written
    return row


def settle(connection: Connection, row: Row, at: datetime) -> None:
    """Notes that everybody has been judged by a version; the caller commits."""
    connection.execute("update rules_in_force set settled_at = %s where id = %s and settled_at is null", (at, row.id))


def come_into_force(connection: Connection, rules: Rules, now: datetime) -> str:
    """Starts the engine with a project's rules: they come into force unless anything was applied; gives the version.

    It commits.
    """
    with connection.transaction():
        alone(connection)
        publish(connection, rules)
        found = last(connection)
        if found is not None and (found.version == rules.version or is_applied(connection)):
            return found.version
        succeed(connection, Succession(rules.version, found, "start", ENGINE, settled=True), now)
    return rules.version


@dataclass
class InForce:
    """The rules in force, compiled once for each version, as one process goes along with them.

    Args:
        own: the project's rules, which stand in where nothing is in force.
        versions: compiled versions.
        changed: told of the new rules when the version has moved on, before anybody judges by them.
    """

    own: Rules
    versions: StoredVersions
    changed: Callable[[Rules], None] = lambda _rules: None
    _current: Rules | None = None
    _matchers: dict[tuple[str, str | None], Matcher] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.versions.compiled.setdefault(self.own.version, self.own)

    @property
    def current(self) -> Rules:
        """The rules that were in force when they were last asked for."""
        return self._current or self.own

    def look(self, connection: Connection) -> Rules:
        """The rules in force now."""
        version = _one(connection, _VERSION)
        if version is None or version == self.current.version:
            return self.current
        found = self.versions.get(connection, version)
        self.changed(found)
        self._current = found
        return found

    def hold(self, connection: Connection) -> Rules:
        """The rules in force, and none other until the caller's transaction ends; to be asked before any lock."""
        connection.execute(_SHARED)
        return self.look(connection)

    def matcher(self, rules: Rules, events: EventMatcher) -> Matcher:
        """Who matches by these rules, compiled once for each version and currency."""
        key = (rules.version, events.currency)
        if key not in self._matchers:
            self._matchers = {kept: each for kept, each in self._matchers.items() if kept[0] == self.current.version}
            self._matchers[key] = Matcher(rules, self.versions, events)
        return self._matchers[key]


def kept_versions(connection: Connection) -> Sequence[str]:
    """The versions that are kept, the latest first."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        return [
            row[0] for row in cursor.execute("select version from rule_versions order by recorded_at desc, version")
        ]


def _one(connection: Connection, query: str) -> Any:  # noqa: ANN401 -- whatever the query gives
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(query).fetchone()
    return row[0] if row else None
