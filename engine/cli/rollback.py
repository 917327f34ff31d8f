"""`regulars rollback`: puts a version in force again that was published before."""

from typing import Annotated

import typer

from engine.cli.apply import By, Count, Expect, Message, Yes
from engine.cli.applying import Wanted, author, carry_out
from engine.cli.database import Database
from engine.cli.planned import in_force
from engine.cli.project import ProjectOption, find_project
from engine.cli.rules_at import refuse_unsound
from engine.cli.rules_in_force import find_version
from engine.dispatch.versions import StoredVersions
from engine.facts.pool import connect


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("rollback")(rollback)


def rollback(
    version: Annotated[str, typer.Argument(help="A version that was published, or the beginning of its name.")],
    yes: Yes = False,
    count: Count = None,
    expect: Expect = None,
    by: By = None,
    message: Message = "",
    project: ProjectOption = None,
) -> None:
    """Go back to a version, after showing what that changes and asking. The working files stay as they are."""
    found = find_project(project)
    database = Database.of(found)
    with connect(database.url) as connection:
        whole = find_version(connection, version)
        rules = StoredVersions().get(connection, whole)
    refuse_unsound(rules, f"{whole}:", "this engine takes them no longer")
    wanted = Wanted("rollback", author(found, by), message.strip(), False, yes, count, expect)
    carry_out(found, database, in_force(database), rules, "version", wanted)
