"""Parts of a backtest on disk, so that the same command goes on after it was interrupted at any instant.

A directory for each question: which rules, window, playbooks and version of the engine. What it was asked of, the
facts, stands in it as a fingerprint: if facts have come or changed since, nothing in it is used.
"""

import fcntl
import hashlib
import os
import pickle
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from engine.simulation.result import Result

Connection = psycopg.Connection[Any]

_WHOLE = ("customers", "shops", "products", "campaign_periods", "hand_tags")
"""Tables that are compared row by row."""
_GROWING = (
    "customer_identities", "orders", "order_lines", "payments", "shipments", "returns", "reviews", "cases",
    "site_events", "consents", "suppressions", "coupons", "points_entries", "events", "messages", "message_events",
)  # fmt: skip
"""Tables whose changed rows raise the customer's `fact_version`."""


class BusyError(Exception):
    """Another process is at the same backtest."""


@dataclass(frozen=True)
class Kept:
    """The parts of one backtest. `changed`: there were some, of facts that are no longer the same."""

    directory: Path
    changed: bool = False

    @property
    def parts(self) -> int:
        """How many are there."""
        return len(list(self.directory.glob("[0-9]*.part")))

    def read(self, number: int) -> Result | None:
        """A part; None if it is not there or was not written whole."""
        try:
            found = pickle.loads(self._file(number).read_bytes())  # noqa: S301 -- our own file in the project's state
        except (OSError, EOFError, pickle.UnpicklingError, AttributeError, ValueError, IndexError, TypeError):
            return None
        return found if isinstance(found, Result) else None

    def write(self, number: int, part: Result) -> None:
        """Keeps a part; it is there whole or not at all."""
        _write(self._file(number), pickle.dumps(part))

    def remove(self) -> None:
        """Removes everything: the result has been told."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def _file(self, number: int) -> Path:
        return self.directory / f"{number:06d}.part"


@contextmanager
def keep(directory: Path, facts: str) -> Iterator[Kept]:
    """The parts kept in a directory, for this process alone.

    Args:
        directory: of the one question.
        facts: their fingerprint; parts of others are removed.

    Raises:
        BusyError: another process works in it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError from None
        told = directory / "facts"
        before = told.read_text("utf-8") if told.exists() else ""
        parts = list(directory.glob("[0-9]*.part"))
        changed = bool(parts) and before != facts
        if changed:
            for part in parts:
                part.unlink()
        _write(told, facts.encode())
        yield Kept(directory, changed)


def fingerprint(connection: Connection) -> str:
    """What tells whether facts have come, changed or gone."""
    digest = hashlib.sha256()
    for table in _WHOLE:
        row = connection.execute(f"select count(*), sum(hashtextextended(t::text, 0)) from {table} t").fetchone()  # noqa: S608 -- our own names
        digest.update(f"{table} {row}\n".encode())
    for table in _GROWING:
        row = connection.execute(f"select count(*), max(id) from {table}").fetchone()  # noqa: S608 -- our own names
        digest.update(f"{table} {row}\n".encode())
    return digest.hexdigest()


def question(*parts: object) -> str:
    """The name of what is asked: of its parts, and of the engine's own sources, which may answer otherwise."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{part!r}\0".encode())
    for source in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _write(file: Path, content: bytes) -> None:
    aside = file.with_name(f".{file.name}-{os.getpid()}")
    aside.write_bytes(content)
    aside.replace(file)
