"""What the provider writes down: who asked it for what, what it took, and whether its answer got out.

A SQLite file, so that it survives whatever happens to the rest. The provider alone writes it.
"""

import sqlite3
import time
from pathlib import Path

SCHEMA = """
create table if not exists contacts (
    id integer primary key, began real not null, worker text not null, recipient text not null,
    message text, key text, answer text not null, answered real
);
create table if not exists acceptances (
    id integer primary key, at real not null, contact integer not null references contacts(id),
    recipient text not null, message text not null, key text not null, effect integer not null
);
create index if not exists contacts_by_recipient on contacts (recipient);
create index if not exists acceptances_by_key on acceptances (key);
"""


class Ledger:
    """Open for writing, in one process."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None)
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = off")  # it outlives processes, not the machine
        self._connection.executescript(SCHEMA)
        self._contacts: dict[str, int] = {}

    def nth_contact(self, recipient: str) -> int:
        """Counts this contact of a recipient."""
        self._contacts[recipient] = self._contacts.get(recipient, 0) + 1
        return self._contacts[recipient]

    def contact(self, worker: str, recipient: str, answer: str, message: str | None = None) -> int:
        """Somebody asks for a delivery."""
        done = self._connection.execute(
            "insert into contacts (began, worker, recipient, answer, message) values (?, ?, ?, ?, ?)",
            (time.time(), worker, recipient, answer, message),
        )
        return int(done.lastrowid or 0)

    def accept(self, contact: int, recipient: str, message: str, key: str, *, keyed: bool) -> int:
        """Takes a message and gives the provider's own id; a known key has no second effect if keys count."""
        known = None
        if keyed:
            known = self._connection.execute(
                "select id from acceptances where key = ? and effect = 1", (key,)
            ).fetchone()
        self._connection.execute("update contacts set message = ?, key = ? where id = ?", (message, key, contact))
        done = self._connection.execute(
            "insert into acceptances (at, contact, recipient, message, key, effect) values (?, ?, ?, ?, ?, ?)",
            (time.time(), contact, recipient, message, key, int(known is None)),
        )
        return int(known[0]) if known else int(done.lastrowid or 0)

    def answered(self, contact: int) -> None:
        """The answer has been written to a connection that was open."""
        self._connection.execute("update contacts set answered = ? where id = ?", (time.time(), contact))
