"""Who uses a server: it starts for the first who needs it and stops with the last.

Two files beside a server's data carry this, both locked by the kernel, so that a SIGKILL releases them too:
`start.lock` is held while somebody starts or stops the server, `users.lock` is shared by all who use it. What was
started stands in `server.json`. A server without users is an orphan of a killed owner: the next one adopts it.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from engine.servers.errors import SetupError
from engine.servers.processes import Identity
from engine.servers.progress import say

RECORD = "server.json"
_PATIENCE = 180.0  # a database may have to recover first


@dataclass(frozen=True)
class Record:
    """A started server: its process and how clients reach it (environment variables)."""

    pid: int
    started: float
    environment: dict[str, str]

    @property
    def identity(self) -> Identity:
        """The server's process."""
        return Identity(self.pid, self.started)


class Server(Protocol):
    """What a lease asks of a server."""

    name: str

    @property
    def home(self) -> Path:
        """The directory of its locks, record and data; exists."""

    def start(self, before: Record | None = None) -> Record:
        """Starts it and returns when it can be used; leaves nothing behind if it fails.

        Args:
            before: the server that ended unexpectedly, at whose address its clients wait.
        """

    def answers(self, record: Record) -> bool:
        """Whether it really serves, found by connecting."""

    def stop(self, record: Record | None) -> None:
        """Stops it, and whatever a killed owner left of it; quick if there is nothing."""


class Lease:
    """The use of a running server until `release`."""

    def __init__(self, server: Server, users: IO[str], record: Record) -> None:
        self.server = server
        self.record = record
        self._users = users

    def revive(self) -> bool:
        """Starts the server again if its process ended.

        Returns:
            Whether it had ended.
        """
        if self.record.identity.alive():
            return False
        with _exclusive(self.server):
            self.record = _running(self.server) or _start(self.server, self.record)
        return True

    def release(self) -> None:
        """Ends the use; stops the server if nobody else uses it."""
        if self._users.closed:
            return
        with _exclusive(self.server):
            fcntl.flock(self._users, fcntl.LOCK_UN)
            if _lock(self._users, fcntl.LOCK_EX):
                self.server.stop(_read(self.server.home))
                (self.server.home / RECORD).unlink(missing_ok=True)
            self._users.close()


def take(server: Server) -> Lease:
    """Uses the server, starting it if it does not run.

    Raises:
        SetupError: it cannot be started.
    """
    with _exclusive(server):
        return _use(server, _running(server) or _start(server))


def attach(server: Server) -> Lease | None:
    """Uses the server if it runs already and answers; starts nothing."""
    with _exclusive(server):
        record = _running(server)
        return _use(server, record) if record else None


def running(home: Path) -> Record | None:
    """The server whose record lies in this directory, if its process lives."""
    record = _read(home)
    return record if record and record.identity.alive() else None


def in_use(home: Path) -> bool:
    """Whether somebody uses the server of this directory."""
    if not (home / "users.lock").is_file():
        return False
    with (home / "users.lock").open("a") as users:
        return not _lock(users, fcntl.LOCK_EX)


def _use(server: Server, record: Record) -> Lease:
    users = (server.home / "users.lock").open("a")
    fcntl.flock(users, fcntl.LOCK_SH)
    return Lease(server, users, record)


def _running(server: Server) -> Record | None:
    record = running(server.home)
    return record if record and server.answers(record) else None


def _start(server: Server, before: Record | None = None) -> Record:
    server.stop(_read(server.home))
    record = server.start(before)
    partial = server.home / f"{RECORD}.new"
    partial.write_text(json.dumps(asdict(record)))
    partial.rename(server.home / RECORD)
    return record


def _read(home: Path) -> Record | None:
    try:
        values: dict[str, Any] = json.loads((home / RECORD).read_text())
        return Record(int(values["pid"]), float(values["started"]), dict(values["environment"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def _exclusive(server: Server) -> Iterator[None]:
    with _opened(server.home / "start.lock") as file:
        _wait_for(file, server.name)
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def _opened(file: Path) -> IO[str]:
    try:
        return file.open("a+")
    except OSError as error:
        raise SetupError(
            "state-unwritable",
            f"{file}: {error.strerror}",
            "run as the user that made the project's .regulars directory, and where it can be written",
        ) from None


def _wait_for(file: IO[str], name: str) -> None:
    begin, told = time.monotonic(), False
    while not _lock(file, fcntl.LOCK_EX):
        waited = time.monotonic() - begin
        if waited > _PATIENCE:
            raise SetupError(
                "server-busy",
                f"{name} has been starting or stopping for {waited:.0f} s in {_holder(file)}",
                "see what that process waits for, or end it",
            )
        if waited > 2 and not told:
            told = True
            say(f"{name} is being started or stopped by {_holder(file)}; waiting")
        time.sleep(0.05)


def _holder(file: IO[str]) -> str:
    file.seek(0)
    return f"process {file.read().strip() or 'unknown'}"


def _lock(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
