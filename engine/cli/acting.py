"""What commands share that do something in somebody's name."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from psycopg.rows import tuple_row

from engine.cli.facts import opened

_LONGEST = 500

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
