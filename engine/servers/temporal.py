"""The embedded Temporal development server of one project, with Web UI and a database file that survives."""

import http.client
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from engine.servers import ports
from engine.servers.directories import made
from engine.servers.errors import SetupError
from engine.servers.journey_attributes import SEARCH_ATTRIBUTES
from engine.servers.lease import Record
from engine.servers.processes import Identity, stop
from engine.servers.progress import Paced

_PROBE_SECONDS = 5.0
_INTERRUPTED = b"interrupted (9)"
_READ = 10_000
_STEPS = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))
_HINT = "the log says more; TEMPORAL_ADDRESS uses a Temporal service of yours instead"


@dataclass(frozen=True)
class Ports:
    """Where the server shall listen, on loopback only; None takes a free port."""

    frontend: int | None = None
    ui: int | None = None


class Temporal:
    """Starts and stops the server; `engine.servers.lease` decides when.

    Args:
        state: the project's state directory.
        program: the Temporal program.
        ports: where it shall listen.
        namespace: the namespace to prepare, `default` besides.
        fast: the database is kept in memory.
    """

    name = "Temporal"

    def __init__(
        self, state: Path, program: Path, *, ports: Ports | None = None, namespace: str = "default", fast: bool = False
    ) -> None:
        self._program = program
        self._ports = ports or Ports()
        self._namespace = namespace
        self._fast = fast
        self._child: subprocess.Popen[bytes] | None = None
        self.home = made(state / "temporal", 0o700)

    @property
    def database(self) -> Path:
        """The database file."""
        return _database(self.home)

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.home / "temporal.log"

    def start(self, before: Record | None = None) -> Record:
        """Starts the server and prepares its namespace."""
        wanted = _ports_of(before) if before else self._ports
        for attempt in range(3):
            try:
                return self._start(_chosen(wanted))
            except _PortLostError:
                # A free port can be lost to another process before the server takes it.
                if wanted.frontend or attempt == 2:
                    raise
        raise AssertionError

    def answers(self, record: Record) -> bool:
        """Whether a gRPC server answers at its address."""
        host, port = record.environment["TEMPORAL_ADDRESS"].rsplit(":", 1)
        return ports.speaks_http2(host, int(port))

    def stuck(self, record: Record) -> bool:
        """Whether it answers but cannot read its database any more, which only a new start cures.

        SQLite keeps a connection interrupted while a statement of it is open; the server, starved of the processor,
        interrupts one and forgets it, and from then on refuses everything.
        """
        host, port = record.environment["REGULARS_TEMPORAL_UI"].rsplit("/", 1)[1].rsplit(":", 1)
        asking = http.client.HTTPConnection(host, int(port), timeout=_PROBE_SECONDS)  # by no proxy
        try:
            asking.request("GET", "/api/v1/namespaces/default")
            return _INTERRUPTED in asking.getresponse().read(_READ)
        except (OSError, http.client.HTTPException):  # too slow to answer is not stuck
            return False
        finally:
            asking.close()

    def stop(self, record: Record | None) -> None:
        """Stops the server, and any that still has this project's database file open."""
        stop_leftovers(self.home, record)
        if self._child:
            stop_child(self._child)

    def _start(self, chosen: tuple[int, int]) -> Record:
        frontend, ui = chosen
        with self._log_file() as log:
            self._child = subprocess.Popen(
                [str(self._program), *self._arguments(frontend, ui)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                start_new_session=True,  # a Ctrl-C in the terminal is the supervisor's to handle
            )
        try:
            self._wait_until_ready(frontend, ui)
            prepare(f"{ports.LOOPBACK}:{frontend}", self._namespace)
        except BaseException:
            stop_child(self._child)
            raise
        identity = Identity.of(self._child.pid)
        if identity is None:
            raise self._failed("it ended at once")
        environment = {
            "TEMPORAL_ADDRESS": f"{ports.LOOPBACK}:{frontend}",
            "REGULARS_TEMPORAL_UI": f"http://{ports.LOOPBACK}:{ui}",
        }
        return Record(identity.pid, identity.started, environment)

    def _arguments(self, frontend: int, ui: int) -> list[str]:
        address = ["--ip", ports.LOOPBACK, "--port", str(frontend), "--ui-port", str(ui)]
        # Registered before the server answers, so that no journey can be earlier.
        attributes = [word for name in SEARCH_ATTRIBUTES for word in ("--search-attribute", f"{name}=Keyword")]
        names = [] if self._namespace == "default" else ["--namespace", self._namespace]
        pragmas = ["--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=normal"]
        storage = _FORGETFUL if self._fast else [*pragmas, "--db-filename", str(self.database)]
        return ["server", "start-dev", *address, "--log-level", "error", *attributes, *names, *_PROMPT, *storage]

    def _wait_until_ready(self, frontend: int, ui: int, seconds: float = 90.0) -> None:
        paced, deadline = Paced(5), time.monotonic() + seconds
        while not (ports.speaks_http2(ports.LOOPBACK, frontend) and ports.listening(ports.LOOPBACK, ui)):
            if self._child and self._child.poll() is not None:
                if not (ports.is_free(frontend) and ports.is_free(ui)):
                    raise _PortLostError("port-taken", f"port {frontend} or {ui} was taken meanwhile", "try again")
                raise self._failed(f"it ended with code {self._child.returncode}")
            if time.monotonic() > deadline:
                raise self._failed(f"it did not answer within {seconds:.0f} s")
            paced.say("Temporal: starting")
            time.sleep(0.05)

    def _log_file(self) -> IO[bytes]:
        if self.log.is_file() and self.log.stat().st_size > 10_000_000:
            self.log.rename(self.log.with_suffix(".log.1"))
        return self.log.open("ab")

    def _failed(self, reason: str) -> SetupError:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.is_file() else []
        tail = "".join(f"\n    {line}" for line in lines[-5:])
        return SetupError("temporal-failed", f"Temporal did not start: {reason}; the end of {self.log}:{tail}", _HINT)


# A server looks for the tasks of one shard at most twenty times a second. The embedded one has a single shard, so each
# step of a journey would wait for up to 50 ms.
_PROMPT = [
    word
    for queue in ("transfer", "timer", "visibility")
    for word in ("--dynamic-config-value", f"history.{queue}ProcessorMaxPollRPS=1000")
]

# For tests of what Temporal has forgotten: a deleted workflow is gone at once and not half a minute later.
_FORGETFUL = [
    word
    for queue in ("transfer", "visibility")
    for word in ("--dynamic-config-value", f'history.{queue}ProcessorUpdateAckInterval="1s"')
]


def _ports_of(record: Record) -> Ports:
    addresses = record.environment["TEMPORAL_ADDRESS"], record.environment["REGULARS_TEMPORAL_UI"]
    return Ports(*(int(address.rsplit(":", 1)[1]) for address in addresses))


def _chosen(wanted: Ports) -> tuple[int, int]:
    hint = "stop it, or set TEMPORAL_ADDRESS to use a Temporal service of yours, or choose servers.{} in regulars.toml"
    if wanted.frontend:
        ports.require_free(wanted.frontend, "Temporal", hint.format("temporal_port"))
    if wanted.ui:
        ports.require_free(wanted.ui, "Temporal's Web UI", hint.format("temporal_ui_port"))
    return wanted.frontend or ports.free_port(), wanted.ui or ports.free_port()


class _PortLostError(SetupError):
    """A port that was free is not any more."""


def prepare(address: str, namespace: str) -> None:
    """Prepares the namespaces of the embedded server, in a child: the supervisor must not hold a Temporal client.

    Raises:
        SetupError: the server refused.
    """
    done = subprocess.run(
        [sys.executable, "-m", "engine.servers.namespace", address, *sorted({"default", namespace})],
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
        env=_environment(),
    )
    if done.returncode:
        said = done.stderr.strip() or f"code {done.returncode}"
        raise SetupError("namespace-failed", f"the namespace {namespace} could not be prepared: {said}", _HINT)


def stop_leftovers(home: Path, record: Record | None) -> None:
    """Stops the server on record, and those whose owner was killed before it could write the record.

    One without a database file cannot be told from another project's then; it holds nothing but its ports.
    """
    if record and _is_dev_server(record.identity.process()):
        stop(record.identity, _STEPS)
    mark = str(_database(home))
    for process in psutil.process_iter():
        if mark in _words(process) and _is_dev_server(process) and (identity := Identity.of(process.pid)):
            stop(identity, _STEPS)


def _database(home: Path) -> Path:
    return home / "temporal.db"


def stop_child(child: subprocess.Popen[bytes]) -> None:
    """Stops a process that we started and waits for its end."""
    identity = Identity.of(child.pid)
    if identity and child.poll() is None:
        stop(identity, _STEPS)
    child.wait()


def _environment() -> dict[str, str]:
    # A profile for another cluster must not reach the embedded server or its preparation.
    return {key: value for key, value in os.environ.items() if not key.startswith("TEMPORAL_")}


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _is_dev_server(process: psutil.Process | None) -> bool:
    return process is not None and "start-dev" in _words(process)
