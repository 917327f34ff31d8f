"""What `plan`, `apply` and `rollback` share: both versions, and the plan between them."""

import json
import sys
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import typer
from rich.console import Console

from engine.cli.database import Database
from engine.cli.evaluate import told_progress
from engine.cli.mirror import project_mirror
from engine.cli.rules_in_force import WrongVersionError
from engine.dispatch.in_force import Row, last
from engine.dispatch.versions import StoredVersions
from engine.edits.positions import Positions, read_positions
from engine.facts.currency import CurrencyUnclearError
from engine.facts.pool import connect
from engine.language.rules import Rules
from engine.planning.as_json import as_json
from engine.planning.as_markdown import as_markdown
from engine.planning.as_text import show
from engine.planning.make import Asked, Made, make_plan
from engine.planning.report import Plan, Version
from engine.planning.under_way import Places
from engine.servers.external import temporal_configured
from engine.servers.lease import running
from engine.servers.need import need
from engine.servers.project import Project

Format = Literal["text", "json", "markdown"]
_WRONG = 1
_WIDE = 200


@dataclass(frozen=True)
class Before:
    """What edited rules are compared with: the version in force, or the files of a ref."""

    rules: Rules | None
    version: Version
    row: Row | None = None
    notes: tuple[str, ...] = ()


def in_force(database: Database) -> Before:
    """The version in force.

    Raises:
        WrongVersionError: this engine cannot make it of its files.
    """
    with connect(database.url) as connection:
        row = last(connection)
        if row is None:
            return Before(None, Version(None, "nothing, as no version has been in force"))
        try:
            rules = StoredVersions().get(connection, row.version)
        except LookupError as error:
            raise WrongVersionError("no-version", str(error), "`regulars doctor` looks closer") from None
        return Before(rules, Version(row.version, "the version in force", row.at, row.author, row.how), row)


def nowhere(_playbooks: Collection[str]) -> None:
    """Nobody is asked where journeys under way stand."""


def where_known(project: Project) -> Places:
    """Asks Temporal where journeys under way stand, if it is there; none is started."""

    def places(playbooks: Collection[str]) -> Positions | None:
        if not temporal_configured() and running(project.state / "temporal") is None:
            return None
        need(project, temporal=True)
        try:
            return read_positions(playbooks)
        except RuntimeError:
            return None

    return places


def plan_of(database: Database, before: Before, new: Rules, what: str, places: Places = nowhere) -> Made:
    """The plan from one version to another, with a bar where it takes long.

    Raises:
        MirrorError: the disk is full or cannot be used.
        typer.Exit: the currency is unclear; the message has been written.
    """
    asked = Asked(
        database.url, before.rules, new, before.version, Version(new.version, what), datetime.now(UTC),
        notes=before.notes, places=places,
    )  # fmt: skip
    try:
        with project_mirror(database.project, database.url) as mirror, told_progress() as told:
            return make_plan(asked, mirror, told)
    except CurrencyUnclearError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(_WRONG) from None


def write(plan: Plan, output: Format) -> None:
    """Writes a plan to standard output."""
    match output:
        case "json":
            sys.stdout.write(json.dumps(as_json(plan), indent=2, ensure_ascii=False) + "\n")
        case "markdown":
            sys.stdout.write(as_markdown(plan))
        case "text":
            width = None if sys.stdout.isatty() else _WIDE
            show(plan, Console(highlight=False, soft_wrap=True, width=width))
