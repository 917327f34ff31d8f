"""`regulars up`: servers and a worker, kept running."""

import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from engine.servers.lease import running
from tests.servers.waiting import started, until

# Several servers start and stop in one test.
pytestmark = pytest.mark.timeout(300)


def workers(child: subprocess.Popen) -> list[psutil.Process]:
    found = psutil.Process(child.pid).children(recursive=True)
    return [process for process in found if "worker" in process.cmdline()]


def wait_for_worker(child: subprocess.Popen) -> None:
    for line in child.stdout:
        if line.startswith("worker ready"):
            return
    raise AssertionError(child.stderr.read())


def test_up_runs_a_worker_starts_a_dead_one_again_and_stops_everything_when_told(project: Path) -> None:
    with started("-m", "engine.cli", "up", "--project", str(project)) as child:
        wait_for_worker(child)
        [first] = workers(child)
        first.kill()
        wait_for_worker(child)
        [second] = workers(child)
        assert second.pid != first.pid
        child.send_signal(signal.SIGTERM)
        said = child.communicate(timeout=60)[1]
    assert child.returncode == 0, said
    assert "the worker ended with -9; starting it again" in said
    assert "Temporal UI  http://127.0.0.1:" in said
    until(lambda: not second.is_running(), "the worker's end")
    assert running(project / ".regulars" / "temporal") is None
    assert running(project / ".regulars" / "postgres") is None
