"""Opens the mirror: up to date, in a DuckDB connection of its own, whose files stay as long as it is open."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

import duckdb
import psycopg

from engine.mirror.errors import MirrorError
from engine.mirror.locks import hold_for_reading
from engine.mirror.manifest import Manifest, read_manifest
from engine.mirror.refresh import PART_CUSTOMERS, Say, refresh
from engine.mirror.views import create_views
from engine.mirror.writing import Home, Tell
from engine.query.run import MEMORY, connect


@dataclass(frozen=True)
class Limits:
    """What the mirror may take.

    Attributes:
        memory: DuckDB's, such as `1GB`; beyond that it spills.
        threads: DuckDB's; None: one a core.
        spill: where DuckDB puts what does not fit; None: in the mirror's directory.
        part_customers: how many customers a part has at most, which bounds what a refresh needs at once.
    """

    memory: str = MEMORY
    threads: int | None = None
    spill: Path | None = None
    part_customers: int = PART_CUSTOMERS


USUAL = Limits()


@dataclass(frozen=True)
class Mirror:
    """The open mirror: a connection with a view for each relation, `people` and `told_events`; and what it shows."""

    duck: duckdb.DuckDBPyConnection
    manifest: Manifest


def mirror_directory(state: Path, url: str, schema: str = "public") -> Path:
    """Where the mirror of a database and schema is, below a project's state; it may be removed at any time."""
    told = psycopg.conninfo.conninfo_to_dict(url)
    return state / "mirror" / f"{quote(str(told.get('dbname') or 'default'), safe='')}-{quote(schema, safe='')}"


@contextmanager
def opened_mirror(
    url: str,
    schema: str,
    directory: Path,
    *,
    limits: Limits = USUAL,
    say: Say = lambda _: None,
    tell: Tell = lambda *_: None,
    anew: bool = False,
) -> Iterator[Mirror]:
    """Opens the mirror as of now: first it is brought up to date with what is committed.

    Args:
        url: of the database.
        schema: the schema of the tables.
        directory: where the files are, made if need be: `mirror_directory`.
        limits: what it may take.
        say: told when parts or all are built again, and why.
        tell: told of each step of a refresh.
        anew: everything is built again.

    Yields:
        The mirror. What others refresh meanwhile is not seen.

    Raises:
        MirrorError: the disk is full or cannot be used; what was in force still is.
    """
    home = Home(url, schema, directory)
    with closing(
        connect(spill=limits.spill or directory / "spill", memory=limits.memory, threads=limits.threads)
    ) as duck:
        duck.execute("set timezone = 'UTC'")
        refresh(home, duck, part_customers=limits.part_customers, say=say, tell=tell, anew=anew)
        with hold_for_reading(directory):
            manifest = read_manifest(directory)
            if manifest is None:
                raise MirrorError(
                    "mirror_gone", f"the mirror in {directory} was removed while it was opened", "run the command again"
                )
            if manifest.tzdata != version("tzdata"):
                say(f"zones are those of tzdata {version('tzdata')}; rows are instants and stay as they are")
            create_views(duck, directory, manifest)
            yield Mirror(duck, manifest)
