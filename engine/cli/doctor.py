"""`regulars doctor`: what is configured, what runs, what is wrong."""

import dataclasses
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlsplit

import psycopg
import typer
from rich.console import Console
from rich.text import Text

from engine.cli.database import Database
from engine.cli.mirror import project_mirror
from engine.cli.project import ProjectOption, find_project
from engine.composition import channel_providers
from engine.dispatch.in_force import is_applied, last
from engine.facts.migrate import is_current
from engine.facts.pool import connect
from engine.journeys.plan import Webhook
from engine.language.rules import Rules, load_rules
from engine.mirror.examine import examine_mirrors
from engine.policy import Channel, address_setting
from engine.servers.errors import SetupError
from engine.servers.examine import (
    database_url,
    embedded_temporal,
    examine_database,
    examine_python,
    examine_test_server,
)
from engine.servers.examine_temporal import examine_temporal
from engine.servers.external import redacted
from engine.servers.findings import Finding, State
from engine.servers.leave import leave
from engine.servers.project import Project
from engine.servers.worker_settings import DEFAULT_PORT
from engine.serving.intake import events_token

_STYLES = {State.OK: "green", State.OFF: "dim", State.WRONG: "bold red"}


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("doctor")(doctor)


def doctor(
    rebuild_mirror: Annotated[
        bool, typer.Option("--rebuild-mirror", help="Build the columnar mirror of the facts again, whole.")
    ] = False,
    project: ProjectOption = None,
) -> None:
    """Say what is configured, what runs and what is wrong; exit 3 if anything is."""
    console, wrong = Console(highlight=False, soft_wrap=True), 0
    found = find_project(project)
    if rebuild_mirror:
        _rebuild_mirror(found)
    for finding in _findings(found):
        wrong += finding.state is State.WRONG
        _show(console, finding)
    if wrong:
        console.print(f"\n{wrong} to put right")
    # A Temporal client was used.
    leave(SetupError.exit_code if wrong else 0)


def _rebuild_mirror(project: Project) -> None:
    url = Database.of(project).url
    with project_mirror(project, url, anew=True):
        pass


def _findings(project: Project) -> Iterator[Finding]:
    yield examine_python()
    yield Finding("Project", State.OK, str(project.root))
    yield from _rules(project)
    yield from _in_force(project)
    yield _worker(project)
    yield from examine_database(project)
    yield from examine_mirrors(project.state, datetime.now(UTC))
    yield from _temporal(project)
    yield examine_test_server()


def _worker(project: Project) -> Finding:
    try:
        settings = project.settings.worker.overridden(os.environ)
        events = "takes events" if events_token(os.environ) else "takes no events (REGULARS_EVENTS_TOKEN)"
    except SetupError as error:
        return Finding("Worker", State.WRONG, f"{error.place}: {error.message}", error.hint)
    told = {name: value for name, value in settings.told().items() if name not in {"host", "port"}}
    port = f"{DEFAULT_PORT} or a free port" if settings.port is None else settings.port or "a free port"
    values = ", ".join(f"{name} {value}" for name, value in told.items())
    return Finding("Worker", State.OK, f"serves {settings.host}:{port}, {events}; {values}")


def _temporal(project: Project) -> list[Finding]:
    try:
        embedded = embedded_temporal(project)
    except SetupError as error:
        return [Finding("Temporal", State.WRONG, f"{error.place}: {error.message}", error.hint)]
    if isinstance(embedded, Finding):
        return [embedded]
    if embedded is None:
        return examine_temporal({}, "environment configuration")
    found = examine_temporal(embedded.environment, f"embedded, pid {embedded.pid}")
    return [*found, Finding("Temporal", State.OK, f"Web UI {embedded.environment['REGULARS_TEMPORAL_UI']}")]


def _rules(project: Project) -> Iterator[Finding]:
    where = "regulars.toml says where they are: [project] rules"
    if not project.rules.is_dir():
        yield Finding("Rules", State.WRONG, f"{project.rules} is no directory", where)
        return
    try:
        rules = load_rules(project.rules)
    except OSError as error:
        yield Finding("Rules", State.WRONG, f"{error.filename or project.rules}: {error.strerror}", where)
        return
    errors = sum(issue.severity == "error" for issue in rules.issues)
    if errors:
        yield Finding(
            "Rules", State.WRONG, f"{errors} mistakes; disabled: {', '.join(rules.disabled)}", "`regulars check`"
        )
    else:
        yield Finding("Rules", State.OK, f"version {rules.version}, {len(rules.plans)} playbooks")
    yield from _channels(project, rules)
    yield from _webhooks(rules)


def _in_force(project: Project) -> Iterator[Finding]:
    """What is in force in a database that answers; that it does not is told elsewhere."""
    url = database_url(project)
    try:
        if url is None or not is_current(url):
            return
        with connect(url) as connection:
            row, applied = last(connection), is_applied(connection)
        own = load_rules(project.rules).version
    except (psycopg.Error, ValueError, OSError):
        return
    if row is None:
        yield Finding("In force", State.OK, "nothing yet: the project's rules come into force as the engine starts")
        return
    told = f"version {row.version}, {row.how} by {row.author}" + ("" if row.settled_at else ", not settled yet")
    if row.version == own:
        yield Finding("In force", State.OK, f"{told}: the project's files")
    elif applied:
        hint = "`regulars plan` shows what applying them would change, `regulars apply` applies them"
        yield Finding("In force", State.OK, f"{told}: the project's files differ", hint)
    else:
        yield Finding(
            "In force", State.OK, f"{told}: the project's files differ, and come into force at the next start"
        )


def _channels(project: Project, rules: Rules) -> Iterator[Finding]:
    mailbox = os.environ.get("REGULARS_MAILBOX") or str(project.state / "mailbox")
    for name, channel in rules.policy.channels.items():
        subject = f"Channel {name}"
        try:
            made = channel_providers(_with_one(rules, name), {**os.environ, "REGULARS_MAILBOX": mailbox})[name]
        except Exception as error:  # noqa: BLE001 - whatever a provider of anybody's lacks, the others are looked at too
            yield Finding(subject, State.WRONG, redacted(str(error).split("\n")[0]), str(getattr(error, "hint", "")))
        else:
            keys = (
                "takes idempotency keys" if made.takes_idempotency_key else f"no idempotency keys: {channel.in_doubt}"
            )
            yield Finding(subject, State.OK, f"{channel.provider}{_where(name, channel, mailbox)}, {keys}")


def _webhooks(rules: Rules) -> Iterator[Finding]:
    """Whether what webhooks of the rules need is set; values are never shown."""
    steps = [step for plan in rules.plans.values() for step in plan.code if isinstance(step, Webhook)]
    needed = ["REGULARS_WEBHOOK_SECRET", *sorted({address_setting(step.to) for step in steps if step.to})]
    missing = [name for name in needed if not os.environ.get(name)]
    if steps and missing:
        yield Finding("Webhooks", State.WRONG, f"not set: {', '.join(missing)}", "docs/providers.md says what they are")
    elif steps:
        yield Finding("Webhooks", State.OK, f"set: {', '.join(needed)}")


def _with_one(rules: Rules, name: str) -> Rules:
    policy = rules.policy.model_copy(update={"channels": {name: rules.policy.channels[name]}})
    return dataclasses.replace(rules, policy=policy)


def _where(name: str, channel: Channel, mailbox: str) -> str:
    if channel.provider == "mailbox":
        return f", {mailbox}"
    if channel.request is not None:  # its address may hold a key beside the host
        host = urlsplit(os.environ.get(f"REGULARS_HTTP_{name.upper().replace('-', '_')}_URL", "")).hostname
        return f", {host}" if host else ""
    url = os.environ.get(f"REGULARS_{channel.provider.upper()}_URL")
    return f", {redacted(url)}" if url else ""


def _show(console: Console, finding: Finding) -> None:
    line = Text(f"{finding.state.value:<6}", style=_STYLES[finding.state])
    line.append(f"{finding.subject:<14}", style="bold").append(finding.text, style="default")
    console.print(line)
    if finding.hint:
        console.print(Text(f"{'':<20}→ {finding.hint}", style="default"))
