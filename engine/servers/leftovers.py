"""What a killed owner left of PostgreSQL: a running postmaster, its helpers, a pid file that blocks the next start."""

import signal
from pathlib import Path

import psutil

from engine.servers.processes import Identity, stop

# Fast shutdown, immediate shutdown, then the end of it.
_STEPS = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0))


def stop_postgres(data: Path, known: Identity | None, sockets: Path | None = None) -> None:
    """Stops every PostgreSQL process that works in this data directory, then removes stale pid files.

    They are removed only when no process works in the directory any more, because the server's own check for that is
    in them. A live process of the same pid that is not ours (the pid was given again) is left alone.

    Args:
        data: the data directory; it may be absent.
        known: the server's process, if one is on record.
        sockets: the directory of the server's socket, which has a pid file of its own.
    """
    postmaster = _postmaster(data)
    for identity in (known, postmaster):
        if identity and _works_in(identity, data):
            stop(identity, _STEPS)
    for orphan in _workers(data):
        stop(orphan, _STEPS[1:])
    if data.is_dir() and not _workers(data):
        (data / "postmaster.pid").unlink(missing_ok=True)
        for file in sockets.glob(".s.PGSQL.*") if sockets else ():
            file.unlink(missing_ok=True)


def _postmaster(data: Path) -> Identity | None:
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return Identity.of(pid)


def _works_in(identity: Identity, data: Path) -> bool:
    process = identity.process()
    if process is None:
        return False
    try:
        return process.name().startswith("postgres") and Path(process.cwd()) == data.resolve()
    except psutil.Error:
        return False


def _workers(data: Path) -> list[Identity]:
    if not data.is_dir():
        return []
    found = (Identity.of(process.pid) for process in psutil.process_iter())
    return [identity for identity in found if identity and _works_in(identity, data)]
