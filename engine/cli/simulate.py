"""`regulars simulate`: the shop's own past through its playbooks, on a virtual clock; nothing is sent or written."""

import csv
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import typer
from rich.table import Table as Shown

from engine.cli.database import Database
from engine.cli.evaluate import told_progress
from engine.cli.instants import read_instant
from engine.cli.project import ProjectOption, find_project
from engine.cli.rules_at import refuse_unsound, rules_at, show
from engine.cli.simulate_campaigns import campaigns_in, check_campaigns, schedules
from engine.cli.simulate_responses import assumed_responses
from engine.cli.standing import output_console
from engine.facts.currency import CurrencyUnclearError, reporting_currency
from engine.facts.pool import connect
from engine.language.issues import did_you_mean
from engine.language.responses import Responses
from engine.language.rules import Rules, load_rules
from engine.replay.prepare import shop_zone
from engine.servers.progress import say
from engine.servers.project import Project
from engine.simulation.backtest import Window, backtest, with_cut_offs
from engine.simulation.findings import findings
from engine.simulation.kept import BusyError, Kept, fingerprint, keep, question
from engine.simulation.page import page
from engine.simulation.result import Result
from engine.simulation.tables import Report, Table, plain, shown, tables
from engine.simulation.worth import worth_of_pools

_WRONG = 1
_WORKING = "the project's rules"
_ONLY_IN_FILES = frozenset({"findings", "messages", "weeks", "hours", "standing"})
"""Tables that are too long for a terminal, or told there in other words."""
_MOST_ROWS = 60
_HAPPENED = """
select exists (select from orders where placed_at >= %(start)s and placed_at < %(to)s)
    or exists (select from events where at >= %(start)s and at < %(to)s)
    or exists (select from cases where opened_at >= %(start)s and opened_at < %(to)s)
"""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("simulate")(simulate)


def simulate(  # noqa: PLR0913, PLR0917 - each is an option
    start: Annotated[str, typer.Option("--from", help="The window's beginning, in the shop's zone.")],
    to: Annotated[str, typer.Option("--to", help="The window's end, exclusive, in the shop's zone.")],
    playbook: Annotated[
        list[str] | None,
        typer.Option("--playbook", help="Only this playbook; may be repeated. Default: all live ones."),
    ] = None,
    campaign: Annotated[
        list[str] | None,
        typer.Option(
            "--campaign",
            metavar="NAME[@INSTANT]",
            help="This campaign, beginning at the instant; may be repeated. Default: the live ones that begin in the "
            "window, and none beside --playbook.",
        ),
    ] = None,
    responses: Annotated[
        Path | None,
        typer.Option("--responses", metavar="FILE", help="Assumed shares of who opens, clicks and orders, in YAML."),
    ] = None,
    against: Annotated[
        str | None, typer.Option("--against", metavar="REF", help="Compare with the rules at this Git ref.")
    ] = None,
    ref: Annotated[str | None, typer.Option("--ref", metavar="REF", help="Simulate the rules at this Git ref.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="A new directory for the result: a page, CSV and JSON.")
    ] = None,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="For people, or for machines.")] = "text",
    project: ProjectOption = None,
) -> None:
    """Backtest playbooks over recorded facts: what they would have sent and given; nothing is sent or written."""
    found = find_project(project)
    if output is not None:
        _refuse(output)
    url = Database.of(found).url
    after, before = _sides(found, playbook or (), ref, against)
    check_campaigns(campaign, {*after.rules.campaigns, *(before.rules.campaigns if before else ())})
    # Whoever names a playbook alone wants nothing else.
    asked = _Asked(
        [] if playbook and campaign is None else campaign,
        None if responses is None else assumed_responses(responses, after.rules),
    )
    began = time.monotonic()
    with told_progress() as told:
        window = _window(url, after, asked, start, to, told)
        other = None if before is None else _window(url, before, asked, start, to, told)
        with _kept(found, window, other) as kept:
            result = _backtest(window, other, kept, told)
            report = _report(after, window, result, before, other, kept, time.monotonic() - began)
            if output is not None:
                _write(output, report)
            kept.kept.remove()
    if form == "json":
        sys.stdout.write(json.dumps(as_json(report), indent=2) + "\n")
    else:
        _print(report)
    if output is not None:
        say(f"written: {output}; look at {output / 'report.html'}")


def _refuse(output: Path) -> None:
    """A result that could not be written in the end is refused in the beginning."""
    if output.exists():
        raise typer.BadParameter(f"--output: found {output}, expected a directory that does not exist yet")
    parent = next(each for each in output.absolute().parents if each.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise typer.BadParameter(f"--output: found {parent}, which cannot be written to, expected a directory that can")


# --- whose rules ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Side:
    """A version of the rules, what it is called, its playbooks, and what was left out of it."""

    rules: Rules
    name: str
    playbooks: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def _sides(project: Project, asked: Sequence[str], ref: str | None, against: str | None) -> tuple[_Side, _Side | None]:
    """The rules that are simulated, and those that they are compared with."""
    rules = load_rules(project.rules) if ref is None else rules_at(project.rules, ref, "--ref")
    other = None if against is None else rules_at(project.rules, against, "--against")
    known = {**(other.plans if other else {}), **rules.plans}
    for name in asked:
        if name not in known and not any(f"playbook {name}" in each.disabled for each in (rules, other) if each):
            hint = did_you_mean(name, known) or "`regulars playbooks` lists them"
            raise typer.BadParameter(f"--playbook: found {name!r}, expected a playbook of the rules ({hint})")
    after = _side(
        rules, _WORKING if ref is None else ref, asked, f"{project.settings.rules}/" if ref is None else f"{ref}:"
    )
    return after, None if other is None or against is None else _side(other, against, asked, f"{against}:")


def _side(rules: Rules, name: str, asked: Sequence[str], prefix: str) -> _Side:
    """The playbooks that are named, drafts too; else all that are live. None of them may be left out for a mistake."""
    if not asked:
        refuse_unsound(rules, prefix)
        return _Side(rules, name, tuple(each for each, plan in rules.plans.items() if plan.starts))
    if any(f"playbook {each}" in rules.disabled for each in asked):
        show([issue for issue in rules.issues if issue.severity == "error"], rules, prefix)
        raise typer.Exit(_WRONG)
    return _Side(rules, name, tuple(each for each in dict.fromkeys(asked) if each in rules.plans), rules.disabled)


# --- the window -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Asked:
    """What takes part besides playbooks: campaigns as they are named (None: the live ones), assumed responses."""

    campaigns: Sequence[str] | None
    responses: Responses | None


def _window(url: str, side: _Side, asked: _Asked, start: str, to: str, told: Any) -> Window:  # noqa: ANN401 - the bar
    rules = side.rules
    with connect(url) as connection:
        zone = shop_zone(connection, rules.policy.zone)
        begins, ends = read_instant(start, zone, "--from"), read_instant(to, zone, "--to")
        if begins >= ends:
            raise typer.BadParameter(f"--from {start} does not lie before --to {to}")
        campaigns = campaigns_in(rules.campaigns, asked.campaigns, zone, begins, ends)
        row = connection.execute(_HAPPENED, {"start": begins, "to": ends}).fetchone()
        if not (row and row[0]):
            raise typer.BadParameter(
                f"--from {start} --to {to}: found no facts, expected a time in which something happened"
            )
        try:
            currency = reporting_currency(connection, rules.policy.currency)
        except CurrencyUnclearError as error:
            sys.stderr.write(f"{error}\n")
            raise typer.Exit(_WRONG) from None
        window = Window(
            url, rules, side.playbooks, begins, ends, currency, campaigns=campaigns, responses=asked.responses
        )
        return with_cut_offs(connection, window, lambda done, total: told("cut-offs", done, total))


# --- the work ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Keeping:
    """Where parts are kept, and the fingerprint of the facts that they are of."""

    kept: Kept
    facts: str


@contextmanager
def _kept(project: Project, window: Window, other: Window | None) -> Iterator[_Keeping]:
    """The parts of the same backtest that was interrupted, if facts and rules are still the same."""
    asked = question(window.question, None if other is None else other.question)
    with connect(window.url, window.schema) as connection:
        facts = fingerprint(connection)
    try:
        with keep(project.state / "simulate" / asked, facts) as kept:
            if kept.changed:
                say("facts have changed since this backtest was interrupted: it begins anew")
            elif kept.parts:
                say(f"goes on where it was interrupted: {kept.parts:,} parts are done already")
            yield _Keeping(kept, facts)
    except BusyError:
        say("the same backtest is running already: wait for it, or end it")
        raise typer.Exit(_WRONG) from None


def _backtest(window: Window, other: Window | None, keeping: _Keeping, told: Any) -> Result:  # noqa: ANN401 - the bar
    try:
        return backtest(window, lambda done, total: told("customers", done, total), against=other, kept=keeping.kept)
    except KeyboardInterrupt:
        say("interrupted: what is done is kept, and the same command goes on from there")
        raise


def _report(
    after: _Side,
    window: Window,
    result: Result,
    before: _Side | None,
    other: Window | None,
    keeping: _Keeping,
    seconds: float,
) -> Report:
    """With all that is looked up when everybody is done: what customers are called, and what coupons are worth."""
    numbers = {*result.touched, *(each.customer for each in (result.changes.chosen() if result.changes else ()))}
    with connect(window.url, window.schema) as connection:
        names = dict(
            connection.execute("select id, key from customers where id = any(%s)", (sorted(numbers),)).fetchall()
        )
        worth = worth_of_pools(connection)
        changed = fingerprint(connection) != keeping.facts
    return Report(
        window,
        result,
        after.name,
        None if before is None or other is None else (other, before.name),
        names,
        worth,
        findings(result, window.rules, window.playbooks),
        (*schedules(window), *_notes(after, before, result, changed=changed)),
        seconds,
    )


def _notes(after: _Side, before: _Side | None, result: Result, *, changed: bool) -> Iterator[str]:
    for side in (after, before):
        if side is not None and side.left_out:
            yield f"left out of {side.name} because of mistakes: {', '.join(side.left_out)}"
    if result.gone:
        yield f"{result.gone:,} customers were deleted while it ran: they are left out"
    if changed:
        yield "facts came or changed while it ran: customers were read at different moments"


# --- for people -------------------------------------------------------------------------------------------------------


def _print(report: Report) -> None:
    console = output_console()
    if report.window.responses is not None:
        console.print("with assumed responses, and so is everything that follows from them", markup=False)
    for each in report.findings:
        console.print(f"{'!' if each.weight == 'look' else '·'} {each.text}", markup=False)
    if not report.findings:
        console.print("nothing stands out by the thresholds of docs/simulation.md", markup=False)
    for table in tables(report):
        if table.rows and table.name not in _ONLY_IN_FILES:
            console.print(_shown(table))
    for line in (*report.notes, *(f"assumed: {each}" for each in report.assumptions)):
        console.print(line, markup=False)
    console.print(f"{summary(report)}; nothing was sent or written", markup=False)


def summary(report: Report) -> str:
    """How many, when, by which rules, how long."""
    window = report.window
    zone = ZoneInfo(window.rules.policy.zone)
    span = f"{window.start.astimezone(zone):%Y-%m-%d} to {window.to.astimezone(zone):%Y-%m-%d}"
    version = f"rules {window.rules.version}"
    if report.against is not None:
        version += f" against {report.against[0].rules.version} ({report.against[1]})"
    return f"{report.result.customers:,} customers, {span}, {version}, {report.seconds:.1f} s"


def _shown(table: Table) -> Shown:
    made = Shown(title=table.title, title_justify="left", caption=table.note or None, caption_justify="left")
    for name in table.columns:
        made.add_column(name, no_wrap=True)
    for row in table.rows[:_MOST_ROWS]:
        made.add_row(*map(shown, row))
    if len(table.rows) > _MOST_ROWS:
        made.add_row(f"… {len(table.rows) - _MOST_ROWS:,} more, with --output")
    return made


# --- for machines -----------------------------------------------------------------------------------------------------


def as_json(report: Report) -> dict[str, Any]:
    """The whole result: what was asked, and every table as a list of its rows."""
    window = report.window
    against = report.against
    return {
        "from": window.start.astimezone(UTC).isoformat(),
        "to": window.to.astimezone(UTC).isoformat(),
        "rules": report.rules,
        "version": window.rules.version,
        "against": None if against is None else {"rules": against[1], "version": against[0].rules.version},
        "playbooks": list(window.playbooks),
        "campaigns": [each.name for each in window.campaigns],
        "customers": report.result.customers,
        "seconds": round(report.seconds, 1),
        "notes": list(report.notes),
        "assumptions": list(report.assumptions),
        **{
            table.name: [dict(zip(table.columns, map(plain, row), strict=True)) for row in table.rows]
            for table in tables(report)
        },
    }


def _write(output: Path, report: Report) -> None:
    """All files at once: whoever finds the directory finds it whole."""
    making = None
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=f".{output.name}-", dir=output.parent))
        (making / "summary.json").write_text(json.dumps(as_json(report), indent=2) + "\n", encoding="utf-8")
        (making / "report.html").write_text(page(report), encoding="utf-8")
        for table in tables(report):
            _csv(making / f"{table.name}.csv", table)
        making.chmod(0o755)
        making.rename(output)
    except OSError as error:
        raise typer.BadParameter(
            f"--output: {output} cannot be written: {error.strerror}; what was worked out is kept, and the same command"
            " with another --output takes it from there"
        ) from None
    finally:
        if making is not None:
            shutil.rmtree(making, ignore_errors=True)


def _csv(file: Path, table: Table) -> None:
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(table.columns)
        writer.writerows([plain(each) for each in row] for row in table.rows)
