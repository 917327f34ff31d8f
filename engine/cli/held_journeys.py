"""`regulars journeys release` and `discard`: what becomes of journeys that would have started too many at once."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from psycopg.rows import tuple_row

from engine.cli.confirm import confirmed
from engine.cli.facts import console, opened
from engine.cli.rules import sound_rules
from engine.cli.rules_in_force import judging_by
from engine.dispatch.held import discard, held, release
from engine.dispatch.versions import StoredVersions
from engine.facts.currency import reporting_currency
from engine.facts.event_contracts import load_contracts
from engine.facts.matching import EventMatcher
from engine.servers.project import Project

Playbook = Annotated[str | None, typer.Argument(help="Only those of this playbook; default: of all.")]
Yes = Annotated[int | None, typer.Option(help="How many, in place of typing it; another number does nothing.")]
Directory = Annotated[Path | None, typer.Option("--project", help="The project's directory.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command("release")(release_journeys)
    app.command("discard")(discard_journeys)


def release_journeys(playbook: Playbook = None, yes: Yes = None, project: Directory = None) -> None:
    """Start journeys that are held; one whose stop has come meanwhile ends without having begun."""
    own = sound_rules(Project.find(project))
    with opened(project) as connection:
        connection.row_factory = tuple_row  # type: ignore[assignment]  # what follows reads plain rows
        rules = judging_by(connection, own)
        playbooks = _confirmed(connection, playbook, yes, "start")
        matcher = EventMatcher(load_contracts(), reporting_currency(connection, rules.policy.currency))
        done = release(connection, playbooks, datetime.now(UTC), matcher, StoredVersions())
    console.print(f"{done.started:,} journeys started, {done.stopped:,} ended: their stop had come meanwhile")


def discard_journeys(playbook: Playbook = None, yes: Yes = None, project: Directory = None) -> None:
    """Drop journeys that are held: they stay in the list as cancelled."""
    with opened(project) as connection:
        done = discard(connection, _confirmed(connection, playbook, yes, "discard"), datetime.now(UTC))
    console.print(f"{done:,} journeys discarded")


def _confirmed(connection: psycopg.Connection[Any], playbook: str | None, yes: int | None, what: str) -> list[str]:
    """The playbooks whose held journeys are meant, once their number has been confirmed."""
    waiting = {name: count for name, count in held(connection).items() if playbook in (None, name)}
    total = sum(waiting.values())
    if not total:
        whose = f" of {playbook}" if playbook else ""
        console.print(f"no journeys{whose} are held")
        raise typer.Exit
    if not confirmed(what, total, yes):
        raise typer.Exit(1)
    return list(waiting)
