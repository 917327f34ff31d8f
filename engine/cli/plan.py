"""`regulars plan`: who enters, leaves or changes if these rules are applied."""

from typing import Annotated

import typer

from engine.cli.database import Database
from engine.cli.planned import Before, Format, in_force, plan_of, where_known, write
from engine.cli.project import ProjectOption, find_project
from engine.cli.rules_at import refuse_unsound, rules_at
from engine.language.rules import load_rules
from engine.planning.report import Version

_CHANGES = 2


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("plan")(plan)


def plan(
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="REF", help="Compare with the rules at a Git ref, not with those in force."),
    ] = None,
    ref: Annotated[
        str | None, typer.Option("--ref", metavar="REF", help="The rules at a Git ref in place of the working files.")
    ] = None,
    output: Annotated[
        Format, typer.Option("--format", help="For a terminal, for machines, or for a pull request.")
    ] = "text",
    project: ProjectOption = None,
) -> None:
    """Show what the rules would change if they were applied; exit 2 if anything changes, 1 if they are wrong."""
    found = find_project(project)
    rules = load_rules(found.rules) if ref is None else rules_at(found.rules, ref, "--ref")
    refuse_unsound(rules, f"{found.rules}/" if ref is None else f"{ref}:", "rules with mistakes cannot be planned")
    database = Database.of(found)
    before = in_force(database) if against is None else None
    if before is None:
        known = rules_at(found.rules, str(against), "--against")
        before = Before(known, Version(known.version, f"the rules at {against}"))
    made = plan_of(
        database, before, rules, "the working files" if ref is None else f"the rules at {ref}", where_known(found)
    )
    write(made.plan, output)
    if made.plan.changes:
        raise typer.Exit(_CHANGES)
