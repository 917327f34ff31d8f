"""The one place where rules are read from disk: a directory as `{relative path: text}`."""

import errno
import json
import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from engine.shipped import shipped

SCHEMAS = shipped("schemas")
"""Where the schemas are that ship."""
_YAML = frozenset({".yaml", ".yml"})
# One byte more than the reader admits tells it that the file is too large, without reading all of it.
_MOST_BYTES = 1_000_001


def read_directory(directory: Path) -> dict[str, str]:
    """All rule files and templates under a directory, by their path relative to it.

    Bytes that are not UTF-8 come as surrogate escapes, which the reader reports with their place.

    Raises:
        OSError: there is no such directory, or a file in it cannot be read.
    """
    if not directory.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(directory))
    return {path.relative_to(directory).as_posix(): _text(path) for path in sorted(_files(directory))}


def read_contracts(directory: Path = SCHEMAS / "events") -> dict[str, Mapping[str, Any]]:
    """The contracts of events, JSON Schemas by the kind of event.

    Raises:
        OSError: a file cannot be read.
        ValueError: a file is not JSON.
    """
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(directory.glob("*.json"))}


@cache
def shipped_contracts() -> Mapping[str, Mapping[str, Any]]:
    """The contracts that ship with the engine."""
    return read_contracts()


def _files(directory: Path) -> Iterator[Path]:
    for path in directory.rglob("*"):
        inside = path.relative_to(directory)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in inside.parts)
        if not hidden and path.is_file() and (path.suffix in _YAML or inside.parts[0] == "templates"):
            yield path


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_MOST_BYTES).decode("utf-8", "surrogateescape")
