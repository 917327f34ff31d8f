"""`regulars new`: a rule of one's own to begin with."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from engine.cli.project import ProjectOption, find_project
from engine.scaffold.activity import create_activity
from engine.scaffold.rule import create_rule
from engine.servers.errors import SetupError

Made = Literal["attribute", "segment", "playbook", "activity"]
"""What can be made."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("new")(new)


def new(
    kind: Annotated[Made, typer.Argument(help="What to make.")],
    name: Annotated[str, typer.Argument(help="Its name, such as orders_60d, my-best, win-back.")],
    project: ProjectOption = None,
) -> None:
    """Write a new attribute, segment, playbook or activity, commented and sound, with its test."""
    try:
        found = find_project(project)
        written = create_activity(found, name) if kind == "activity" else create_rule(found, kind, name)
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(error.exit_code) from None
    for path in written:
        sys.stdout.write(f"written: {_shown(path)}\n")
    sys.stdout.write(_next(kind, name, written))


def _next(kind: Made, name: str, written: list[Path]) -> str:
    rule, *others = map(_shown, written)
    steps = [(f"change {rule}", "into what you mean"), ("regulars check", "whether it is sound")]
    if kind == "playbook":
        steps += [
            (f"change {others[0]}", "and the .txt beside it: what it sends"),
            ("status: live", f"in {rule}: it starts"),
        ]
    elif kind == "activity":
        steps.append((f"pytest {others[0]}", "whether it does what its test says"))
    else:
        steps.append((f"regulars test {others[0]}", "whether it does what its test says"))
    if kind == "segment":
        steps.append((f"regulars segment {name}", "who is in it"))
    width = max(len(do) for do, _ in steps) + 2
    return "Next:\n" + "".join(f"  {do:<{width}}{why}\n" for do, why in steps)


def _shown(path: Path) -> str:
    here = Path.cwd()
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()
