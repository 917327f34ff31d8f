"""The embedded PostgreSQL server of one project: a Unix socket, no network, data that survives.

The package's own handling of processes is not used: it trusts pids, opens the modes of directories above the data as
root, and forgets to stop its server after one SIGKILL.
"""

import os
import pwd
import shutil
import subprocess
import time
from functools import cached_property
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psycopg
from psycopg import sql

from engine.servers import account, leftovers
from engine.servers.errors import SetupError
from engine.servers.lease import Record
from engine.servers.postgres_binaries import MAJOR, binaries
from engine.servers.processes import Identity
from engine.servers.progress import Paced, say
from engine.servers.sockets import socket_directory, socket_path

DATABASE = "regulars"
_HINT = "the log says more; REGULARS_DATABASE_URL uses a PostgreSQL server of yours instead"

# For a machine of two cores that runs the rest of the engine as well.
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "maintenance_work_mem": "128MB",
    "work_mem": "16MB",
    "max_wal_size": "2GB",
    "max_parallel_workers_per_gather": "1",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# For tests only: a power cut may ruin such a database.
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "128MB"}


class Postgres:
    """Starts and stops the server; `engine.servers.lease` decides when.

    Args:
        state: the project's state directory; the data lies below it or is linked from it.
        fast: no durability, and an empty database at each start of a supervisor.
    """

    name = "PostgreSQL"

    def __init__(self, state: Path, *, fast: bool = False) -> None:
        self._state = state
        self._fast = fast
        self._child: subprocess.Popen[bytes] | None = None

    @cached_property
    def home(self) -> Path:
        """The directory of data, log and locks."""
        return account.home(self._state)

    @cached_property
    def _user(self) -> pwd.struct_passwd | None:
        return account.account()

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.home / "postgres.log"

    def start(self, before: Record | None = None) -> Record:
        """Starts the server, making its data directory and database if need be."""
        self._require_same_owner()
        if self._fast and before is None:
            self._forget()
        if not (self.data / "PG_VERSION").is_file():
            self._initialise()
        self._require_version()
        sockets = socket_directory(self.home, self._user)
        with self._log_file() as log:
            self._child = self._run(["postgres", "-D", str(self.data), "-k", str(sockets), *self._options()], log)
        try:
            self._wait_until_ready(sockets)
            _create_database(sockets)
        except BaseException:
            self.stop(None)
            raise
        identity = Identity.of(self._child.pid)
        if identity is None:
            raise self._failed("it ended at once")
        return Record(identity.pid, identity.started, {"REGULARS_DATABASE_URL": _url(sockets, DATABASE)})

    def answers(self, record: Record) -> bool:
        """Whether a query can be made."""
        return _reason_of_silence(record.environment["REGULARS_DATABASE_URL"]) is None

    def stop(self, record: Record | None) -> None:
        """Stops the server and removes what would keep the next one from starting."""
        leftovers.stop_postgres(self.data, record.identity if record else None, socket_path(self.home))
        if self._child:
            self._child.wait()

    def _initialise(self) -> None:
        say("PostgreSQL: making a database directory")
        partial = self.home / "data.new"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        if self._user:
            os.chown(partial, self._user.pw_uid, self._user.pw_gid)
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        options = ["-U", "postgres", "--auth=trust", *locale, *(["--no-sync"] if self._fast else [])]
        with self._log_file() as log:
            code = self._run(["initdb", "-D", str(partial), *options], log).wait()
        if code:
            raise self._failed(f"initdb ended with code {code}")
        if self._fast:
            (self.home / "not-durable").touch()
        partial.rename(self.data)

    def _forget(self) -> None:
        # Only what was made without durability may be thrown away.
        if (self.home / "not-durable").is_file():
            shutil.rmtree(self.data, ignore_errors=True)
        elif self.data.exists():
            raise SetupError("durable-data", f"{self.data} holds durable data", "use another --state for fast tests")

    def _run(self, command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        return subprocess.Popen(
            [str(binaries() / command[0]), *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=environment | {"LC_ALL": "C"},
            start_new_session=True,  # a Ctrl-C in the terminal is the supervisor's to handle
            user=self._user.pw_uid if self._user else None,
            group=self._user.pw_gid if self._user else None,
            extra_groups=[] if self._user else None,
        )

    def _options(self) -> list[str]:
        settings = _SETTINGS | (_NOT_DURABLE if self._fast else {})
        return [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]

    def _log_file(self) -> IO[bytes]:
        if self.log.is_file() and self.log.stat().st_size > 10_000_000:
            self.log.rename(self.log.with_suffix(".log.1"))
        # Statements with errors stand in it, so it is nobody else's to read.
        return os.fdopen(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")

    def _wait_until_ready(self, sockets: Path, seconds: float = 170.0) -> None:
        paced, deadline = Paced(5), time.monotonic() + seconds
        url = _url(sockets, "postgres")
        while (reason := _reason_of_silence(url)) is not None:
            if self._child and self._child.poll() is not None:
                raise self._failed(f"it ended with code {self._child.returncode}")
            if time.monotonic() > deadline:
                raise self._failed(f"it did not answer within {seconds:.0f} s: {reason}")
            paced.say(f"PostgreSQL: {reason}")
            time.sleep(0.05)

    def _failed(self, reason: str) -> SetupError:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.is_file() else []
        tail = "".join(f"\n    {line}" for line in lines[-5:])
        return SetupError("postgres-failed", f"PostgreSQL did not start: {reason}; the end of {self.log}:{tail}", _HINT)

    def _require_version(self) -> None:
        found = (self.data / "PG_VERSION").read_text().strip()
        if found != str(MAJOR):
            raise SetupError("postgres-version", f"{self.data} was made by PostgreSQL {found}, ours is {MAJOR}", _HINT)

    def _require_same_owner(self) -> None:
        expected = self._user.pw_uid if self._user else os.geteuid()
        if self.data.is_dir() and self.data.stat().st_uid != expected:
            raise SetupError(
                "postgres-owner",
                f"{self.data} belongs to uid {self.data.stat().st_uid}, and PostgreSQL would run as uid {expected}",
                "run as the user that made it (root has a user of its own for PostgreSQL)",
            )


def _url(sockets: Path, database: str) -> str:
    return f"postgresql://postgres@/{database}?host={quote(str(sockets), safe='/')}"


def _reason_of_silence(url: str) -> str | None:
    try:
        with psycopg.connect(url, connect_timeout=3) as connection:
            connection.execute("select 1")
    except psycopg.Error as error:
        return str(error).strip().splitlines()[-1]
    return None


def _create_database(sockets: Path) -> None:
    with psycopg.connect(_url(sockets, "postgres"), autocommit=True) as connection:
        if not connection.execute("select 1 from pg_database where datname = %s", [DATABASE]).fetchone():
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
