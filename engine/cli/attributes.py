"""`regulars attributes`: the attributes of some customers, or of all, as of an instant; also as a table in a file."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.table import Table

from engine.cli.evaluate import told_progress
from engine.cli.mirror import project_mirror
from engine.cli.project import ProjectOption, find_project
from engine.cli.standing import Opened, Working, opened_standing, output_console
from engine.cli.tables import write_csv
from engine.explain.bulk import Bulk
from engine.explain.customers import Customer, UnknownCustomerError, find_customer
from engine.explain.values import CHUNK, Values, cell, values_of
from engine.explain.words import Wording

_FORMATS = (".csv", ".parquet")


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("attributes")(attributes)


def attributes(
    customers: Annotated[
        list[str] | None,
        typer.Argument(help="The shop's names of customers, or our numbers; without any: all of them, into --output."),
    ] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="A past instant, in the shop's zone.")] = None,
    output: Annotated[Path | None, typer.Option("--output", help="A file to write: .csv or .parquet.")] = None,
    working: Working = False,
    project: ProjectOption = None,
) -> None:
    """Show the attributes of customers, or write those of all into a file; nothing is stored."""
    _check(customers or [], output)
    found_project = find_project(project)
    with opened_standing(found_project, working=working) as opened:
        at = opened.instant(as_of)
        currency = opened.standings.currency
        if output is not None and not customers:
            with project_mirror(found_project, opened.url) as mirror:
                _write_everybody(opened, output, Bulk(mirror, opened.rules, currency, at))
            return
        asked = [_find(opened, each) for each in customers or []]
        found = values_of(opened.connection, opened.rules, currency, asked, at)
        if output is None:
            _print(opened, found)
        else:
            _write(opened, output, asked, found)


def _check(customers: Sequence[str], output: Path | None) -> None:
    if output is None:
        if not customers:
            raise typer.BadParameter("--output: found neither a file nor a customer, expected one of the two")
        return
    if output.suffix not in _FORMATS:
        raise typer.BadParameter(f"--output: found {output.name}, expected a name that ends in .csv or .parquet")


def _find(opened: Opened, text: str) -> Customer:
    try:
        return find_customer(opened.connection, text)
    except UnknownCustomerError as error:
        raise typer.BadParameter(f"CUSTOMER: {error.args[0]}") from None


def _print(opened: Opened, found: Iterable[Values]) -> None:
    catalogue = opened.rules.catalogue
    wording = Wording(
        {name: each.type for name, each in catalogue.items()},
        {name: each.unit for name, each in catalogue.items()},
        opened.standings.currency,
        opened.rules.policy.zone,
    )
    for each in found:
        table = Table(title=f"{each.customer.key} (our number {each.customer.id})", title_justify="left")
        for heading in ("attribute", "title", "value"):
            table.add_column(heading, no_wrap=True)
        for name in catalogue:
            table.add_row(name, catalogue[name].title, wording.named(name, each.values[name]))
        output_console().print(table)


def _write(opened: Opened, output: Path, asked: Sequence[Customer], found: Iterator[Values]) -> None:
    columns = ("customer", "id", *opened.rules.catalogue)
    with told_progress() as progress:
        rows = _rows(opened, found)
        told = _counted(rows, lambda done: progress("attributes", done, len(asked)))
        if output.suffix == ".csv":
            written = write_csv(output, columns, told)
        else:
            frame = pd.DataFrame(list(told), columns=list(columns))
            frame.to_parquet(output, index=False)
            written = len(frame)
    sys.stdout.write(f"{written:,} customers with {len(columns) - 2} attributes in {output}\n")


def _write_everybody(opened: Opened, output: Path, bulk: Bulk) -> None:
    columns = ("customer", "id", *opened.rules.catalogue)
    if output.suffix == ".csv":
        with told_progress() as progress:
            write_csv(
                output,
                columns,
                _counted(_rows(opened, bulk.rows()), lambda done: progress("attributes", done, bulk.customers)),
            )
    else:
        try:
            bulk.write_parquet(output)
        except OSError as error:
            reason = error.strerror or str(error)
            raise typer.BadParameter(f"--output: found {output}, which cannot be written: {reason}") from None
    sys.stdout.write(f"{bulk.customers:,} customers with {len(columns) - 2} attributes in {output}\n")


def _rows(opened: Opened, found: Iterable[Values]) -> Iterator[list[object]]:
    catalogue, currency = opened.rules.catalogue, opened.standings.currency
    for each in found:
        told = (cell(each.values[name], catalogue[name].type, currency) for name in catalogue)
        yield [each.customer.key, each.customer.id, *told]


def _counted(rows: Iterable[list[object]], tell: Callable[[int], None]) -> Iterator[list[object]]:
    for done, row in enumerate(rows, 1):
        yield row
        if done % CHUNK == 0:
            tell(done)
