"""Brings the mirror up to date: builds it, reads anew who changed, builds parts again that were lost."""

import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import duckdb

from engine.facts.pool import connect
from engine.mirror import changes
from engine.mirror.changes import CHANGED, Connection
from engine.mirror.compacting import compacted
from engine.mirror.errors import told_of_disks
from engine.mirror.layout import declared
from engine.mirror.locks import unread, writing
from engine.mirror.manifest import Manifest, Part, fault_of, read_manifest, sync_directory, write_manifest
from engine.mirror.writing import Home, Place, Range, Tell, ranges, write_base, write_changed

PART_CUSTOMERS = 100_000
"""How many customers a part has at most: a bound of the room that a refresh needs at once."""
_HALF = 0.5
_PERIODS = """
select key, (extract(epoch from starts_at) * 1000000)::bigint, (extract(epoch from ends_at) * 1000000)::bigint
  from campaign_periods order by id
"""
Say = Callable[[str], None]
"""Told a sentence of what is not as usual."""


@dataclass(frozen=True)
class _Found:
    """What a refresh begins with: the manifest in force, what is lost of it, who changed. `why`: all is built anew."""

    manifest: Manifest | None
    lost: tuple[Part, ...] = ()
    changed: int = 0
    why: str = ""


def refresh(
    home: Home,
    duck: duckdb.DuckDBPyConnection,
    *,
    part_customers: int = PART_CUSTOMERS,
    say: Say = lambda _: None,
    tell: Tell = lambda *_: None,
    anew: bool = False,
) -> Manifest:
    """Brings the mirror up to date with what is committed now, alone: others who would write wait.

    Args:
        home: which mirror.
        duck: a connection of this process that converts, with its limits.
        part_customers: how many customers a part has at most.
        say: told when parts or all are built again, and why.
        tell: told of each step.
        anew: everything is built again.

    Raises:
        MirrorError: the disk is full or cannot be used; what was in force still is.
    """
    directory = home.directory
    with told_of_disks(directory), writing(directory), connect(home.url, home.schema) as connection:
        manifest = read_manifest(directory)
        _clear(directory, manifest)
        snapshot = changes.begin(connection)
        place = Place(home, connection, duck, part_customers, tell)
        found = _Found(manifest, why="asked for") if anew else _look(connection, directory, manifest)
        if found.why and manifest is not None:
            say(f"the mirror is built anew: {found.why}")
        for part in found.lost:
            say(f"a part of the mirror is built again: {_fault(directory, part)}")
        try:
            new = _next(place, found, snapshot)
            if new is None:
                connection.rollback()
                return _kept(connection, found)
            tell("written", 1, 1)
            _put_in_force(connection, directory, found.manifest, new, tell)
        finally:
            _clear(directory, read_manifest(directory))
        return new


def _look(connection: Connection, directory: Path, manifest: Manifest | None) -> _Found:
    if manifest is None:
        return _Found(None, why="there is none yet")
    if manifest.declared != declared():
        return _Found(manifest, why="this version mirrors other fields")
    if manifest.database != changes.database_of(connection) or not changes.is_known(connection, manifest):
        return _Found(manifest, why="the database does not know it, or was set back")
    lost = tuple(part for part in manifest.parts if _fault(directory, part))
    beside = [part for part in lost if not part.is_base]
    if beside:
        return _Found(manifest, why=f"{_fault(directory, beside[0])}")
    changed = changes.note_changed(connection, manifest.snapshot)
    everybody = sum(part.customers for part in manifest.parts if part.is_base)
    if changed.everybody or changed.customers > max(_HALF * everybody, 1):
        return _Found(manifest, why="facts of more than half of all customers have changed")
    return _Found(manifest, lost, changed.customers)


def _fault(directory: Path, part: Part) -> str:
    return next((fault for file in part.every_file() if (fault := fault_of(directory, file))), "")


def _next(place: Place, found: _Found, snapshot: str) -> Manifest | None:
    """The manifest of this refresh, whose files are written; None: the one in force says it all."""
    periods = _periods(place.connection)
    generation = found.manifest.generation + 1 if found.manifest else 1
    now = datetime.now(UTC).isoformat(timespec="seconds")
    if found.manifest is None or found.why:
        new = Manifest(
            declared=declared(),
            mirror=found.manifest.mirror if found.manifest else uuid.uuid4().hex,
            database=changes.database_of(place.connection),
            generation=generation,
            snapshot=snapshot,
            tzdata=version("tzdata"),
            made_at=now,
            built_at=now,
            periods=periods,
            parts=(),
        )
        return replace(new, parts=tuple(write_base(place, generation, ranges(place))))
    if not found.lost and not found.changed and periods == found.manifest.periods:
        return None
    new = replace(
        found.manifest,
        generation=generation,
        snapshot=snapshot,
        tzdata=version("tzdata"),
        made_at=now,
        periods=periods,
        parts=tuple(_parts(place, found, found.manifest, generation)),
    )
    return compacted(place, new)


def _parts(place: Place, found: _Found, manifest: Manifest, generation: int) -> list[Part]:
    kept = [part for part in manifest.parts if part not in found.lost]
    again = [Range(part.low, part.high, part.customers) for part in found.lost]
    for span in again:
        # They are read with the part; twice in one generation would be twice in the view.
        place.connection.execute(f"delete from {CHANGED} where customer {span.where}")  # noqa: S608 -- our own words
    built = list(write_base(place, generation, again)) if again else []
    changed = list(write_changed(place, generation)) if changes.count_changed(place.connection) else []
    return [*kept, *built, *changed]


def _periods(connection: Connection) -> tuple[tuple[str, int, int], ...]:
    return tuple(connection.execute(_PERIODS).fetchall())


def _kept(connection: Connection, found: _Found) -> Manifest:
    assert found.manifest is not None  # without one something is always written
    changes.keep_known(connection, found.manifest)
    return found.manifest


def _put_in_force(connection: Connection, directory: Path, before: Manifest | None, new: Manifest, tell: Tell) -> None:
    for path in {(directory / file.path).parent for file in new.every_file()}:
        sync_directory(path)
    sync_directory(directory)
    connection.rollback()  # it has read all that it was to read
    changes.register(connection, new, before.snapshot if before else new.snapshot)
    tell("registered", 1, 1)
    write_manifest(directory, new)
    tell("in force", 1, 1)
    changes.prune(connection)


def _clear(directory: Path, manifest: Manifest | None) -> None:
    """Removes the directories that the manifest does not name, unless somebody may still read them."""
    named = {Path(file.path).parts[0] for file in manifest.every_file()} if manifest else set()
    rubbish = [
        path for path in directory.iterdir() if path.is_dir() and path.name not in named and path.name != "spill"
    ]
    if rubbish:
        with unread(directory) as nobody:
            for path in rubbish if nobody else ():
                shutil.rmtree(path, ignore_errors=True)
