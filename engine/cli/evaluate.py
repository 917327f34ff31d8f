"""`regulars evaluate`: everyone's standing at once; what it is and what changed."""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from engine.cli.confirm import confirmed
from engine.cli.database import Database
from engine.cli.instants import read_instant
from engine.cli.project import ProjectOption, find_project
from engine.cli.rules import sound_rules
from engine.cli.rules_in_force import judging_by, starting_with
from engine.composition import connect as connect_temporal
from engine.dispatch.held import HOW, begin
from engine.dispatch.in_force import MovedOnError
from engine.dispatch.versions import StoredVersions
from engine.evaluation.processes import Progress as Told
from engine.evaluation.run import Asked, Result, evaluate
from engine.evaluation.sliced import Found
from engine.evaluation.split import EndedError, evaluate_split
from engine.facts.currency import CurrencyUnclearError, reporting_currency
from engine.facts.event_contracts import load_contracts
from engine.facts.matching import EventMatcher
from engine.facts.pool import connect
from engine.language.rules import Rules
from engine.replay.prepare import shop_zone

_WRONG = 1
_MOST_SLICES = 1000
_WIDTH = 160
_KINDS = {"stage": "stage", "tier": "tier", "rfm_group": "RFM group", "segment": "segment", "tag": "tag"}


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("evaluate")(evaluate_)


def evaluate_(
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="A past instant, in the shop's zone: nothing is written.")
    ] = None,
    start: Annotated[
        Literal["existing"] | None,
        typer.Option(help="existing: what a rule says for the first time starts journeys too."),
    ] = None,
    slices: Annotated[
        int | None,
        typer.Option(min=1, max=_MOST_SLICES, help="Split it into so many slices, which the running workers take."),
    ] = None,
    yes: Annotated[
        int | None,
        typer.Option(help="If so many journeys are held as too many at once, start them without asking."),
    ] = None,
    project: ProjectOption = None,
) -> None:
    """Judge all customers: their stage, tier, RFM group, segments and tags, and what changed."""
    found = find_project(project)
    if slices is not None and as_of is not None:
        raise typer.BadParameter("--slices: found with --as-of, expected without: a past instant is read here")
    database = Database.of(found, temporal=slices is not None)
    url = database.url
    now = datetime.now(UTC)
    with connect(url) as connection:
        own = sound_rules(found)
        rules = starting_with(connection, own, now) if as_of is None else judging_by(connection, own)
    instant = now
    if as_of is not None:
        if start is not None:
            raise typer.BadParameter(
                "--start existing: found with --as-of, expected without: a past instant starts nothing"
            )
        with connect(url) as connection:
            instant = read_instant(as_of, shop_zone(connection, rules.policy.zone), "--as-of")
        if instant > now:
            raise typer.BadParameter(f"--as-of: found {as_of}, which lies ahead, expected a past instant")
    asked = Asked(
        url, rules, instant, now, write=as_of is None, start_existing=start is not None, mirror=database.mirror
    )
    try:
        with told_progress() as told:
            result = evaluate(asked, told) if slices is None else _split(asked, slices, told)
    except (CurrencyUnclearError, EndedError, MovedOnError) as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(_WRONG) from None
    _print(rules, asked, result)
    if result.held:
        _ask(asked, result, yes)


def _split(asked: Asked, slices: int, told: Told) -> Result:
    """The same by the workers, in slices."""

    async def split() -> Found:
        client = await connect_temporal()
        return await evaluate_split(
            client, asked.url, asked.rules, asked.as_of, slices, start_existing=asked.start_existing, progress=told
        )

    found = asyncio.run(split())
    return Result(found.tally, found.cut_offs, found.seconds, sum(found.tally.peak.values()), found.held)


def _ask(asked: Asked, result: Result, yes: int | None) -> None:
    """Starts what the run holds, if a person says so; else it stays held and nothing is lost."""
    above = asked.rules.policy.mass_start
    sys.stdout.write(
        f"{result.held} journeys are held: more at once than the {above.above if above else 0} of the policy's "
        f"mass_start; {HOW}\n"
    )
    if (yes is not None or (asked.start_existing and sys.stdin.isatty())) and confirmed("start", result.held, yes):
        with connect(asked.url, asked.schema) as connection:
            currency = reporting_currency(connection, asked.rules.policy.currency)
            matcher, versions = EventMatcher(load_contracts(), currency), StoredVersions()
            done = begin(connection, result.tally.started, datetime.now(UTC), matcher, versions)
        sys.stdout.write(f"{done.started} journeys started, {done.stopped} ended: their stop had come meanwhile\n")


@contextmanager
def told_progress() -> Iterator[Told]:
    """A bar on standard error, only on a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task("start", total=None)

        def told(what: str, done: int, total: int) -> None:
            bars.update(bar, description=what, completed=done, total=total or None)

        yield told


def _print(rules: Rules, asked: Asked, result: Result) -> None:
    # Numbers and names must stay whole: whoever reads them in a pipe can scroll.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)
    console.print(_sizes(rules, asked, result))
    if asked.write:
        console.print(_changes(result))
    for line in _summary(asked, result):
        console.print(line)


def _sizes(rules: Rules, asked: Asked, result: Result) -> Table:
    table = Table(title=f"standing as of {asked.as_of:%Y-%m-%d %H:%M:%S} UTC", title_justify="left")
    for heading in ("what", "name", "title"):
        table.add_column(heading, no_wrap=True)
    table.add_column("customers", justify="right", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    total = result.tally.customers
    for kind, names in _names(rules):
        for name, title in names:
            size = result.tally.sizes[kind, name]
            if name or size:
                share = f"{100 * size / total:.1f} %" if total else ""
                table.add_row(_KINDS[kind], name or "(none)", title, f"{size:,}", share)
        table.add_section()
    return table


def _names(rules: Rules) -> Iterator[tuple[str, Sequence[tuple[str, str]]]]:
    """Names and titles of each kind in the rules' order; the last, nameless one stands for who has none."""
    own, none = rules.standing, ("", "")
    if own.lifecycle:
        yield "stage", [*((each.name, each.title) for each in own.lifecycle.stages), none]
    if own.tiers:
        yield "tier", [*((each.name, each.title) for each in own.tiers.tiers), none]
    if own.rfm:
        yield "rfm_group", [*((each.name, each.title) for each in own.rfm.groups), none]
    yield "segment", [(each.name, each.title) for each in own.segments]
    yield "tag", [(each.name, each.title) for each in own.tags]


def _changes(result: Result) -> Table:
    table = Table(title="changes", title_justify="left")
    for heading in ("what", "from", "to", "cause"):
        table.add_column(heading, no_wrap=True)
    table.add_column("customers", justify="right", no_wrap=True)
    order = list(_KINDS)
    found = sorted(result.tally.changes.items(), key=lambda each: (order.index(each[0][0]), -each[1], str(each[0])))
    for (kind, before, after, cause), count in found:
        table.add_row(_KINDS[kind], before or "", after or "", cause, f"{count:,}")
    return table


def _summary(asked: Asked, result: Result) -> Iterator[str]:
    tally = result.tally
    for stages, count in tally.several_stages.most_common():
        if asked.rules.standing.lifecycle:
            held = f"in the stages {', '.join(stages)} at once; the first counts" if stages else "in no stage"
            yield f"warning: {count:,} customers are {held}"
    if tally.unexpected:
        yield f"warning: {tally.unexpected:,} changes of stage that the lifecycle does not allow"
    if tally.again:
        yield f"{tally.again:,} customers changed meanwhile and were judged again"
    changes = f"{sum(tally.changes.values()):,} changes, " if asked.write else "nothing written, "
    yield (
        f"{tally.customers:,} customers, {changes}{result.journeys:,} journeys started; "
        f"{result.seconds:.1f} s, at most {result.peak / 2**20:,.0f} MiB in all processes"
    )
