"""`regulars schemas`: what editors complete and explain."""

import sys
from typing import Annotated

import typer

from engine.cli.project import ProjectOption, find_project
from engine.cli.rules import sound_rules
from engine.scaffold.schemas import stale_schemas, write_schemas
from engine.servers.errors import SetupError


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("schemas")(schemas)


def schemas(
    project: ProjectOption = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; end with 1 if one is stale.")] = False,
) -> None:
    """Write the schemas by which editors complete and explain this project's attributes, tags and segments."""
    try:
        found = find_project(project)
        rules = sound_rules(found)
        stale = list(stale_schemas(found.root, rules)) if check else write_schemas(found.root, rules)
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(error.exit_code) from None
    except OSError as error:
        hint = "see that the project has rules, and that its schemas may be written"
        sys.stderr.write(f"{SetupError('schemas-unwritable', f'{error.filename}: {error.strerror}', hint)}\n")
        raise typer.Exit(SetupError.exit_code) from None
    for path in stale:
        sys.stdout.write(
            f"{path.relative_to(found.root)}: {'stale; regulars schemas writes it' if check else 'written'}\n"
        )
    if not stale:
        sys.stdout.write("the schemas say what the rules say\n")
    raise typer.Exit(1 if check and stale else 0)
