"""`regulars activities`: the activities of a project's own, and what each takes and answers."""

import json
from typing import Annotated

import typer
from rich.console import Console

from engine.cli.project import ProjectOption, find_project
from engine.language.own import Declared, resolved
from engine.language.rules import load_rules

activities_app = typer.Typer(help="Activities of the project's own.", invoke_without_command=True)
console = Console(highlight=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(activities_app, name="activities")


@activities_app.callback()
def activities(context: typer.Context, project: ProjectOption = None) -> None:
    """List the activities, and name what could not be used."""
    if context.invoked_subcommand is None:
        list_activities(project)


@activities_app.command("list")
def list_activities(project: ProjectOption = None) -> None:
    """List the activities, and name what could not be used; exit code 1 if anything could not."""
    rules = load_rules(find_project(project).rules)
    for name, each in sorted(rules.own.by_name.items()):
        console.print(f"{name}: {each.title} ({each.idempotency})", markup=False)
    failed = [issue for issue in rules.issues if issue.code == "RG324"]
    for issue in failed:
        console.print(f"not usable: {issue.file}:{issue.line}: {issue.found}", markup=False)
    if failed:
        raise typer.Exit(1)


@activities_app.command("show")
def show_activity(
    name: Annotated[str, typer.Argument(help="The activity's name.")], project: ProjectOption = None
) -> None:
    """Print an activity's page, as Markdown."""
    own = load_rules(find_project(project).rules).own.by_name
    if name not in own:
        raise typer.BadParameter(f"there is no activity {name!r}; `regulars activities` lists them")
    console.print(page(own[name]), markup=False)


def page(each: Declared) -> str:
    """What an activity is, takes and answers."""
    told = [f"# {each.name}", each.title, each.description, f"```yaml\n{each.example}\n```"]
    told += [f"A second attempt: {each.idempotency}. One attempt may take {each.timeout} s."]
    for title, schema in (("Takes", each.given), ("Answers", each.answer)):
        fields = schema.get("properties", {})
        needed = schema.get("required", ())
        lines = [
            f"- `{key}`: {_kind(part, schema)}{', needed' if key in needed else ''}" for key, part in fields.items()
        ]
        told += [f"## {title}", "\n".join(lines) or "Nothing."]
    return "\n\n".join(filter(None, told))


def _kind(part: dict[str, object], root: object) -> str:
    shown = resolved(part, root if isinstance(root, dict) else {})
    return str(shown.get("type", "")) if "enum" not in shown else json.dumps(shown["enum"])
