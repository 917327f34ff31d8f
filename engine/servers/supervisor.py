"""One process that owns the servers while a command runs as its child, and ends with the child's exit code."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from types import FrameType

from engine.servers.directories import made
from engine.servers.errors import SetupError
from engine.servers.external import database_configured, temporal_configured
from engine.servers.lease import Lease, Server, running, take
from engine.servers.postgres import Postgres
from engine.servers.processes import stop
from engine.servers.progress import say
from engine.servers.temporal import Ports, Temporal
from engine.servers.temporal_cli import find_temporal
from engine.servers.testserver import find_test_server

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE = 30.0  # seconds for a child to end its work after it was asked to
_PROBE_EVERY = 10.0  # seconds
_RESTARTS = 3  # of servers within a minute; more is a fault that a restart does not cure


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a command needs.

    Attributes:
        database: PostgreSQL, unless `REGULARS_DATABASE_URL` is set.
        temporal: Temporal, unless its environment configuration names a service.
        test_server: the time-skipping test server's program, `REGULARS_TEST_SERVER` in the command's environment.
        ports: where Temporal shall listen; free ports by default.
        fast: for tests: no durability, empty servers.
        grace: seconds for the command to end after it was asked to, before it is killed.
    """

    database: bool = False
    temporal: bool = False
    test_server: bool = False
    ports: Ports = field(default_factory=Ports)
    grace: float = GRACE
    fast: bool = False


class _Phase(Enum):
    LOCATING = auto()  # a signal ends it at once
    STARTING = auto()  # a signal is kept until the servers are up: what is started must be known
    RUNNING = auto()  # a signal goes to the child
    STOPPING = auto()  # a signal changes nothing any more


class _Asked(BaseException):
    """A signal asked us to end before anything was started."""


class Supervisor:
    """Runs one command with the servers that it needs.

    Args:
        state: the project's state directory.
        wanted: what the command needs.
    """

    def __init__(self, state: Path, wanted: Wanted) -> None:
        self._state = state.absolute()
        self._wanted = wanted
        self._leases: list[Lease] = []
        self._child: subprocess.Popen[bytes] | None = None
        self._phase = _Phase.LOCATING
        self._asked: int | None = None
        self._deadline = float("inf")
        self._restarts: list[float] = []
        self._next_probe = 0.0

    def run(self, command: Sequence[str]) -> int:
        """Runs the command with its servers.

        Returns:
            The command's exit code; 128 plus the signal's number if a signal ended it, or us before it began.

        Raises:
            SetupError: a server could not be had, or did not stay up.
        """
        before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        try:
            servers, environment = self._locate()
            self._phase = _Phase.STARTING
            self._start(servers)
            return self._run(command, environment) if self._asked is None else 128 + self._asked
        except _Asked:
            return 128 + (self._asked or 0)
        finally:
            self._phase = _Phase.STOPPING
            self._stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _locate(self) -> tuple[list[Server], dict[str, str]]:
        """Has the programs downloaded or built, which may take minutes."""
        made(self._state)
        servers: list[Server] = []
        if self._wanted.database and not database_configured():
            servers.append(Postgres(self._state, fast=self._wanted.fast))
        if self._wanted.temporal and not temporal_configured():
            servers.append(embedded_temporal(self._state, self._wanted.ports, fast=self._wanted.fast))
        environment = {"REGULARS_TEST_SERVER": str(find_test_server())} if self._wanted.test_server else {}
        return servers, environment

    def _start(self, servers: list[Server]) -> None:
        # In threads, because both take a second or two, and because signals interrupt the main thread alone.
        with ThreadPoolExecutor() as threads:
            futures = [threads.submit(take, server) for server in servers]
        faults = [fault for future in futures if (fault := future.exception())]
        self._leases = [future.result() for future in futures if not future.exception()]
        if faults:
            raise faults[0]
        write_ports(self._state)

    def _run(self, command: Sequence[str], environment: dict[str, str]) -> int:
        served = {key: value for lease in self._leases for key, value in lease.record.environment.items()}
        if "TEMPORAL_ADDRESS" in served:
            served["TEMPORAL_NAMESPACE"] = namespace()
        try:
            self._child = subprocess.Popen(list(command), env={**os.environ, **environment, **served})
        except OSError as error:
            say(f"{command[0]}: {error.strerror}")
            return 127
        self._phase = _Phase.RUNNING
        if self._asked is not None:  # it came between the last look and the start
            self._forward(self._asked)
        code = self._wait(self._child)
        return code if code >= 0 else 128 - code

    def _wait(self, child: subprocess.Popen[bytes]) -> int:
        while True:
            try:
                return child.wait(timeout=0.25)
            except subprocess.TimeoutExpired:
                self._keep_servers_up()
            if time.monotonic() > self._deadline:
                say("the command did not end in time and is killed")
                child.kill()

    def _keep_servers_up(self) -> None:
        for lease in self._leases:
            now = time.monotonic()
            if lease.record.identity.alive() and not self._stuck(lease, now):
                continue
            self._restarts = [*(moment for moment in self._restarts if now - moment < 60), now]
            if len(self._restarts) > _RESTARTS:
                raise SetupError(
                    "server-dies", f"{lease.server.name} ended again and again", f"see the logs in {self._state}"
                )
            how = "cannot read its database any more" if lease.record.identity.alive() else "ended unexpectedly"
            say(f"{lease.server.name} {how}; starting it again")
            stop(lease.record.identity)
            lease.revive()
            write_ports(self._state)

    def _stuck(self, lease: Lease, now: float) -> bool:
        """Asked every few seconds: it costs the server a query."""
        if not isinstance(lease.server, Temporal) or now < self._next_probe:
            return False
        self._next_probe = now + _PROBE_EVERY
        return lease.server.stuck(lease.record)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self._phase is _Phase.STOPPING:
            return
        again, self._asked = self._asked is not None, number
        if self._phase is _Phase.LOCATING:
            raise _Asked
        if self._phase is _Phase.RUNNING and self._child:
            if again:
                self._child.kill()
            else:
                self._forward(number)

    def _forward(self, number: int) -> None:
        self._deadline = time.monotonic() + self._wanted.grace
        # The terminal's Ctrl-C reaches the child by itself; twice would end it half way through its own ending.
        if self._child and not (number == signal.SIGINT and _in_foreground()):
            self._child.send_signal(number)

    def _stop(self) -> None:
        if self._child and self._child.poll() is None:
            self._child.kill()
            self._child.wait()
        with ThreadPoolExecutor() as threads:
            list(threads.map(Lease.release, self._leases))
        if self._state.is_dir():
            write_ports(self._state)


def embedded_temporal(state: Path, ports: Ports, *, fast: bool = False) -> Temporal:
    """The embedded Temporal server of a project, its program found or built.

    Raises:
        SetupError: the program cannot be had.
    """
    return Temporal(state, find_temporal(), ports=ports, namespace=namespace(), fast=fast)


def namespace() -> str:
    """The namespace that the environment names, else `default`."""
    return os.environ.get("TEMPORAL_NAMESPACE") or "default"


def write_ports(state: Path) -> None:
    """Writes the addresses of the project's running servers to `ports.json`; removes it when none runs."""
    served: dict[str, str] = {}
    for name in ("postgres", "temporal"):
        record = running(state / name)
        served |= record.environment if record else {}
    file = state / "ports.json"
    if not served:
        file.unlink(missing_ok=True)
        return
    partial = file.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps(served, indent=2) + "\n")
    partial.rename(file)


def _in_foreground() -> bool:
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False
