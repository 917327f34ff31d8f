"""The user's cache of programs that were downloaded or built once; shared by all projects, kept by `make clean`."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from engine.servers.progress import say


class RouteFailed(Exception):  # noqa: N818 - it is a reason on the way to another route, rarely an error
    """Why one route to a program cannot be taken."""


def cache() -> Path:
    """`regulars` in the user's cache directory (`XDG_CACHE_HOME`)."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "regulars"


def published(target: Path, make: Callable[[Path], None]) -> Path:
    """The target, made first if it is absent: whole or not at all, and by one process at a time.

    Args:
        target: a file or directory in the cache.
        make: makes the thing at the temporary path that it is given.

    Raises:
        RouteFailed: by `make`; nothing is left behind then.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / ".lock").open("a") as lock:
        _wait_for(lock.fileno(), target)
        if not target.exists():
            for left in target.parent.glob(".making-*"):  # of a killed one: we alone hold the lock
                shutil.rmtree(left, ignore_errors=True)
            work = Path(tempfile.mkdtemp(dir=target.parent, prefix=".making-"))
            try:
                make(work / target.name)
                (work / target.name).rename(target)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return target


def _wait_for(lock: int, target: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say(f"another process is making {target}; waiting for it")
        fcntl.flock(lock, fcntl.LOCK_EX)  # a build takes minutes; Ctrl-C ends the wait, a killed builder releases it
