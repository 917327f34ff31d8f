"""One writer at a time, and files that stay as long as somebody reads them."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def writing(directory: Path) -> Iterator[None]:
    """Alone in writing; others wait here. A process that dies lets go."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "writer.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def hold_for_reading(directory: Path) -> IO[str]:
    """While what this gives is open, no file that a manifest has named is removed."""
    file = (directory / "readers.lock").open("w")
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


@contextmanager
def unread(directory: Path) -> Iterator[bool]:
    """Whether nobody reads; while this lasts nobody begins to."""
    with (directory / "readers.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
