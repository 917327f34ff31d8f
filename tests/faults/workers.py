"""Workers as processes of their own, which tests kill and start again."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from engine.language.rules import Rules
from engine.own.load import FOLDER
from tests.projects import write_project
from tests.workflows.running import until

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).parent / "worker_process.py"


@dataclass
class WorkerProcess:
    """One place to run `regulars worker` in, again and again."""

    directory: Path
    environment: Mapping[str, str]
    point: str = "nowhere"
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def marker(self) -> Path:
        return self.directory / f"killed-{self.point}"

    @property
    def log(self) -> str:
        return (self.directory / "worker.log").read_text()

    def start(self) -> subprocess.Popen[bytes]:
        with (self.directory / "worker.log").open("ab") as log:
            command = [sys.executable, str(SCRIPT), self.point, str(self.marker), "--project", str(self.directory)]
            environment = {**os.environ, "PYTHONPATH": str(ROOT), **self.environment}
            process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)
        self.running.append(process)
        return process

    async def start_until_killed(self, seconds: float = 60) -> None:
        """Runs a worker until it has been killed at its point; fails the test if that takes longer."""
        process = self.start()
        await until(lambda: process.poll() is not None, f"the kill at {self.point}: {self.log[-2000:]}", seconds)
        assert process.returncode == -signal.SIGKILL, self.log
        assert self.marker.exists()

    async def ready(self) -> None:
        """Waits until the latest worker says that it works."""
        count = len(self.running)
        await until(lambda: self.log.count("worker ready") >= count, "the worker", seconds=60)

    def kill(self) -> None:
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.wait()


@contextmanager
def worker_process(
    directory: Path, rules: Rules, point: str = "nowhere", own: Path | None = None, **environment: str
) -> Iterator[WorkerProcess]:
    """A project of these rules and of a folder's own activities in the directory, and its worker, killed in the end."""
    write_project(directory, rules.files)
    if own is not None:
        shutil.copytree(own, directory / FOLDER, ignore=shutil.ignore_patterns("__pycache__"))
    worker = WorkerProcess(directory, {"REGULARS_MAILBOX": str(directory / "mailbox"), **environment}, point)
    try:
        yield worker
    finally:
        worker.kill()
