"""What an operator is told when the mirror cannot be written or read."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from engine.servers.errors import SetupError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_WORDS = ("No space left on device", "Disk quota exceeded", "File too large")


class MirrorError(SetupError):
    """The mirror could not be brought up to date; the one of before, if there was one, is still in force."""


@contextmanager
def told_of_disks(directory: Path) -> Iterator[None]:
    """Turns what a full or unusable disk raises into an error that says what to do.

    Raises:
        MirrorError: the disk is full, files cannot be written or read, or memory does not suffice.
    """
    try:
        yield
    except OSError as error:
        raise _error(directory, str(error), full=error.errno in _FULL) from error
    except duckdb.OutOfMemoryException as error:
        raise MirrorError(
            "mirror_memory",
            f"this needs more memory than DuckDB may take ({str(error).split(chr(10), maxsplit=1)[0]})",
            f"make room on the disk of {directory}, where it puts what does not fit, and see what else takes memory",
        ) from error
    except duckdb.IOException as error:
        text = str(error).split("\n")[0]
        raise _error(directory, text, full=any(words in text for words in _FULL_WORDS)) from error


def _error(directory: Path, text: str, *, full: bool) -> MirrorError:
    if full:
        return MirrorError(
            "mirror_disk_full",
            f"the disk is full, expected room for the mirror's files in {directory} ({text})",
            "make room, and run the command again; what was there before is kept, and the next refresh clears away"
            " what this one left",
        )
    return MirrorError(
        "mirror_unwritable",
        f"the mirror's files cannot be written or read in {directory} ({text})",
        "see that the directory belongs to you; it may be removed at any time and is then made anew",
    )
