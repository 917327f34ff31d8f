"""`regulars up`: servers and a worker, until stopped."""

import os
import signal
import subprocess
import sys
import threading
import time
from types import FrameType

import typer

from engine.cli.project import ProjectOption, find_project
from engine.cli.worker import LogForm, LogLevel, tell_by_logs
from engine.servers.external import redacted
from engine.servers.leave import leave
from engine.servers.need import need
from engine.servers.progress import say
from engine.servers.project import Project

_MARGIN = 5.0  # seconds beyond a worker's own grace, after which it is killed
_LONGEST_PAUSE = 60.0
_STEADY = 60.0  # seconds after which a worker counts as well again


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("up")(up)


def up(project: ProjectOption = None, log_form: LogForm = "auto", log_level: LogLevel = "info") -> None:
    """Run the project's servers and a worker, until stopped by Ctrl-C or SIGTERM."""
    tell_by_logs(log_form, log_level)
    found = find_project(project)
    grace = found.settings.worker.overridden(os.environ).grace_seconds
    need(found, database=True, temporal=True, default_ports=True, grace=grace + 2 * _MARGIN)
    _tell(found)
    logs = ["--log", log_form, "--log-level", log_level]
    command = [sys.executable, "-m", "engine.cli", "worker", "--project", str(found.root), *logs]
    leave(_Keeper(command, grace + _MARGIN).run())


def _tell(project: Project) -> None:
    say(f"database     {redacted(os.environ['REGULARS_DATABASE_URL'])}")
    say(f"Temporal     {os.environ.get('TEMPORAL_ADDRESS', 'by its configuration file')}")
    if ui := os.environ.get("REGULARS_TEMPORAL_UI"):
        say(f"Temporal UI  {ui}")
    say(f"mailbox      {os.environ.get('REGULARS_MAILBOX') or project.state / 'mailbox'}")
    say("Ctrl-C stops all of it")


class _Keeper:
    """Keeps one worker running: starts it again, ever later, if it dies."""

    def __init__(self, command: list[str], grace: float) -> None:
        self._command = command
        self._grace = grace
        self._stopped = threading.Event()
        self._worker: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Runs until a signal comes, or until a setting is missing that no restart brings."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        pause = 1.0
        while not self._stopped.is_set():
            began = time.monotonic()
            code = self._once()
            if self._stopped.is_set() or code == 3:
                return 0 if self._stopped.is_set() else code
            pause = 1.0 if time.monotonic() - began > _STEADY else min(pause * 2, _LONGEST_PAUSE)
            say(f"the worker ended with {code}; starting it again in {pause:.0f} s")
            self._stopped.wait(pause)
        return 0

    def _once(self) -> int:
        self._worker = subprocess.Popen(self._command)  # noqa: S603 - our own command
        deadline = float("inf")
        while True:
            try:
                return self._worker.wait(timeout=0.25)
            except subprocess.TimeoutExpired:
                if self._stopped.is_set() and deadline == float("inf"):
                    self._worker.terminate()
                    deadline = time.monotonic() + self._grace
                if time.monotonic() > deadline:
                    self._worker.kill()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stopped.set()
