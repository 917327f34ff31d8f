"""Processes by identity: a pid alone may be somebody else's by now, so its start time goes with it."""

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import psutil

# Start times come from the kernel's ticks and the boot time, which may be corrected while the machine runs.
_TOLERANCE = 2.0


@dataclass(frozen=True)
class Identity:
    """One process for all time: its pid and when it started (seconds since the epoch)."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """The identity of the process that has this pid now, or None if there is none."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.Error:
            return None

    def process(self) -> psutil.Process | None:
        """The live process, or None if it ended, is a zombie, or its pid went to another one."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) <= _TOLERANCE
            return process if same and process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD) else None
        except psutil.Error:
            return None

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process() is not None


# Asked politely, then told, then ended: (signal, seconds to wait after it).
POLITELY: tuple[tuple[signal.Signals, float], ...] = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))


def stop(identity: Identity, steps: Sequence[tuple[signal.Signals, float]] = POLITELY) -> bool:
    """Stops a process, ours or an orphan, with ever harder signals.

    Returns:
        Whether it is gone.
    """
    for number, seconds in steps:
        process = identity.process()
        if process is None:
            break
        try:
            process.send_signal(number)
            process.send_signal(signal.SIGCONT)  # a halted process would not hear the first one
        except psutil.Error:
            break
        _wait_gone(identity, seconds)
    _reap(identity.pid)
    return not identity.alive()


def _wait_gone(identity: Identity, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while identity.alive() and time.monotonic() < deadline:
        time.sleep(0.02)


def _reap(pid: int) -> None:
    # Only a parent may; for an orphan the kernel's init does.
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
