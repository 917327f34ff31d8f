import os
import signal
import subprocess
import sys

import psutil
import pytest

from engine.servers.processes import Identity, stop
from tests.servers.waiting import until


@pytest.fixture
def sleeper() -> subprocess.Popen:
    child = subprocess.Popen(["sleep", "600"])
    yield child
    child.kill()
    child.wait()


def test_a_running_process_is_alive(sleeper: subprocess.Popen) -> None:
    assert Identity.of(sleeper.pid).alive()


def test_a_zombie_counts_as_dead(sleeper: subprocess.Popen) -> None:
    identity = Identity.of(sleeper.pid)
    os.kill(sleeper.pid, signal.SIGKILL)
    until(lambda: psutil.Process(sleeper.pid).status() == psutil.STATUS_ZOMBIE, "a zombie")
    assert not identity.alive()


def test_another_process_with_the_same_pid_counts_as_dead(sleeper: subprocess.Popen) -> None:
    identity = Identity.of(sleeper.pid)
    assert not Identity(identity.pid, identity.started - 60).alive()


def test_stopping_another_process_with_the_same_pid_leaves_it_alone(sleeper: subprocess.Popen) -> None:
    identity = Identity.of(sleeper.pid)
    assert stop(Identity(identity.pid, identity.started - 60))
    assert identity.alive()


def test_a_process_that_ignores_requests_is_killed() -> None:
    script = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        assert stop(Identity.of(child.pid), [(signal.SIGTERM, 0.2), (signal.SIGKILL, 10)])


def test_a_halted_process_is_stopped_too(sleeper: subprocess.Popen) -> None:
    identity = Identity.of(sleeper.pid)
    os.kill(sleeper.pid, signal.SIGSTOP)
    until(lambda: psutil.Process(sleeper.pid).status() == psutil.STATUS_STOPPED, "a halted process")
    assert stop(identity, [(signal.SIGTERM, 20)])
