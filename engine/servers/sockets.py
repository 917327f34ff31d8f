"""Directories for Unix sockets, whose whole path the kernel limits to about a hundred bytes."""

import hashlib
import os
import pwd
import tempfile
from pathlib import Path

from engine.servers.errors import SetupError

# The shortest limit among the systems (macOS: 104 bytes with the final zero), less PostgreSQL's own file name.
_LONGEST = 103 - len("/.s.PGSQL.5432")


def socket_directory(home: Path, user: pwd.struct_passwd | None) -> Path:
    """A private directory for the server's socket: `run` in its home, or a short one if that is too long.

    Args:
        home: the server's own directory.
        user: who runs the server, if not we.
    """
    directory = socket_path(home)
    uid = user.pw_uid if user else os.geteuid()
    try:
        directory.mkdir(mode=0o700)
        if user:
            os.chown(directory, user.pw_uid, user.pw_gid)
    except FileExistsError:
        _require_private(directory, uid)
    return directory


def socket_path(home: Path) -> Path:
    """Where the socket of the server with this home is."""
    directory = home.resolve() / "run"
    if len(os.fsencode(directory)) <= _LONGEST:
        return directory
    digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"regulars-{digest}"


def _require_private(directory: Path, uid: int) -> None:
    # In a directory open to all, somebody else may have been there first.
    found = directory.lstat()
    if not directory.is_dir() or directory.is_symlink() or found.st_uid != uid or found.st_mode & 0o077:
        raise SetupError(
            "not-private", f"{directory} is not a private directory of uid {uid}", "remove it, then try again"
        )
