"""`regulars apply`: publishes the rules as a version and puts them in force; `--history` lists what was."""

from datetime import UTC
from typing import Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from engine.cli.applying import Wanted, author, carry_out
from engine.cli.database import Database
from engine.cli.planned import in_force
from engine.cli.project import ProjectOption, find_project
from engine.cli.rules_at import refuse_unsound
from engine.cli.standing import output_console
from engine.dispatch.in_force import history
from engine.facts.pool import connect
from engine.language.rules import load_rules

_MOST = 50

By = Annotated[str | None, typer.Option("--by", help="Who does it (default: as Git or the system knows you).")]
Message = Annotated[str, typer.Option("--message", "-m", help="Why, for whoever asks later.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Count = Annotated[
    int | None, typer.Option("--count", help="How many customers change, where the policy wants the number typed.")
]
Expect = Annotated[
    str | None, typer.Option("--expect", metavar="VERSION", help="Only if this version is still in force.")
]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("apply")(apply)


def apply(  # noqa: PLR0913, PLR0917 - each is an option
    yes: Yes = False,
    count: Count = None,
    start: Annotated[
        Literal["existing"] | None, typer.Option(help="existing: start journeys for those who are inside already.")
    ] = None,
    expect: Expect = None,
    by: By = None,
    message: Message = "",
    past: Annotated[bool, typer.Option("--history", help="List the versions that were in force instead.")] = False,
    project: ProjectOption = None,
) -> None:
    """Publish the rules as a version and put it in force, after showing what it changes and asking."""
    found = find_project(project)
    if past:
        _history(Database.of(found))
        return
    rules = load_rules(found.rules)
    refuse_unsound(rules, f"{found.rules}/", "rules with mistakes cannot be applied")
    wanted = Wanted("apply", author(found, by), message.strip(), start is not None, yes, count, expect)
    database = Database.of(found)
    carry_out(found, database, in_force(database), rules, "the working files", wanted)


def _history(database: Database) -> None:
    with connect(database.url) as connection:
        rows = history(connection, _MOST)
    table = Table(title="versions in force, the present one first", title_justify="left")
    for heading in ("version", "how", "at (UTC)", "by", "customers changing", "settled", "why"):
        table.add_column(heading, no_wrap=heading != "why")
    for row in rows:
        table.add_row(
            row.version,
            row.how,
            f"{row.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
            escape(row.author),
            "" if row.changing is None else f"{row.changing:,}",
            "yes" if row.settled_at else "not yet",
            escape(row.reason),
        )
    output_console().print(table if rows else "no version has been in force")
