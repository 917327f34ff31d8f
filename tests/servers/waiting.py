"""Waiting for conditions, and processes that tests start."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


def until(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Returns when the condition holds; fails the test if that takes too long."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.02)


def python(*words: str, **environment: str) -> tuple[list[str], dict[str, str]]:
    """A command of this Python and its environment, with the checkout importable."""
    return [sys.executable, *words], {**os.environ, "PYTHONPATH": str(ROOT), **environment}


def run(*words: str, seconds: float = 90.0, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess:
    """Runs Python to its end."""
    command, variables = python(*words, **environment)
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=seconds, cwd=cwd, check=False)


@contextlib.contextmanager
def started(
    *words: str, cwd: Path | None = None, stdin: int = subprocess.DEVNULL, **environment: str
) -> Iterator[subprocess.Popen]:
    """A running Python, killed at the end if it still runs."""
    command, variables = python(*words, **environment)
    with subprocess.Popen(
        command,
        env=variables,
        cwd=cwd,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            yield child
        finally:
            if child.poll() is None:
                child.kill()
