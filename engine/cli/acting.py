"""What commands share that do something in somebody's name."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from psycopg.rows import tuple_row

from engine.cli.facts import opened
from engine.operations.controls import EVERY, PlaybookAction, control

_LONGEST = 500
_DONE = {"pause": "paused", "kill": "killed", "resume": "resumed"}

By = Annotated[str, typer.Option("--by", help="Who does it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for whoever asks later.")]


@contextmanager
def acting(project: Path | None) -> Iterator[psycopg.Connection[Any]]:
    """The project's own facts, to be changed."""
    with opened(project) as connection:
        changing: psycopg.Connection[Any] = connection
        changing.row_factory = tuple_row
        yield changing


def said(text: str, option: str, what: str) -> str:
    """A text that somebody must give.

    Raises:
        typer.BadParameter: it is empty or longer than anybody reads.
    """
    given = text.strip()
    if not given:
        raise typer.BadParameter(f"{option}: found nothing, expected {what}")
    if len(given) > _LONGEST:
        raise typer.BadParameter(f"{option}: found {len(given)} characters, expected at most {_LONGEST}")
    return given


def hold(connection: psycopg.Connection[Any], action: PlaybookAction, name: str, author: str, why: str) -> None:
    """Pauses or kills a playbook or campaign, or all, or lets it go on, and says so."""
    news = control(connection, action, name, author, why, datetime.now(UTC))
    shown = "all playbooks" if name == EVERY else name
    if news:
        sys.stdout.write(f"{shown}: {_DONE[action]} by {author}\n")
    else:
        already = "not held" if action == "resume" else f"{_DONE[action]} already"
        sys.stdout.write(f"{shown}: {already}; nothing changed\n")
