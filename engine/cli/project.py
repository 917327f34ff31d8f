"""The option `--project`, which all commands take."""

from pathlib import Path
from typing import Annotated

import typer

from engine.servers.project import Project

ProjectOption = Annotated[
    Path | None,
    typer.Option(
        "--project",
        metavar="DIR",
        help="The project's directory (default: the current one or its nearest parent with regulars.toml).",
        show_default=False,
    ),
]


def find_project(directory: Path | None) -> Project:
    """The project that the option names, or the one around the current directory.

    Raises:
        SetupError: there is none, or its settings are wrong.
    """
    return Project.find() if directory is None else Project.at(directory)
