"""`regulars preview`: every message of a playbook as a customer would read it; nothing is sent."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from engine.cli.playbook_argument import find_playbook
from engine.cli.project import ProjectOption, find_project
from engine.cli.rules import sound_rules
from engine.cli.standing import opened_standing, output_console
from engine.cli.whole import expect_new, whole_directory
from engine.explain.customers import Customer, UnknownCustomerError, find_customer
from engine.facts.event_contracts import load_contracts
from engine.facts.matching import EventMatcher
from engine.language.render import as_text
from engine.messages.locales import normalise_locale
from engine.preview.fill import Filling
from engine.preview.page import write_pages
from engine.preview.shown import Preview, preview_of
from engine.preview.text import text_of
from engine.servers.project import Project

_WRONG = 1


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("preview")(preview)


def preview(
    playbook: Annotated[str, typer.Argument(help="The playbook's name, or a campaign's; a draft or a paused one too.")],
    customer: Annotated[
        str | None,
        typer.Option("--customer", help="For whom, by the shop's name or our number. Default: one whom it fits."),
    ] = None,
    locale: Annotated[
        list[str] | None,
        typer.Option("--locale", help="In this language; may be repeated. Default: the one that the customer gets."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="DIR", help="A new directory: index.html, and each message's files."),
    ] = None,
    examples: Annotated[
        bool, typer.Option("--examples", help="Example values in place of a customer's; no database is needed.")
    ] = False,
    project: ProjectOption = None,
) -> None:
    """Show every message of a playbook: all wordings, all channels, filled in; what cannot be is told at its place."""
    found = find_project(project)
    expect_new(output)
    locales = [_locale(each) for each in locale or ()]
    if examples and customer is not None:
        raise typer.BadParameter("--examples: found --customer beside it, expected one of the two")
    with _filling(found, customer, examples=examples) as (filling, whose):
        plan = find_playbook(filling.rules, playbook)
        shown = preview_of(plan, filling, filling.recipient(plan, whose), locales)
    if output is None:
        output_console().print(text_of(shown), markup=False, end="")
    else:
        with whole_directory(output) as directory:
            write_pages(shown, directory)
        output_console().print(_written(shown, output), markup=False)
    _tell(shown, filling, found)


def _locale(text: str) -> str:
    normal = normalise_locale(text)
    if normal is None:
        raise typer.BadParameter(f"--locale: found {text!r}, expected a language such as de, or de-AT")
    return normal


@contextmanager
def _filling(project: Project, customer: str | None, *, examples: bool) -> Iterator[tuple[Filling, Customer | None]]:
    """Where values come from, and the customer asked for."""
    now = datetime.now(UTC)
    if examples:
        yield Filling(sound_rules(project), now), None
        return
    with opened_standing(project, working=True) as opened:
        currency = opened.standings.currency
        matcher = EventMatcher(load_contracts(), currency)
        try:
            whose = None if customer is None else find_customer(opened.connection, customer)
        except UnknownCustomerError as error:
            raise typer.BadParameter(f"--customer: {error.args[0]}") from None
        yield Filling(opened.rules, now, opened.connection, currency, matcher), whose


def _written(shown: Preview, output: Path) -> str:
    many = len(shown.messages)
    return f"written: {output / 'index.html'} with {many} message{'' if many == 1 else 's'}, for {shown.recipient.who}"


def _tell(shown: Preview, filling: Filling, project: Project) -> None:
    """What is wrong, as `regulars check` tells it; then the command ends with 1."""
    if not shown.issues:
        return
    sys.stdout.flush()
    prefix = f"{project.rules.name}/"
    Console(stderr=True, highlight=False, soft_wrap=True).print(as_text(shown.issues, filling.rules.files, prefix))
    raise typer.Exit(_WRONG)
