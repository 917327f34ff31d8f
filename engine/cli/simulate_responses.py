"""Assumed responses on the command line: the file of `--responses` is read, or what is wrong in it is told."""

from pathlib import Path

import typer
from rich.console import Console

from engine.language.render import as_text
from engine.language.responses import Responses, read_responses
from engine.language.rules import Rules

_WRONG = 1


def assumed_responses(file: Path, rules: Rules) -> Responses:
    """Reads the file; where it has mistakes they are printed, and the command ends with 1.

    Raises:
        typer.BadParameter: the file cannot be read.
        typer.Exit: it has mistakes.
    """
    try:
        text = file.read_text("utf-8", "surrogateescape")
    except OSError as error:
        raise typer.BadParameter(f"--responses: {file}: {error.strerror}, expected a file in YAML") from None
    responses, issues = read_responses(text, str(file), rules)
    if issues:
        Console(stderr=True, highlight=False, soft_wrap=True).print(as_text(issues, {str(file): text}))
    if responses is None:
        raise typer.Exit(_WRONG)
    return responses
