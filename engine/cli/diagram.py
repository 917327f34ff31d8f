"""`regulars diagram`: a playbook as a picture, also with the numbers of a backtest."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from engine.cli.playbook_argument import find_playbook
from engine.cli.project import ProjectOption, find_project
from engine.cli.rules import sound_rules
from engine.diagram.counts import CountsError, read_counts, with_counts
from engine.diagram.graph import graph_of
from engine.diagram.mermaid import to_mermaid
from engine.diagram.svg import to_svg

_FORMS = {"mermaid": to_mermaid, "svg": to_svg}


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("diagram")(diagram)


def diagram(
    playbook: Annotated[str, typer.Argument(help="The playbook's name; a draft or a paused one too.")],
    form: Annotated[
        Literal["mermaid", "svg"], typer.Option("--format", help="Text that code forges draw, or a picture.")
    ] = "mermaid",
    counts: Annotated[
        Path | None,
        typer.Option("--counts", metavar="DIR", help="Write in the numbers that `regulars simulate --output` counted."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", help="Into this file; default: standard output.")] = None,
    project: ProjectOption = None,
) -> None:
    """Draw a playbook: what starts it, its steps, waits and ways, what stops it and where it ends."""
    plan = find_playbook(sound_rules(find_project(project)), playbook)
    graph = graph_of(plan)
    if counts is not None:
        try:
            graph = with_counts(graph, plan, read_counts(counts, playbook))
        except CountsError as error:
            raise typer.BadParameter(f"--counts: {error}") from None
    text = _FORMS[form](graph)
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"--output: found {output}, which cannot be written: {error.strerror}") from None
    sys.stdout.write(f"written: {output}\n")
