"""`regulars replay`: recorded facts go into the running engine, with waits held by the shop's clock."""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from engine.cli.database import Database
from engine.cli.instants import read_instant
from engine.cli.rules import sound_rules
from engine.composition import Stay, free_run, run_replay
from engine.facts.pool import connect
from engine.language.rules import Rules
from engine.replay.driver import Window
from engine.replay.lanes import Drivers
from engine.replay.log import counts, message_log, write_log
from engine.replay.prepare import prepare_schema, shop_zone
from engine.replay.run import Run, begin, directory, next_run
from engine.replay.standing import decides, judge_before
from engine.servers.leave import leave
from engine.servers.project import Project

console = Console()


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("replay")(replay)


@dataclass(frozen=True)
class Asked:
    """What to replay: whose facts, under which name and rules, and which part of the past, in the shop's zone."""

    project: Project
    name: str
    rules: Rules
    window: Window
    zone: str
    source: str = "public"
    """The schema that holds the facts."""

    @property
    def directory(self) -> Path:
        """Where the replay keeps its mailbox and its message log."""
        return directory(self.project.state, self.name)


def replay(
    name: Annotated[str, typer.Argument(help="The replay's name; its state is kept under it and made anew each time.")],
    start: Annotated[str, typer.Option("--from", help="The window's beginning, in the shop's zone.")],
    to: Annotated[str, typer.Option("--to", help="The window's end, exclusive, in the shop's zone.")],
    project: Annotated[Path | None, typer.Option(help="The project's directory.")] = None,
) -> None:
    """Replay recorded facts through the running engine; nothing leaves but into the replay's own mailbox."""
    found = Project.find(project)
    url = Database.of(found, temporal=True).url
    rules = sound_rules(found)
    with connect(url) as connection:
        zone = shop_zone(connection, rules.policy.zone)
    window = Window(read_instant(start, zone, "--from"), read_instant(to, zone, "--to"))
    if window.start >= window.to:
        raise typer.BadParameter(f"--from {start} does not lie before --to {to}")
    leave(run_window(Asked(found, name, rules, window, zone)))


def run_window(asked: Asked, stay: Callable[[Run], Stay] | None = None) -> int:
    """Runs a replay, prints its outcome and gives the exit code. `stay`: what to do before its worker is stopped."""
    url = os.environ["REGULARS_DATABASE_URL"]
    try:
        run = asyncio.run(free_run(next_run(asked.project.state, asked.name)))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    begin(asked.project.state, run)
    began = time.monotonic()
    with console.status("copying facts"):
        copied = prepare_schema(url, run, asked.rules, asked.window.to, asked.source)
    if not copied["orders"] and not copied["events"] and not copied["site_events"]:
        console.print(f"no facts before {asked.window.to}: import some with `regulars import` first")
        return 1
    if decides(asked.rules):
        _judge_before(url, run, asked)
    asyncio.run(_drive(url, run, asked, began, stay(run) if stay else None))
    return 0


def _judge_before(url: str, run: Run, asked: Asked) -> None:
    with console.status("judging everybody as of the window's beginning") as status:

        def progress(what: str, done: int, total: int) -> None:
            status.update(f"before the window: {what}, {done:,} of {total:,} customers")

        known = judge_before(url, run.schema, asked.rules, asked.window.start, progress)
    console.print(f"{known:,} customers judged as of the window's beginning")


async def _drive(url: str, run: Run, asked: Asked, began: float, stay: Stay | None) -> None:
    with console.status("replaying") as status:

        def progress(at: datetime, facts: int, waits: int) -> None:
            status.update(f"replaying: {at:%Y-%m-%d %H:%M} UTC, {facts} facts let in, {waits} waits ended")

        async def finished(drivers: Drivers) -> None:
            status.stop()
            await asyncio.to_thread(_report, url, run, asked)
            flips = "" if drivers.flips is None else f"{drivers.flips} flips, "
            console.print(
                f"{drivers.facts} facts let in, {flips}{drivers.waits} waits ended "
                f"in {time.monotonic() - began:.1f} s; "
                f"Temporal namespace {run.namespace}, PostgreSQL schema {run.schema}"
            )
            if stay is not None:
                await stay()

        await run_replay(url, run, asked.rules, asked.window, asked.directory / "mailbox", progress, finished)


def _report(url: str, run: Run, asked: Asked) -> None:
    with connect(url, run.schema) as connection:
        lines = message_log(connection)
        found = counts(connection)
    file = asked.directory / "messages.csv"
    write_log(lines, file)
    zone = ZoneInfo(asked.zone)
    start, to = (f"{instant.astimezone(zone):%Y-%m-%d %H:%M}" for instant in (asked.window.start, asked.window.to))
    table = Table("playbook", "what", "outcome", "count", title=f"replay {run.name}: {start} to {to} ({asked.zone})")
    for count in found:
        table.add_row(count.playbook, count.what, count.outcome, str(count.count))
    console.print(table)
    console.print(f"message log: {file}", soft_wrap=True)
