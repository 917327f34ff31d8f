"""`regulars playbooks`: which there are, what holds them, and pausing, killing and letting them go on."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer

from engine.campaigns.runs import states
from engine.cli.acting import By, Reason, acting, hold, said
from engine.cli.facts import console, opened, show
from engine.cli.project import ProjectOption, find_project
from engine.language.issues import did_you_mean
from engine.language.rules import Rules, load_rules
from engine.operations.controls import EVERY, PlaybookAction, history_of_playbooks
from engine.operations.present import Control, Journeys, read_present

app = typer.Typer(help="List playbooks; pause, kill and resume them.")

Name = Annotated[str | None, typer.Argument(metavar="[NAME]", help="The playbook.")]
All = Annotated[bool, typer.Option("--all", help="All playbooks at once.")]
_COLUMNS = ("playbook", "title", "rules", "held", "running", "waiting", "paused")


def register(main: typer.Typer) -> None:
    """Adds the command."""
    main.add_typer(app, name="playbooks")


@app.callback(invoke_without_command=True)
def playbooks(context: typer.Context, project: ProjectOption = None) -> None:
    """List playbooks: their status by the rules, what holds them, their journeys under way."""
    if context.invoked_subcommand is None:
        list_playbooks(project)


@app.command("list")
def list_playbooks(project: ProjectOption = None) -> None:
    """List playbooks: their status by the rules, what holds them, their journeys under way."""
    found = find_project(project)
    rules = load_rules(found.rules) if found.rules.is_dir() else None
    with opened(found.root) as connection:
        present = read_present(connection, datetime.now(UTC))
        actions = history_of_playbooks(connection)
        campaigns = {*states(connection), *(rules.campaigns if rules else ())}
    held = {each.playbook: each for each in present.controls}
    names = sorted({*(rules.plans if rules else ()), *present.journeys, *held} - campaigns - {EVERY})
    show("playbooks", _COLUMNS, [_row(name, rules, held, present.journeys.get(name)) for name in names])
    for each in present.controls:
        name = "all playbooks" if each.playbook == EVERY else each.playbook
        why = f": {each.reason}" if each.reason else ""
        console.print(f"{name}: {each.state} by {each.author} since {each.at}{why}", markup=False, soft_wrap=True)
    if actions:
        show("actions", ("at", "action", "playbook", "author", "reason"), actions[:10])


@app.command("show")
def show_playbook(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The playbook.")], project: ProjectOption = None
) -> None:
    """Show who did what to a playbook, when and why."""
    with opened(project) as connection:
        actions = history_of_playbooks(connection, name)
    show("actions", ("at", "action", "playbook", "author", "reason"), actions)


@app.command()
def pause(by: By, reason: Reason, name: Name = None, every: All = False, project: ProjectOption = None) -> None:
    """Hold a playbook back: nothing of it is sent, what comes due waits. Journeys still start."""
    _do("pause", name, every, by, reason, project)


@app.command()
def kill(by: By, reason: Reason, name: Name = None, every: All = False, project: ProjectOption = None) -> None:
    """Stop a playbook at once: whatever of it comes due from now on is skipped."""
    _do("kill", name, every, by, reason, project)


@app.command()
def resume(by: By, reason: Reason, name: Name = None, every: All = False, project: ProjectOption = None) -> None:
    """Let a playbook go on that was paused or killed."""
    _do("resume", name, every, by, reason, project)


def _row(name: str, rules: Rules | None, held: dict[str, Control], journeys: Journeys | None) -> dict[str, Any]:
    plan = rules.plan(name) if rules else None
    holding = held.get(name) or held.get(EVERY)
    return {
        "playbook": name,
        "title": plan.title if plan else None,
        "rules": plan.status if plan else "not in the rules",
        "held": holding.state if holding else None,
        "running": journeys.running if journeys else 0,
        "waiting": journeys.waiting if journeys else 0,
        "paused": journeys.paused if journeys else 0,
    }


def _do(action: PlaybookAction, name: str | None, every: bool, by: str, reason: str, project: Path | None) -> None:
    if (name is not None) == every:
        raise typer.BadParameter("found no or two choices of playbooks, expected a NAME or --all")
    author, why = said(by, "--by", "who does it"), said(reason, "--reason", "why")
    found = find_project(project)
    with acting(found.root) as connection:
        playbook = EVERY if name is None else _known(connection, load_rules(found.rules), name)
        hold(connection, action, playbook, author, why)


def _known(connection: psycopg.Connection[Any], rules: Rules, name: str) -> str:
    """The name, if the rules or a journey know it, or something holds it."""
    rows = connection.execute("select playbook from journeys union select playbook from playbook_controls").fetchall()
    known = {*rules.plans, *rules.campaigns, *(row[0] for row in rows)} - {EVERY}
    if name not in known:
        hint = did_you_mean(name, known) or "`regulars playbooks` lists them"
        raise typer.BadParameter(f"NAME: found {name!r}, expected a playbook that is known ({hint})")
    return name
