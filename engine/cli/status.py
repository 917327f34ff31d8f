"""`regulars status`: on one screen, how things stand."""

import asyncio
import dataclasses
import json
import os
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import psycopg
import typer
from temporalio.service import RPCError

from engine.campaigns.progress import Progress, read_progress
from engine.campaigns.wire import Counts
from engine.cli.project import ProjectOption, find_project
from engine.composition import connect as connect_temporal
from engine.dispatch.in_force import Row, is_applied, last
from engine.dispatch.versions import StoredVersions
from engine.facts.migrate import upgrade
from engine.facts.pool import connect
from engine.language.rules import Rules, load_rules
from engine.operations.present import Present, read_present
from engine.operations.today import Today, midnight, read_today
from engine.operations.workers import Seen, server_version, workers_seen
from engine.replay.prepare import shop_zone
from engine.servers.errors import SetupError
from engine.servers.external import redacted, temporal_configured
from engine.servers.lease import running
from engine.servers.leave import leave
from engine.servers.need import need
from engine.servers.project import Project

_WIDTH = 80
_LABEL = 11
_MOST_PLAYBOOKS = 15
_MOST_WORKERS = 4
_PATIENCE = 5.0


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("status")(status)


@dataclass(frozen=True)
class _Temporal:
    """What Temporal says of itself and of its workers; `version` is None where it does not answer."""

    state: str
    version: str | None = None
    workers: tuple[Seen, ...] = ()


@dataclass(frozen=True)
class _Versions:
    """The rules: the project's, and those in force; without any the version that was published last."""

    project: str | None
    disabled: tuple[str, ...]
    published: str | None
    published_at: datetime | None
    in_force: Row | None
    applied: bool
    """Whether anybody has applied any, so that the project's files count no more by themselves."""
    statuses: Mapping[str, str]
    pools: Mapping[str, int]
    """How many codes each pool of the rules must have at least: with fewer somebody should add some."""


@dataclass(frozen=True)
class _Status:
    zone: str
    database: str
    temporal: _Temporal
    rules: _Versions
    today: Today
    present: Present
    campaigns: Sequence[Progress]
    """Those under way."""


def status(
    output: Annotated[Literal["text", "json"], typer.Option("--format", help="For people, or for machines.")] = "text",
    project: ProjectOption = None,
) -> None:
    """Say on one screen how things stand: servers, workers, today's messages, journeys, lags, doubts, pauses."""
    found = find_project(project)
    need(found, database=True, temporal=_temporal_is_there(found))
    read = _read(found)
    text = json.dumps(_as_json(read), indent=2) if output == "json" else "\n".join(_lines(read))
    sys.stdout.write(f"{text}\n")
    leave(0)  # a Temporal client was used


def _temporal_is_there(project: Project) -> bool:
    """Whether one is configured or runs: asking how things stand starts none."""
    return temporal_configured() or running(project.state / "temporal") is not None


def _read(project: Project) -> _Status:
    url = os.environ["REGULARS_DATABASE_URL"]
    rules = load_rules(project.rules) if project.rules.is_dir() else None
    now = datetime.now(UTC)
    try:
        upgrade(url)
        with connect(url) as connection:
            zone = shop_zone(connection, rules.policy.zone if rules else "UTC")
            return _Status(
                zone,
                f"PostgreSQL {connection.info.parameter_status('server_version')}",
                _temporal() if _temporal_is_there(project) else _Temporal("does not run"),
                _versions(connection, rules),
                read_today(connection, midnight(now, zone)),
                read_present(connection, now),
                read_progress(connection, under_way=True),
            )
    except psycopg.OperationalError as error:
        message = f"found no answer at {redacted(url)}: {redacted(str(error).strip().splitlines()[0])}"
        raise SetupError("database-away", message, "see that the server runs; `regulars doctor` looks closer") from None


def _temporal() -> _Temporal:
    async def ask() -> _Temporal:
        client = await connect_temporal()
        return _Temporal("answers", await server_version(client), tuple(await workers_seen(client)))

    async def within() -> _Temporal:
        return await asyncio.wait_for(ask(), _PATIENCE)

    try:
        return asyncio.run(within())
    except (TimeoutError, RuntimeError, RPCError):
        return _Temporal("does not answer")


def _versions(connection: psycopg.Connection[Any], own: Rules | None) -> _Versions:
    latest = connection.execute(
        "select version, recorded_at from rule_versions order by recorded_at desc limit 1"
    ).fetchone()
    in_force, applied = last(connection), is_applied(connection)
    row = latest if in_force is None else (in_force.version, in_force.at)
    rules = own
    if in_force is not None and applied and (own is None or own.version != in_force.version):
        rules = StoredVersions().get(connection, in_force.version)
    return _Versions(
        own.version if own else None,
        tuple(sorted(map(str, rules.disabled))) if rules else (),
        row[0] if row else None,
        row[1] if row else None,
        in_force,
        applied,
        {name: plan.status for name, plan in rules.plans.items()} if rules else {},
        {name: max(pool.low, 1) for name, pool in rules.pools.items()} if rules else {},
    )


# --- for people -------------------------------------------------------------------------------------------------------


def _lines(read: _Status) -> Iterator[str]:
    present, today = read.present, read.today
    yield from _line("at", f"{_local(present.at, read.zone):%Y-%m-%d %H:%M} {read.zone}")
    temporal = read.temporal
    version = f" {temporal.version}" if temporal.version else ""
    yield from _line("servers", f"{read.database} answers; Temporal{version} {temporal.state}")
    yield from _line("workers", _workers(temporal.workers, present.at))
    yield from _line("rules", _rules(read.rules, read.zone))
    yield from _line("today", f"sent {today.sent}, failed {today.failed}, held back {today.deferred}")
    yield from _line("skipped", _counts(today.skipped))
    yield from _journeys(read)
    yield from _campaigns(read)
    held = present.in_state("deferred")
    yield from _line("messages", f"{held} held back, {present.in_state('in_flight')} being handed over")
    outbox = present.outbox
    failing = f", {outbox.failing} of them tried in vain" if outbox.failing else ""
    behind = f", {_span(outbox.seconds)} behind" if outbox.count else ""
    yield from _line("outbox", f"{outbox.count} to be told{failing}{behind}")
    late = f", {_span(present.flips.seconds)} behind" if present.flips.count else ""
    yield from _line("flips", f"{present.flips.count} due{late}")
    doubts = present.in_state("in_doubt")
    yield from _line("doubts", f"{doubts}: regulars messages --in-doubt" if doubts else "none")
    yield from _line("tasks", _tasks(present))
    low = _low(read)
    if low:
        yield from _line("coupons", f"few left: {_counts(low)}; import more")
    yield from _line("refused", f"{_counts(present.refused)}: regulars events refused" if present.refused else "none")
    yield from _controls(read)


def _low(read: _Status) -> dict[str, int]:
    """Pools with fewer codes than they should have. Before the first import no pool has any: nothing is said."""
    free = read.present.coupons
    return {name: free.get(name, 0) for name, low in read.rules.pools.items() if free and free.get(name, 0) < low}


def _journeys(read: _Status) -> Iterator[str]:
    journeys = sorted(read.present.journeys.items(), key=lambda each: -each[1].running)
    if not journeys:
        yield from _line("journeys", "none under way")
        return
    yield f"{'journeys':<{_LABEL}}{'playbook':<36} {'running':>9} {'waiting':>9} {'paused':>9}"
    for playbook, each in journeys[:_MOST_PLAYBOOKS]:
        name = textwrap.shorten(playbook, 36, placeholder="…") if " " in playbook else _cut(playbook, 36)
        yield f"{'':<{_LABEL}}{name:<36} {each.running:>9} {each.waiting:>9} {each.paused:>9}"
    if rest := journeys[_MOST_PLAYBOOKS:]:
        yield f"{'':<{_LABEL}}and {sum(each.running for _, each in rest)} of {len(rest)} other playbooks"


def _campaigns(read: _Status) -> Iterator[str]:
    """Nothing where none is under way."""
    label = "campaigns"
    for each in read.campaigns:
        counts = each.waves.get(each.wave or "", Counts())
        far = f"wave {each.wave}, {counts.in_words(counts.all)}" if each.wave else "beginning"
        yield from _line(label, f"{each.campaign}: {far}")
        label = ""


def _controls(read: _Status) -> Iterator[str]:
    label = "held"
    for control in read.present.controls:
        name = "all playbooks" if control.playbook == "*" else control.playbook
        since = f"{_local(control.at, read.zone):%Y-%m-%d %H:%M}"
        why = f": {control.reason}" if control.reason else ""
        yield from _line(label, f"{name} {control.state} by {control.author} since {since}{why}")
        label = ""
    paused = sorted(name for name, state in read.rules.statuses.items() if state == "paused")
    if paused:
        yield from _line(label, f"paused by the rules: {', '.join(paused)}")
        label = ""
    if label:
        yield from _line(label, "no playbook is paused or killed")


def _workers(workers: Sequence[Seen], now: datetime) -> str:
    if not workers:
        return "none seen"
    named = [f"{each.name} {_span((now - each.at).total_seconds())} ago" for each in workers[:_MOST_WORKERS]]
    more = f", and {len(workers) - _MOST_WORKERS} more" if len(workers) > _MOST_WORKERS else ""
    return f"{len(workers)} seen: {', '.join(named)}{more}"


def _rules(rules: _Versions, zone: str) -> str:
    if rules.in_force is not None and rules.applied:
        return _in_force(rules, rules.in_force, zone)
    told = f"version {rules.project}" if rules.project else "none in the project"
    if rules.published is None:
        told += "; never published"
    elif rules.published != rules.project:
        told += f"; published last: {rules.published}"
    if rules.published_at is not None:
        told += f", {_local(rules.published_at, zone):%Y-%m-%d %H:%M}"
    return f"{told}; disabled: {', '.join(rules.disabled)}" if rules.disabled else told


def _in_force(rules: _Versions, row: Row, zone: str) -> str:
    """Once anything was applied: what is in force, and that the files differ from it."""
    verb = "rolled back to" if row.how == "rollback" else "applied"
    told = f"version {row.version} in force, {verb} by {row.author}, {_local(row.at, zone):%Y-%m-%d %H:%M}"
    if row.settled_at is None:
        told += "; not everybody is judged by it yet: the worker goes on, or `regulars apply` again"
    if rules.project is not None and rules.project != row.version:
        told += (
            f"; the project's files differ ({rules.project}): `regulars plan` shows how, `regulars apply` applies them"
        )
    return f"{told}; disabled: {', '.join(rules.disabled)}" if rules.disabled else told


def _tasks(present: Present) -> str:
    opened = sum(each.open for each in present.tasks.values())
    late = sum(each.late for each in present.tasks.values())
    teams = _counts({team: each.open for team, each in present.tasks.items()})
    return f"{opened} open, {late} late ({teams})" if opened else "none open"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def _line(label: str, text: str) -> Iterator[str]:
    yield from textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=f"{label:<{_LABEL}}",
        subsequent_indent=" " * _LABEL,
        break_on_hyphens=False,
    )


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _span(seconds: float) -> str:
    seconds = max(seconds, 0)
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{timedelta(seconds=seconds) / timedelta(hours=1):.0f} h"


def _local(at: datetime, zone: str) -> datetime:
    return at.astimezone(ZoneInfo(zone))


# --- for machines -----------------------------------------------------------------------------------------------------


def _as_json(read: _Status) -> dict[str, Any]:
    present, today = read.present, read.today
    return {
        "at": _iso(present.at),
        "zone": read.zone,
        "servers": {
            "database": read.database,
            "temporal": {"state": read.temporal.state, "version": read.temporal.version},
        },
        "workers": [{"name": each.name, "seen": _iso(each.at)} for each in read.temporal.workers],
        "rules": {
            "project": read.rules.project,
            "disabled": list(read.rules.disabled),
            "published": read.rules.published,
            "published_at": _iso(read.rules.published_at),
            "in_force": None if read.rules.in_force is None else _row(read.rules.in_force),
        },
        "today": {**dataclasses.asdict(today), "since": _iso(today.since)},
        "journeys": {playbook: dataclasses.asdict(each) for playbook, each in present.journeys.items()},
        "messages": {state: present.in_state(state) for state in ("reserved", "in_flight", "deferred", "in_doubt")},
        "outbox": dataclasses.asdict(present.outbox),
        "flips": {"count": present.flips.count, "seconds": present.flips.seconds},
        "tasks": {team: dataclasses.asdict(each) for team, each in present.tasks.items()},
        "refused": dict(present.refused),
        "coupons": dict(present.coupons),
        "campaigns": {
            each.campaign: {
                "wave": each.wave,
                "customers": each.customers,
                "waves": {wave: dataclasses.asdict(counts) for wave, counts in each.waves.items()},
            }
            for each in read.campaigns
        },
        "held": [{**dataclasses.asdict(each), "at": _iso(each.at)} for each in present.controls],
    }


def _row(row: Row) -> dict[str, Any]:
    told = {"version": row.version, "how": row.how, "by": row.author, "why": row.reason}
    return {**told, "at": _iso(row.at), "settled_at": _iso(row.settled_at)}


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
