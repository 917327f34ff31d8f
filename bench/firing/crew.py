"""Several worker processes that are killed again and again, and started again each time."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
ANYWHERE = "anywhere"


@dataclass
class Incarnation:
    """One process of `regulars worker`; its name is unique, and its greeting to a mail server."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    report: Path
    trapped: str | None = None
    ended: float | None = None
    killed_at: str | None = None

    @property
    def ready(self) -> bool:
        """Whether it says that it works."""
        return b"worker ready" in self.log.read_bytes()

    def trap(self, point: str) -> None:
        """Tells it where to kill itself."""
        self.trapped = point
        if self.process.stdin is not None:
            try:
                self.process.stdin.write(f"{point}\n".encode())
                self.process.stdin.flush()
            except BrokenPipeError:
                return  # it has just ended

    def kill(self) -> None:
        """Ends it wherever it is."""
        self.process.kill()


@dataclass
class Crew:
    """Keeps `size` workers running. `environment` gives a worker's variables by its name."""

    project: Path
    size: int
    environment: Callable[[str], Mapping[str, str]]
    defects: str = ""
    all: list[Incarnation] = field(default_factory=list)
    deserters: list[str] = field(default_factory=list)

    @property
    def living(self) -> list[Incarnation]:
        """Those that have not ended, as far as is known."""
        return [each for each in self.all if each.ended is None]

    @property
    def killed(self) -> list[Incarnation]:
        """Those that ended by SIGKILL."""
        return [each for each in self.all if each.killed_at is not None]

    def tend(self) -> None:
        """Notes who has ended and how, and starts others in their place."""
        for each in self.living:
            if each.process.poll() is not None:
                self._note_end(each)
        while len(self.living) < self.size:
            self._start()

    def stop(self) -> None:
        """Ends all, politely first."""
        for each in self.living:
            each.process.terminate()
        deadline = time.monotonic() + 30
        for each in self.living:
            try:
                each.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                each.process.kill()
                each.process.wait()

    def _note_end(self, each: Incarnation) -> None:
        each.ended = time.time()
        if each.process.returncode == -signal.SIGKILL:
            each.killed_at = each.report.read_text().strip() or ANYWHERE if each.report.exists() else ANYWHERE
        elif each.ready:
            self.deserters.append(f"{each.name} ended with {each.process.returncode}: see {each.log}")
        else:
            time.sleep(0.2)  # it found no server: as its supervisor does, try again

    def _start(self) -> None:
        name = f"w{len(self.all) + 1}"
        log, report = self.project / f"{name}.log", self.project / f"{name}.killed"
        command = [
            sys.executable,
            "-m",
            "bench.firing.worker",
            str(report),
            self.defects,
            "--project",
            str(self.project),
        ]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **self.environment(name)}
        with log.open("wb") as file:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        self.all.append(Incarnation(name, process, log, report))
