"""`regulars simulate`: the shop's own past through its playbooks, on a virtual clock; nothing is sent or written."""

import csv
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import psycopg
import typer
from rich.table import Table

from engine.cli.evaluate import told_progress
from engine.cli.instants import read_instant
from engine.cli.project import ProjectOption, find_project
from engine.cli.rules import sound_rules
from engine.cli.standing import output_console
from engine.facts.currency import CurrencyUnclearError, reporting_currency
from engine.facts.migrate import upgrade
from engine.facts.pool import connect
from engine.language.issues import did_you_mean
from engine.language.rules import Rules
from engine.replay.prepare import shop_zone
from engine.servers.need import need
from engine.simulation.backtest import ASSUMPTIONS, Window, backtest
from engine.simulation.cut_offs import Asked, Published, publications, published
from engine.simulation.result import Result, totals
from engine.simulation.world import Compiled

_WRONG = 1
_STATES = ("sent", "skipped", "failed")
_HAPPENED = """
select exists (select from orders where placed_at >= %(start)s and placed_at < %(to)s)
    or exists (select from events where at >= %(start)s and at < %(to)s)
    or exists (select from cases where opened_at >= %(start)s and opened_at < %(to)s)
"""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("simulate")(simulate)


def simulate(
    start: Annotated[str, typer.Option("--from", help="The window's beginning, in the shop's zone.")],
    to: Annotated[str, typer.Option("--to", help="The window's end, exclusive, in the shop's zone.")],
    playbook: Annotated[
        list[str] | None,
        typer.Option("--playbook", help="Only this playbook; may be repeated. Default: all live ones."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="A new directory for the result as CSV and JSON.")
    ] = None,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="For people, or for machines.")] = "text",
    project: ProjectOption = None,
) -> None:
    """Backtest playbooks over recorded facts: what they would have sent and given; nothing is sent or written."""
    found = find_project(project)
    if output is not None and output.exists():
        raise typer.BadParameter(f"--output: found {output}, expected a directory that does not exist yet")
    need(found, database=True)
    url = os.environ["REGULARS_DATABASE_URL"]
    upgrade(url)
    rules = sound_rules(found)
    names = _playbooks(rules, playbook)
    began = time.monotonic()
    with told_progress() as told:
        window = _window(url, rules, names, start, to, told)
        result = backtest(window, lambda done, total: told("customers", done, total))
    seconds = time.monotonic() - began
    if form == "json":
        sys.stdout.write(json.dumps(as_json(window, result, seconds), indent=2) + "\n")
    else:
        _print(window, result, seconds)
    if output is not None:
        _write(output, window, result, seconds)


def _playbooks(rules: Rules, asked: Sequence[str] | None) -> tuple[str, ...]:
    """Those that are named, drafts too; else all that are live."""
    if not asked:
        return tuple(name for name, plan in rules.plans.items() if plan.starts)
    for name in asked:
        if name not in rules.plans:
            hint = did_you_mean(name, rules.plans) or "`regulars playbooks` lists them"
            raise typer.BadParameter(f"--playbook: found {name!r}, expected a playbook of the rules ({hint})")
    return tuple(dict.fromkeys(asked))


def _window(url: str, rules: Rules, names: tuple[str, ...], start: str, to: str, told: Any) -> Window:  # noqa: ANN401 - the bar
    with connect(url) as connection:
        zone = shop_zone(connection, rules.policy.zone)
        begins, ends = read_instant(start, zone, "--from"), read_instant(to, zone, "--to")
        if begins >= ends:
            raise typer.BadParameter(f"--from {start} does not lie before --to {to}")
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
        cut_offs = _published(connection, Asked(url, rules, currency), names, begins, ends, told)
    return Window(url, rules, names, begins, ends, currency, cut_offs)


def _published(
    connection: psycopg.Connection[Any],
    asked: Asked,
    names: tuple[str, ...],
    begins: datetime,
    ends: datetime,
    told: Any,  # noqa: ANN401 - the bar
) -> Published:
    """As of the window's beginning, and as often as the policy publishes them, where a playbook uses tiers or RFM."""
    judge = Compiled(asked.rules, names, asked.currency).judge
    if judge is None or (judge.rules.tiers is None and judge.rules.rfm is None):
        return ()
    instants = list(publications(asked.rules.policy, begins, ends))
    ids = [row[0] for row in connection.execute("select id from customers order by id")]
    return published(asked, instants, ids, lambda done, total: told("cut-offs", done, total))


# --- for people -------------------------------------------------------------------------------------------------------


def _print(window: Window, result: Result, seconds: float) -> None:
    console = output_console()
    console.print(_messages(result))
    console.print(_table("skipped and failed", ("playbook", "reason", "messages"), _reasons(result)))
    console.print(_table("journeys", ("playbook", "ended", "outcome", "journeys"), _rows(result.journeys)))
    console.print(_table("goals", ("playbook", "who", "journeys", "reached", "share"), _goals(result)))
    if result.given:
        console.print(_table("given", ("playbook", "what", "step", "how many"), _rows(result.given)))
    touched = ", ".join(f"{name} {many}" for name, many in result.touched.most_common(5)) or "nobody"
    console.print(f"most messages: {touched}", markup=False)
    for line in ASSUMPTIONS:
        console.print(f"assumed: {line}", markup=False)
    zone = ZoneInfo(window.rules.policy.zone)
    span = f"{window.start.astimezone(zone):%Y-%m-%d} to {window.to.astimezone(zone):%Y-%m-%d}"
    version = f"rules {window.rules.version}"
    console.print(f"{result.customers:,} customers, {span}, {version}, {seconds:.1f} s; nothing was sent or written")


def _messages(result: Result) -> Table:
    rows = [
        (*key, *(counts[state] for state in _STATES), sum(counts[state] for state in counts.keys() - set(_STATES)))
        for key, counts in sorted(totals(result).items())
    ]
    return _table("messages", ("playbook", "step", *_STATES, "other"), rows)


def _reasons(result: Result) -> list[tuple[object, ...]]:
    found: Counter[tuple[str, str]] = Counter()
    for sent, many in result.messages.items():
        if sent.reason:
            found[sent.playbook, sent.reason] += many
    return _rows(found)


def _goals(result: Result) -> Iterator[tuple[object, ...]]:
    for playbook, kept_out in sorted({(name, out) for name, out, _ in result.goals}):
        reached, missed = (result.goals[playbook, kept_out, way] for way in (True, False))
        share = 100 * reached / (reached + missed)
        yield playbook, "holdout" if kept_out else "everybody else", reached + missed, reached, f"{share:.1f} %"


def _rows(counted: Counter[Any]) -> list[tuple[object, ...]]:
    return [(*key, many) for key, many in sorted(counted.items())]


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(*(f"{each:,}" if isinstance(each, int) else str(each) for each in row))
    return table


# --- for machines -----------------------------------------------------------------------------------------------------


def as_json(window: Window, result: Result, seconds: float) -> dict[str, Any]:
    """The whole result."""
    return {
        "from": window.start.astimezone(UTC).isoformat(),
        "to": window.to.astimezone(UTC).isoformat(),
        "version": window.rules.version,
        "playbooks": list(window.playbooks),
        "customers": result.customers,
        "seconds": round(seconds, 1),
        "assumptions": list(ASSUMPTIONS),
        "messages": [{**_sent(sent), "messages": many} for sent, many in sorted(result.messages.items())],
        "journeys": [
            {"playbook": playbook, "ended": ended, "outcome": outcome, "journeys": many}
            for (playbook, ended, outcome), many in sorted(result.journeys.items())
        ],
        "goals": [
            {"playbook": playbook, "holdout": out, "reached": reached, "journeys": many}
            for (playbook, out, reached), many in sorted(result.goals.items())
        ],
        "given": [
            {"playbook": playbook, "what": what, "step": step, "count": many}
            for (playbook, what, step), many in sorted(result.given.items())
        ],
        "touched": dict(result.touched.most_common()),
    }


def _sent(sent: Any) -> dict[str, str]:  # noqa: ANN401 - a Sent, by its fields
    return {name: getattr(sent, name) for name in ("playbook", "step", "channel", "week", "state", "reason")}


def _write(output: Path, window: Window, result: Result, seconds: float) -> None:
    """All files at once: whoever finds the directory finds it whole."""
    output.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=f".{output.name}-", dir=output.parent))
    try:
        told = as_json(window, result, seconds)
        (making / "summary.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
        for name in ("messages", "journeys", "goals", "given"):
            _csv(making / f"{name}.csv", told[name])
        making.chmod(0o755)
        making.rename(output)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    output_console().print(f"written: {output}", markup=False)


def _csv(file: Path, rows: Sequence[dict[str, Any]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as opened:
        if rows:
            writer = csv.DictWriter(opened, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
