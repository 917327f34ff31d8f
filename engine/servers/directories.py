"""Directories of a project's state, made on demand."""

from pathlib import Path

from engine.servers.errors import SetupError


def made(directory: Path, mode: int = 0o777) -> Path:
    """The directory, made with all above it if it is absent.

    Raises:
        SetupError: it cannot be made.
    """
    try:
        directory.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            "state-unwritable",
            f"{directory}: {error.strerror}",
            "run as the user that made the project's .regulars directory, and where it can be written",
        ) from None
    return directory
