"""`regulars init`: a project to begin with."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.scaffold.project import create_project
from engine.servers.errors import SetupError


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("init")(init)


def init(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where: a directory that is empty or not there yet.")
    ],
) -> None:
    """Make a new project: the shipped rules with their tests, settings, schemas for editors, a CI workflow."""
    try:
        rules = create_project(directory)
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(error.exit_code) from None
    standing = rules.standing
    sys.stdout.write(
        f"{directory} is a project now: {len(rules.catalogue)} attributes, {len(standing.tags)} tags, "
        f"{len(standing.segments)} segments, {len(rules.plans)} playbook{'' if len(rules.plans) == 1 else 's'}.\n"
        "Next:\n"
        f"  cd {directory}\n"
        "  regulars check                  whether the rules are sound\n"
        "  regulars test                   whether they do what their tests say\n"
        "  regulars new segment my-best    a rule of your own\n"
        "README.md leads through the first change.\n"
    )
