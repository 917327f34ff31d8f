"""`regulars trace`: one customer's path through a playbook, as it was recorded or as a simulation has it."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Literal

import psycopg
import typer
from psycopg.rows import tuple_row

from engine.cli.evaluate import told_progress
from engine.cli.facts import opened
from engine.cli.instants import read_instant
from engine.cli.playbook_argument import find_playbook
from engine.cli.project import ProjectOption, find_project
from engine.cli.rules import sound_rules
from engine.cli.standing import Opened, opened_standing, output_console
from engine.dispatch.versions import StoredVersions
from engine.explain.customers import UnknownCustomerError, find_customer
from engine.facts.currency import CurrencyUnclearError, reporting_currency
from engine.facts.event_contracts import load_contracts
from engine.facts.matching import EventMatcher
from engine.facts.read import read_zone
from engine.journeys.plan import Plan
from engine.language.issues import did_you_mean
from engine.language.rules import Rules
from engine.replay.prepare import shop_zone
from engine.simulation.backtest import Window, assumptions, with_cut_offs
from engine.trace.recorded import recorded_paths
from engine.trace.simulated import simulated_paths
from engine.trace.text import text_of
from engine.trace.timeline import Timeline, to_json

_WRONG = 1


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("trace")(trace)


def trace(  # noqa: PLR0913, PLR0917 - each is an option
    customer: Annotated[str, typer.Argument(help="The shop's name of the customer, or our number.")],
    playbook: Annotated[str, typer.Argument(help="The playbook's name.")],
    simulated: Annotated[
        bool, typer.Option("--simulated", help="What the playbook would do, drafts too; with --from and --to.")
    ] = False,
    start: Annotated[str | None, typer.Option("--from", help="The simulation's beginning, in the shop's zone.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="Its end, exclusive, in the shop's zone.")] = None,
    replay: Annotated[
        str | None, typer.Option("--replay", help="Look into this replay in place of the shop's own journeys.")
    ] = None,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="For people, or for machines.")] = "text",
    project: ProjectOption = None,
) -> None:
    """Show one customer's path through a playbook: steps, waits, messages, and the facts that decided."""
    if simulated:
        if start is None or to is None:
            raise typer.BadParameter("--simulated: found no window, expected --from and --to")
        if replay is not None:
            raise typer.BadParameter("--simulated: found --replay beside it, expected one of the two")
        with opened_standing(find_project(project), working=True) as found, _whom():
            timeline = _simulated(found, customer, playbook, start, to)
    else:
        if start is not None or to is not None:
            raise typer.BadParameter("--from and --to: expected beside --simulated; what was recorded is shown whole")
        rules = sound_rules(find_project(project))
        with opened(project, replay) as connection, _whom():
            connection.row_factory = tuple_row  # type: ignore[assignment]  # what reads the facts takes rows by place
            timeline = _recorded(connection, rules, customer, playbook)  # type: ignore[arg-type]  # likewise
    _print(timeline, form)


@contextmanager
def _whom() -> Iterator[None]:
    """Somebody whom nobody knows ends the command with its message."""
    try:
        yield
    except UnknownCustomerError as error:
        raise typer.BadParameter(f"CUSTOMER: {error.args[0]}") from None
    except CurrencyUnclearError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(_WRONG) from None


def _recorded(connection: psycopg.Connection, rules: Rules, customer: str, playbook: str) -> Timeline:
    whose = find_customer(connection, customer)
    known = [row[0] for row in connection.execute("select distinct playbook from journeys")]
    if playbook not in known:
        find_playbook(rules, playbook)
    plan = rules.plan(playbook)
    zone = read_zone(connection, whose.id, otherwise=rules.policy.zone)
    matcher = EventMatcher(load_contracts(), reporting_currency(connection, rules.policy.currency))
    versions = StoredVersions({rules.version: rules})
    paths = tuple(recorded_paths(connection, versions, matcher, whose.id, playbook, zone, datetime.now(UTC)))
    notes = () if paths else (f"There is no journey of {playbook} for this customer. {_INSTEAD}",)
    return Timeline(
        customer=whose.key,
        customer_id=whose.id,
        playbook=playbook,
        title=plan.title if plan else playbook,
        source="recorded",
        zone=zone,
        shop_zone=shop_zone(connection, rules.policy.zone),
        paths=paths,
        notes=notes,
    )


_INSTEAD = "`--simulated --from T --to T` shows what it would do; `regulars explain CUSTOMER` what she is."


def _simulated(found: Opened, customer: str, playbook: str, start: str, to: str) -> Timeline:
    rules, connection = found.rules, found.connection
    whose = find_customer(connection, customer)
    plan = _of_playbook(rules, playbook)
    shop = shop_zone(connection, rules.policy.zone)
    begins, ends = read_instant(start, shop, "--from"), read_instant(to, shop, "--to")
    if begins >= ends:
        raise typer.BadParameter(f"--from {start} does not lie before --to {to}")
    window = Window(found.url, rules, (playbook,), begins, ends, found.standings.currency)
    with told_progress() as told:
        window = with_cut_offs(connection, window, lambda done, total: told("cut-offs", done, total))
    paths = simulated_paths(connection, window.compiled(), window, plan, whose)
    none = () if paths else (f"Nothing starts it for this customer between {start} and {to}.",)
    return Timeline(
        customer=whose.key,
        customer_id=whose.id,
        playbook=playbook,
        title=plan.title,
        source="simulated",
        zone=read_zone(connection, whose.id, otherwise=rules.policy.zone),
        shop_zone=shop,
        paths=paths,
        notes=(*(f"Assumed: {line}." for line in assumptions(window, alone=True)), *none),
    )


def _of_playbook(rules: Rules, name: str) -> Plan:
    """A campaign's waves are no playbook's steps."""
    if name in rules.campaigns:
        hint = did_you_mean(name, rules.plans) or "`regulars playbooks` lists them"
        raise typer.BadParameter(f"PLAYBOOK: found {name}, a campaign, expected a playbook ({hint})")
    return find_playbook(rules, name)


def _print(timeline: Timeline, form: str) -> None:
    if form == "json":
        sys.stdout.write(json.dumps(to_json(timeline), indent=2, ensure_ascii=False) + "\n")
        return
    output_console().print(text_of(timeline), markup=False, end="")
