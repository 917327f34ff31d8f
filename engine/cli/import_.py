"""`regulars import`: a shop's files into facts, by a mapping."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from engine.dispatch.catch_up import stop_overtaken
from engine.dispatch.versions import StoredVersions
from engine.facts.currency import reporting_currency
from engine.facts.event_contracts import load_contracts
from engine.facts.importing.errors import MappingError, SourceError
from engine.facts.importing.reading_stage import Progress as Told
from engine.facts.importing.results import Result
from engine.facts.importing.run import check, run
from engine.facts.matching import EventMatcher
from engine.facts.migrate import upgrade
from engine.language.render import as_text
from engine.language.rules import load_rules
from engine.servers.need import need
from engine.servers.progress import Paced
from engine.servers.project import Project

DONE, WRONG = 0, 1


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("import")(import_)


def import_(
    source: Annotated[Path, typer.Argument(help="A directory of CSV files (.csv or .csv.gz), or one of them.")],
    mapping: Annotated[Path, typer.Option(help="The mapping in YAML: which column is what.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do everything, but leave the facts as they are.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with 1 if a row was refused.")] = False,
    project: Annotated[Path | None, typer.Option(help="The project's directory.")] = None,
) -> None:
    """Import a shop's files; the same files again change nothing, and no journey starts."""
    try:
        found = Project.find(project)
        # Before any server is started: most mistakes are found here.
        check(source, mapping)
        need(found, database=True)
        result = _run(found, source, mapping, dry_run=dry_run)
    except MappingError as error:
        _say(as_text(error.issues, {str(mapping): error.text}))
        raise typer.Exit(WRONG) from None
    except SourceError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(WRONG) from None
    _print(result)
    raise typer.Exit(WRONG if strict and result.refused else DONE)


def _run(project: Project, source: Path, mapping: Path, *, dry_run: bool) -> Result:
    url = os.environ["REGULARS_DATABASE_URL"]
    upgrade(url)
    rules = load_rules(project.rules) if project.rules.is_dir() else None

    def stop_overtaken_journeys(connection: psycopg.Connection[Any]) -> None:
        currency = reporting_currency(connection, rules.policy.currency if rules else None)
        stop_overtaken(connection, EventMatcher(load_contracts(), currency), StoredVersions(), datetime.now(UTC))

    with _progress() as told:
        return run(
            url,
            project.state,
            source,
            mapping,
            dry_run=dry_run,
            progress=told,
            after_merge=stop_overtaken_journeys,
        )


@contextmanager
def _progress() -> Iterator[Told]:
    """Shows on standard error what is being done: a bar on a terminal, elsewhere a line now and then."""
    if not sys.stderr.isatty():
        paced = Paced()
        yield lambda what, _done, _total: paced.say(what)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task("start", total=None)

        def told(what: str, done: int, total: int) -> None:
            bars.update(bar, description=what, completed=done, total=total or None)

        yield told


def _say(markup: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(markup)


def _print(result: Result) -> None:
    # Numbers and paths must stay whole: whoever reads them in a pipe or a narrow window can scroll.
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    console.print(_tables(result))
    console.print(_dirt(result))
    for line in _summary(result):
        console.print(line)


def _tables(result: Result) -> Table:
    title = f"shop {result.shop}: rows" + (" (dry run: nothing was kept)" if result.dry_run else "")
    headings = ("relation", "file", "rows", "new", "changed", "unchanged", "repeated", "refused", "amount")
    table = _table(title, headings, numbers=headings[2:])
    names = {file.alias: file.name for file in result.files}
    for each in result.tables:
        counts = (each.rows, each.new, each.changed, each.unchanged, each.repeated, each.refused)
        amount = "" if each.amount is None else f"{each.amount:,} {result.currency}"
        table.add_row(each.relation, names.get(each.file, each.file), *(f"{count:,}" for count in counts), amount)
    return table


def _dirt(result: Result) -> Table:
    table = _table("kept as told, though it does not fit", ("what", "count", "taken as"), numbers=("count",))
    for each in result.dirt:
        if each.count:
            table.add_row(each.what, f"{each.count:,}", each.treated)
    return table


def _table(title: str, headings: Iterable[str], numbers: Iterable[str]) -> Table:
    table = Table(title=title, title_justify="left")
    right = set(numbers)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in right else "left", no_wrap=True)
    return table


def _summary(result: Result) -> Iterator[str]:
    for file in result.files:
        if file.refused_file is not None:
            lost = f", {file.lost_cells:,} taken but for one cell" if file.lost_cells else ""
            yield f"{file.name}: {file.refused:,} of {file.rows:,} rows refused{lost}: {file.refused_file}"
        if file.resumed:
            yield f"{file.name}: read by an earlier run that did not come to its end"
    rows = sum(file.rows for file in result.files)
    new, changed = (sum(getattr(table, name) for table in result.tables) for name in ("new", "changed"))
    yield (
        f"{rows:,} rows read, {new:,} new, {changed:,} changed, {result.refused:,} refused; "
        f"{result.orders_changed:,} orders concerned; {result.seconds:.1f} s"
    )
