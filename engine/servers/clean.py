"""Removes a project's state, wherever it lies: `python -m engine.servers.clean DIR` (`make clean`)."""

import shutil
import sys
from pathlib import Path

from engine.servers.account import ours
from engine.servers.errors import SetupError
from engine.servers.lease import in_use, running
from engine.servers.leftovers import stop_postgres
from engine.servers.sockets import socket_path
from engine.servers.temporal import stop_leftovers


def clean(state: Path) -> None:
    """Removes this state directory and those of tests and benches that lie in it; stops what a killed owner left.

    Raises:
        SetupError: a command uses one of the servers at this moment; nothing is removed then.
    """
    homes = [home for name in ("postgres", "temporal") for home in (state / name, *state.glob(f"*/{name}"))]
    for home in homes:
        if in_use(home):
            raise SetupError("in-use", f"the server of {home} is in use", "stop what uses it, then try again")
    for directory in sorted({home.parent for home in homes}, reverse=True):  # inner ones first
        _clean(directory)


def _clean(state: Path) -> None:
    stop_leftovers(state / "temporal", running(state / "temporal"))
    for entry in state.glob("postgres"):
        stop_postgres(entry / "data", None)
        sockets = socket_path(entry)
        if not sockets.is_relative_to(entry.resolve()):
            shutil.rmtree(sockets, ignore_errors=True)
        if entry.is_symlink() and ours(entry.resolve()):
            shutil.rmtree(entry.resolve())
    if state.is_dir():
        shutil.rmtree(state)


if __name__ == "__main__":
    try:
        clean(Path(sys.argv[1]))
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
