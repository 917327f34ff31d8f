"""`regulars demo`: a sample shop, its last month replayed, and what to open."""

import asyncio
import os
import signal
import subprocess
from datetime import UTC
from pathlib import Path
from typing import Annotated

import typer
from psycopg import sql
from rich.console import Console
from rich.table import Table

from engine.cli.replay import Asked, run_window
from engine.cli.rules import sound_rules
from engine.composition import Stay
from engine.facts.importing.run import run as run_import
from engine.facts.migrate import upgrade
from engine.facts.pool import connect
from engine.replay.driver import Window
from engine.replay.run import Run
from engine.replay.summary import summaries
from engine.sample.shop import END, MONTH, ZONE, generate
from engine.servers.leave import leave
from engine.servers.need import need
from engine.servers.project import Project
from engine.servers.temporal_cli import find_temporal
from engine.shipped import shipped

SCHEMA = "demo"
MAPPING = shipped("examples") / "sample-shop" / "mapping.yaml"

console = Console()


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("demo")(demo)


def demo(
    exit_: Annotated[bool, typer.Option("--exit", help="End when the shop's month is over.")] = False,
    project: Annotated[Path | None, typer.Option(help="The project's directory.")] = None,
) -> None:
    """Run a sample shop: a year of facts, its last month replayed as real journeys on real servers."""
    found = Project.find(project)
    need(found, database=True, temporal=True, default_ports=not exit_)
    rules = sound_rules(found)
    directory = found.state / "demo"
    _load_shop(directory)
    window = Window(MONTH.astimezone(UTC), END.astimezone(UTC))
    asked = Asked(found, "demo", rules, window, ZONE, source=SCHEMA)

    def stay(run: Run) -> Stay:
        return lambda: _show(run, asked, end=exit_)

    leave(run_window(asked, stay))


def _load_shop(directory: Path) -> None:
    """Writes the shop's files and imports them into a schema of their own, made anew."""
    url = os.environ["REGULARS_DATABASE_URL"]
    rows = generate(directory / "shop")
    with connect(url) as connection:
        connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(SCHEMA)))
    upgrade(url, SCHEMA)
    result = run_import(url, directory, directory / "shop", MAPPING, schema=SCHEMA)
    console.print(
        f"sample shop: {rows['customers.csv']} customers, {rows['orders.csv']} orders; {result.refused} rows refused"
    )


async def _show(run: Run, asked: Asked, *, end: bool) -> None:
    await asyncio.to_thread(_list_workflows, run.namespace)
    await asyncio.to_thread(_sum_up, run.schema)
    interface = os.environ.get("REGULARS_TEMPORAL_UI")
    page = f"namespaces/{run.namespace}/workflows"
    console.print(
        f"\nmailbox:     {asked.directory / 'mailbox'} (.eml files, open them with a mail program)", soft_wrap=True
    )
    if end:
        port = asked.project.settings.temporal_ui_port
        console.print(f"Temporal UI: `regulars up`, then http://127.0.0.1:{port}/{page}", soft_wrap=True)
    elif interface:
        console.print(f"Temporal UI: {interface}/{page}", soft_wrap=True)
    if not end:
        console.print("running until Ctrl-C")
        await _until_stopped()


def _sum_up(schema: str) -> None:
    """The month in a few tables."""
    with connect(os.environ["REGULARS_DATABASE_URL"], schema) as connection:
        found = summaries(connection)
    for each in found:
        table = Table(*each.columns, title=f"\nthe month: {each.title}", title_justify="left")
        for row in each.rows:
            table.add_row(*map(str, row))
        console.print(table)


def _list_workflows(namespace: str) -> None:
    """What `temporal workflow list` says, as ops would ask it."""
    command = [str(find_temporal()), "workflow", "list", "--namespace", namespace, "--limit", "10"]
    address = os.environ.get("TEMPORAL_ADDRESS")
    listed = subprocess.run(  # noqa: S603 - the pinned program with our own arguments
        [*command, *(["--address", address] if address else [])],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    console.print(f"\n$ temporal {' '.join(command[1:])}", soft_wrap=True, highlight=False)
    console.print((listed.stdout or listed.stderr).rstrip(), soft_wrap=True, markup=False, highlight=False)


async def _until_stopped() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
