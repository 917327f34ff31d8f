"""Opens the facts for commands that list and act."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import typer
from psycopg.rows import dict_row
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from engine.facts.migrate import upgrade
from engine.facts.pool import connect
from engine.replay.run import last_run
from engine.servers.need import need
from engine.servers.project import Project

_WIDEST = 1000

console = Console()
Connection = psycopg.Connection[dict[str, Any]]


@contextmanager
def opened(project: Path | None, replay: str | None = None, *, by_keys: bool = False) -> Iterator[Connection]:
    """The project's facts, or those of a replay, in one transaction that commits at the end. `by_keys`: see `connect`.

    Raises:
        typer.BadParameter: there is no such replay.
    """
    found = Project.find(project)
    need(found, database=True)
    url = os.environ["REGULARS_DATABASE_URL"]
    schema = "public"
    if replay is None:
        upgrade(url)
    else:
        schema = _replay_schema(found, replay)
    with connect(url, schema, by_keys=by_keys) as connection:
        found_schema = connection.execute("select to_regnamespace(%s) is not null", (schema,)).fetchone()
        if not (found_schema and found_schema[0]):
            raise typer.BadParameter(f"--replay: replay {replay!r} was not made in this database")
        connection.row_factory = dict_row
        yield connection


def _replay_schema(project: Project, name: str) -> str:
    run = last_run(project.state, name)
    if run is None:
        raise typer.BadParameter(f"--replay: there is no replay {name!r} in {project.state / 'replay'}")
    return run.schema


def show(title: str, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Prints rows as a table, instants in UTC, or says that there are none."""
    if not rows:
        console.print(f"{title}: none")
        return
    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(*(_text(row[name]) for name in columns))
    # Keys are copied from here into other commands, so lines stay whole however narrow the window is.
    natural = Measurement.get(console, console.options.update(width=_WIDEST), table).maximum
    Console(width=max(natural, console.width), soft_wrap=True, highlight=False).print(table)


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    return "" if value is None else str(value)
