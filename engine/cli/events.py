"""`regulars events`: tell events from a file, see which were refused, and try those again."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from psycopg.rows import tuple_row

from engine.cli.facts import opened, show
from engine.cli.project import ProjectOption, find_project
from engine.cli.rules import sound_rules
from engine.cli.rules_in_force import starting_with
from engine.dispatch.accept import accept_refused
from engine.dispatch.in_force import InForce
from engine.dispatch.versions import StoredVersions
from engine.facts.currency import CurrencyUnclearError, reporting_currency
from engine.facts.event_contracts import ContractError, load_contracts
from engine.facts.matching import EventMatcher
from engine.garbage import keep_what_is_loaded
from engine.operations.telling import TOGETHER, Answer, Ruling, tell_all
from engine.servers.errors import SetupError
from engine.servers.progress import Paced

app = typer.Typer(help="Tell events; list those that were refused, and try them again.", no_args_is_help=True)
_WRONG = 1
_REFUSED = """
select id, shop, key, event ->> 'kind' as kind, code, waits_for, recorded_at, reason from refused_events
 where replayed_at is null and (%(code)s::text is null or code = %(code)s) order by id desc limit %(limit)s
"""
Code = Annotated[str | None, typer.Option(help="Only those refused with this code.")]


def register(main: typer.Typer) -> None:
    """Adds the command."""
    main.add_typer(app, name="events")


@app.command("tell")
def tell_(
    source: Annotated[str, typer.Argument(metavar="FILE|-", help="One event a line as JSON; - is standard input.")],
    strict: Annotated[bool, typer.Option("--strict", help="End with 1 if an event was refused.")] = False,
    project: ProjectOption = None,
) -> None:
    """Tell events, one a line as JSON. Each is answered by a line of JSON; telling one again changes nothing."""
    lines = _lines(source)
    fates: Counter[str] = Counter()
    paced = Paced(5)
    with _opened(project) as (connection, matcher):
        for batch in _batches(lines, source):
            for number, answer in _told(connection, matcher, batch):
                fates[answer.fate] += 1
                sys.stdout.write(json.dumps({"line": number, **answer.to_json()}, ensure_ascii=False) + "\n")
            paced.say(f"{sum(fates.values())} events")
    told = ", ".join(f"{fates[fate]} {fate}" for fate in ("accepted", "known", "refused"))
    sys.stderr.write(f"{told}{': `regulars events refused` lists them' if fates['refused'] else ''}\n")
    raise typer.Exit(_WRONG if strict and fates["refused"] else 0)


@app.command()
def refused(
    code: Code = None,
    limit: Annotated[int, typer.Option(help="At most so many, latest first.")] = 50,
    project: ProjectOption = None,
) -> None:
    """List events that were refused and are kept, latest first, with what was wrong or what they wait for."""
    with opened(project) as connection:
        rows = connection.execute(_REFUSED, {"code": code, "limit": limit}).fetchall()
    show("refused events", ("id", "shop", "key", "kind", "code", "waits_for", "recorded_at", "reason"), rows)


@app.command()
def replay(code: Code = None, project: ProjectOption = None) -> None:
    """Try the refused events again, for example after an import or with a new contract."""
    with _opened(project) as (connection, matcher), connection.transaction():
        accepted = accept_refused(connection, matcher(connection), datetime.now(UTC), None if code is None else [code])
    with opened(project) as reading:
        row = reading.execute("select count(*) as count from refused_events where replayed_at is null").fetchone()
    sys.stdout.write(f"{accepted} accepted, {row['count'] if row else 0} still wait\n")


def _lines(source: str) -> Iterator[tuple[int, str]]:
    if source != "-" and not Path(source).is_file():
        raise typer.BadParameter(f"FILE: found {source!r}, which is no file, expected one event a line as JSON, or -")
    return _numbered(source)


def _numbered(source: str) -> Iterator[tuple[int, str]]:
    with nullcontext(sys.stdin) if source == "-" else Path(source).open(encoding="utf-8") as stream:
        yield from ((number, line) for number, line in enumerate(stream, start=1) if line.strip())


def _batches(lines: Iterator[tuple[int, str]], source: str) -> Iterator[list[tuple[int, object]]]:
    """Events with their lines; what comes by standing input is told as it comes, since the next may take its time."""
    most, batch = 1 if source == "-" else TOGETHER, []
    for number, line in lines:
        try:
            batch.append((number, json.loads(line)))
        except (ValueError, RecursionError) as error:
            yield batch
            raise _no_json(error, f"{'standard input' if source == '-' else source}:{number}") from None
        if len(batch) == most:
            yield batch
            batch = []
    yield batch


def _no_json(error: Exception, place: str) -> typer.BadParameter:
    return typer.BadParameter(
        f"{place}:{getattr(error, 'colno', 1)}: found {getattr(error, 'msg', 'no JSON')}, expected one event as a JSON"
        f" object on each line (the lines before it have been told; telling them again changes nothing)"
    )


def _told(
    connection: psycopg.Connection[Any], matcher: Ruling, batch: list[tuple[int, object]]
) -> Iterator[tuple[int, Answer]]:
    answers = tell_all(connection, matcher, [event for _, event in batch], lambda: datetime.now(UTC))
    for (number, _), answer in zip(batch, answers, strict=True):
        if isinstance(answer, Exception):
            raise answer
        yield number, answer


@contextmanager
def _opened(project: Path | None) -> Iterator[tuple[psycopg.Connection[Any], Ruling]]:
    """A connection outside a transaction, and who gives the rules in force in one."""
    found = find_project(project)
    with opened(found.root, by_keys=True) as opened_:
        connection: psycopg.Connection[Any] = opened_
        connection.row_factory = tuple_row
        rules = starting_with(connection, sound_rules(found), datetime.now(UTC))
        try:
            contracts = load_contracts(found.root / "schemas" / "events")
            currency = reporting_currency(connection, rules.policy.currency)
        except ContractError as error:
            message = f"found {error.found}, expected {error.expected}"
            raise SetupError(error.code, message, error.hint or "correct the file", str(error.path)) from None
        except CurrencyUnclearError as error:
            sys.stderr.write(f"{error}\n")
            raise typer.Exit(_WRONG) from None
        in_force, events = InForce(rules, StoredVersions()), EventMatcher(contracts, currency)
        keep_what_is_loaded()
        yield connection, lambda asking: in_force.matcher(in_force.hold(asking), events)
