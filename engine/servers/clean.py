"""Removes a project's state, wherever it lies: `python -m engine.servers.clean DIR` (`make clean`)."""

import shutil
import sys
from pathlib import Path

from engine.servers.account import ours
from engine.servers.errors import SetupError
from engine.servers.lease import in_use
from engine.servers.leftovers import stop_postgres
from engine.servers.sockets import socket_path


def clean(state: Path) -> None:
    """Stops what a killed owner left and removes the state directory with the data that it links to.

    Raises:
        SetupError: a command uses the servers at this moment.
    """
    for home in (state / "postgres", state / "temporal"):
        if in_use(home):
            raise SetupError("in-use", f"the server of {home} is in use", "stop what uses it, then try again")
    for entry in state.glob("**/postgres"):
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
