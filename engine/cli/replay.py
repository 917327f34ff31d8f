"""`regulars replay`: recorded facts go into the running engine, with waits held by the shop's clock."""

import asyncio
import os
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from engine.cli.instants import read_instant
from engine.cli.rules import sound_rules
from engine.composition import run_replay
from engine.facts.migrate import upgrade
from engine.facts.pool import connect
from engine.language.rules import Rules
from engine.replay.driver import Driver, Window
from engine.replay.log import counts, message_log, write_log
from engine.replay.prepare import prepare_schema, shop_zone
from engine.replay.run import Run, directory, next_run
from engine.servers.leave import leave
from engine.servers.need import need
from engine.servers.project import Project

console = Console()


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("replay")(replay)


def replay(
    name: Annotated[str, typer.Argument(help="The replay's name; its state is kept under it and made anew each time.")],
    start: Annotated[str, typer.Option("--from", help="The window's beginning, in the shop's zone.")],
    to: Annotated[str, typer.Option("--to", help="The window's end, exclusive, in the shop's zone.")],
    project: Annotated[Path | None, typer.Option(help="The project's directory.")] = None,
) -> None:
    """Replay recorded facts through the running engine; nothing leaves but into the replay's own mailbox."""
    found = Project.find(project)
    need(found, database=True, temporal=True)
    leave(replay_window(found, name, start, to))


def replay_window(project: Project, name: str, start: str, to: str) -> int:
    """Runs a replay and prints its outcome; gives the exit code."""
    url = os.environ["REGULARS_DATABASE_URL"]
    upgrade(url)
    rules = sound_rules(project)
    with connect(url) as connection:
        zone = shop_zone(connection, rules.policy.zone)
    window = Window(read_instant(start, zone, "--from"), read_instant(to, zone, "--to"))
    if window.start >= window.to:
        raise typer.BadParameter(f"--from {start} does not lie before --to {to}")
    try:
        run = next_run(project.state, name)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    began = time.monotonic()
    with console.status("copying facts"):
        copied = prepare_schema(url, run, rules, window.to)
    if not copied["orders"] and not copied["events"] and not copied["site_events"]:
        console.print(f"no facts before {to}: import some with `regulars import` first")
        return 1
    driver = asyncio.run(_drive(url, run, rules, window, project))
    _report(url, run, project, window, zone)
    console.print(
        f"{driver.facts} facts let in, {driver.waits} waits ended, {time.monotonic() - began:.1f} s; "
        f"Temporal namespace {run.namespace}, schema {run.schema}"
    )
    return 0


async def _drive(url: str, run: Run, rules: Rules, window: Window, project: Project) -> Driver:
    with console.status("replaying") as status:

        def progress(at: datetime, facts: int, waits: int) -> None:
            status.update(f"replaying: {at:%Y-%m-%d %H:%M} UTC, {facts} facts, {waits} waits")

        mailbox = directory(project.state, run.name) / "mailbox"
        return await run_replay(url, run, rules, window, mailbox, progress)


def _report(url: str, run: Run, project: Project, window: Window, zone: str) -> None:
    with connect(url, run.schema) as connection:
        lines = message_log(connection)
        found = counts(connection)
    file = directory(project.state, run.name) / "messages.csv"
    write_log(lines, file)
    table = Table(
        "playbook", "what", "outcome", "count", title=f"replay {run.name}: {window.start} to {window.to} (zone {zone})"
    )
    for count in found:
        table.add_row(count.playbook, count.what, count.outcome, str(count.count))
    console.print(table)
    console.print(f"message log: {file}")
