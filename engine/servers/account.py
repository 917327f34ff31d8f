"""Where PostgreSQL's data may lie and who may own it: as root it must run as another user.

That user must reach its data and its binaries through every directory above them. Modes of directories that we did not
create are never changed; where a project lies behind a closed door (a home of mode 0700), the data goes to a directory
of ours elsewhere and the project links to it.
"""

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

from engine.servers.directories import made
from engine.servers.errors import SetupError

USER = "regulars-pg"
# Open to all as far as every Unix has it; the first that can be used is taken.
_ELSEWHERE = (Path("/var/lib"), Path("/var/tmp"))  # noqa: S108 - a directory of our own is made in it
_HINT = "run as an ordinary user, or set REGULARS_DATABASE_URL to a PostgreSQL server of yours"


def account() -> pwd.struct_passwd | None:
    """The user to run PostgreSQL as, made if need be; None if we may run it as ourselves.

    Raises:
        SetupError: we are root and cannot have such a user.
    """
    if os.geteuid() != 0:
        return None
    for command in ([], *_ways_to_add()):
        if command:
            subprocess.run(command, capture_output=True, check=False)
        try:
            return pwd.getpwnam(USER)
        except KeyError:
            continue
    raise SetupError("no-account", f"PostgreSQL does not run as root, and the user {USER} could not be made", _HINT)


def _ways_to_add() -> list[list[str]]:
    # The GNU way, then BusyBox's.
    ways = (
        ["useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", USER],
        ["adduser", "-S", "-D", "-H", "-h", "/nonexistent", "-s", "/sbin/nologin", USER],
    )
    return [way for way in ways if shutil.which(way[0])]


def reachable(directory: Path) -> bool:
    """Whether a user with no special rights can pass through this directory and all above it."""
    resolved = directory.resolve()
    return all(path.stat().st_mode & stat.S_IXOTH for path in (resolved, *resolved.parents))


def home(state: Path) -> Path:
    """The directory for PostgreSQL's data, locks and socket of a project with this state directory.

    Args:
        state: an existing directory; gets an entry `postgres`, either the directory itself or a link to it.
    """
    entry = state / "postgres"
    if os.geteuid() != 0:
        return made(entry, 0o700)
    if not entry.is_symlink() and (entry.is_dir() or reachable(state)):
        return _opened(made(entry))
    return _linked(entry, elsewhere() / f"project-{_digest(entry)}")


def elsewhere() -> Path:
    """A directory of ours that every user can pass through; only root needs it.

    Raises:
        SetupError: there is no place for one.
    """
    for parent in _ELSEWHERE:
        if parent.is_dir() and reachable(parent) and os.access(parent, os.W_OK):
            directory = parent / "regulars"
            made(directory)
            _require_ours(directory)
            return _opened(directory)
    raise SetupError("no-place", f"PostgreSQL needs a directory below one of {list(map(str, _ELSEWHERE))}", _HINT)


def ours(directory: Path) -> bool:
    """Whether this is a directory that we made for a project's data outside the project."""
    return directory.parent in [parent / "regulars" for parent in _ELSEWHERE] and (directory / "project").is_file()


def _linked(entry: Path, wanted: Path) -> Path:
    """Follows the link unless it is a copy of another project's; makes it where there is none."""
    target = entry.resolve() if entry.is_symlink() else wanted
    origin = target / "project"
    if target.is_dir() and origin.is_file():
        first = Path(origin.read_text())
        if first != entry and first.is_symlink() and first.resolve() == target:
            target = wanted
    made(target)
    (target / "project").write_text(str(entry))
    if not entry.is_symlink() or entry.resolve() != target:
        entry.unlink(missing_ok=True)
        entry.symlink_to(target)
    return _opened(target)


def _digest(entry: Path) -> str:
    return hashlib.sha256(str(entry.absolute()).encode()).hexdigest()[:12]


def _opened(directory: Path) -> Path:
    """Ours to open: only directories that this module created come here."""
    directory.chmod(0o755)
    return directory


def _require_ours(directory: Path) -> None:
    if directory.is_symlink() or directory.stat().st_uid != os.geteuid():
        raise SetupError("not-ours", f"{directory} belongs to somebody else", f"remove it; or {_HINT}")
