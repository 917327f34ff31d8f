"""Which files count: a manifest that is replaced whole, and files that never change once it names them."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_NAME = "manifest.json"
_MAGIC = b"PAR1"
_FOOTER = 8


@dataclass(frozen=True)
class File:
    """One file, by its path below the mirror's directory."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Part:
    """All rows of some customers as of one refresh.

    A part of the base has the customers whose numbers are from `low` (None: from the first) to before `high` (None:
    to the last). Another has those in the file `superseded`, whose rows in parts of earlier generations count no more.
    """

    generation: int
    customers: int
    files: Mapping[str, File]
    low: int | None = None
    high: int | None = None
    superseded: File | None = None

    @property
    def is_base(self) -> bool:
        """Whether it is a part of the base."""
        return self.superseded is None

    def every_file(self) -> Iterator[File]:
        """Its files."""
        yield from self.files.values()
        if self.superseded is not None:
            yield self.superseded


@dataclass(frozen=True)
class Manifest:
    """What the mirror is as of one refresh.

    Attributes:
        declared: digest of what is mirrored.
        mirror: the name under which the database knows it.
        database: which database it is of.
        generation: raised by each refresh that writes.
        snapshot: PostgreSQL's, which says what transactions it has seen.
        tzdata: the version of the zones' rules when it was written; rows are kept as instants and need none.
        made_at: wall clock of this refresh, ISO 8601.
        built_at: wall clock of the last full build.
        periods: the shop's campaign periods: key, begin and end in microseconds.
        parts: in the order of their generations.
    """

    declared: str
    mirror: str
    database: str
    generation: int
    snapshot: str
    tzdata: str
    made_at: str
    built_at: str
    periods: tuple[tuple[str, int, int], ...]
    parts: tuple[Part, ...]

    def every_file(self) -> Iterator[File]:
        """All files that count."""
        for part in self.parts:
            yield from part.every_file()

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(file.size for file in self.every_file())

    def customers(self, *, base: bool) -> int:
        """How many customers are in parts of the base, or in the others."""
        return sum(part.customers for part in self.parts if part.is_base is base)


def read_manifest(directory: Path) -> Manifest | None:
    """The manifest in force; None where there is none that can be read."""
    try:
        told = json.loads((directory / _NAME).read_text("utf-8"))
        parts = tuple(_part(each) for each in told.pop("parts"))
        periods = tuple((str(key), int(start), int(end)) for key, start, end in told.pop("periods"))
        return Manifest(**told, parts=parts, periods=periods)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Puts a manifest in force, at once and for good: its files are on the disk, and so is it when this returns."""
    aside = directory / f".{_NAME}"
    with aside.open("w", encoding="utf-8") as file:
        json.dump(asdict(manifest), file, indent=1, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(directory / _NAME)
    sync_directory(directory)


def describe_file(directory: Path, path: Path) -> File:
    """A file that was written: brought to the disk, with its size and digest."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return File(str(path.relative_to(directory)), path.stat().st_size, digest)


def sync_directory(directory: Path) -> None:
    """Brings the names in a directory to the disk."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def fault_of(directory: Path, file: File, *, whole: bool = False) -> str | None:
    """What is wrong with a file: it is missing, of another size, not ended as Parquet files are; None: nothing.

    Args:
        directory: the mirror's.
        file: as the manifest names it.
        whole: its content is read and compared too.
    """
    try:
        with (directory / file.path).open("rb") as opened:
            size = os.fstat(opened.fileno()).st_size
            if size != file.size:
                return f"{file.path} has {size:,} bytes, expected {file.size:,}"
            opened.seek(max(0, size - _FOOTER))
            if not opened.read().endswith(_MAGIC):
                return f"{file.path} does not end as a Parquet file"
            opened.seek(0)
            if whole and hashlib.file_digest(opened, "sha256").hexdigest() != file.sha256:
                return f"{file.path} has other content than was written"
    except OSError as error:
        return f"{file.path}: {error.strerror}"
    return None


def _part(told: dict[str, Any]) -> Part:
    files = {name: File(**file) for name, file in told.pop("files").items()}
    superseded = told.pop("superseded")
    return Part(**told, files=files, superseded=File(**superseded) if superseded else None)
