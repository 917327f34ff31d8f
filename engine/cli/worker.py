"""`regulars worker`: runs journeys, dispatches the outbox, and serves health, metrics and events, until stopped."""

import asyncio
import logging
import os
import signal
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer

from engine.campaigns.starter import Starter
from engine.cli.rules import sound_rules
from engine.composition import (
    bulk_worker,
    channel_providers,
    connect,
    context,
    journey_worker,
    own_activities,
    take_up,
    worker_runtime,
)
from engine.dispatch.dispatcher import Dispatcher
from engine.dispatch.in_force import InForce, come_into_force
from engine.dispatch.match import Matcher
from engine.dispatch.versions import StoredVersions
from engine.edits.starter import EditStarter
from engine.evaluation.minute import Minute
from engine.evaluation.publication import Publication
from engine.evaluation.settle import Settling
from engine.facts.event_contracts import Contract, ContractError, load_contracts
from engine.facts.migrate import upgrade
from engine.facts.pool import connect as connect_database
from engine.facts.pool import open_pool
from engine.facts.reporting import Reporting
from engine.garbage import keep_what_is_loaded
from engine.language.rules import Rules
from engine.logs import Form, described, set_up_logs
from engine.mirror.open import mirror_directory
from engine.servers.away import away
from engine.servers.errors import SetupError
from engine.servers.leave import leave
from engine.servers.namespace import prepare_namespace
from engine.servers.need import need
from engine.servers.progress import into_the_log
from engine.servers.project import Project
from engine.servers.worker_settings import WorkerSettings
from engine.serving.app import make_app
from engine.serving.facts_metrics import FactsMetrics
from engine.serving.intake import AT_ONCE, Intake, events_token
from engine.serving.readiness import Readiness
from engine.serving.server import address_of, listen, serving

_BUG = 70
_MARGIN = 5.0

log = logging.getLogger("regulars.worker")

LogForm = Annotated[
    Form, typer.Option("--log", envvar="REGULARS_LOG", help="How it logs: auto is text on a terminal, else JSON.")
]
LogLevel = Annotated[
    str, typer.Option("--log-level", envvar="REGULARS_LOG_LEVEL", help="debug, info, warning or error")
]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("worker")(worker)


def worker(
    project: Annotated[Path | None, typer.Option(help="The project's directory.")] = None,
    log_form: LogForm = "auto",
    log_level: LogLevel = "info",
) -> None:
    """Run journeys against the configured servers, until stopped."""
    tell_by_logs(log_form, log_level)
    found = Project.find(project)
    settings = found.settings.worker.overridden(os.environ)
    token = events_token(os.environ)
    need(found, database=True, temporal=True, grace=settings.grace_seconds + _MARGIN)
    rules = sound_rules(found)
    try:
        code = asyncio.run(_work(found, rules, settings, token))
    except Exception as error:  # noqa: BLE001 - whatever it was, what it says may quote a customer's data
        code = _told(error)
    leave(code)


def _told(error: Exception) -> int:
    """Logs what ended the worker, and gives the exit code of that."""
    known = error if isinstance(error, SetupError) else away(error)
    if known is None:
        log.error("the worker ended by a fault", extra=described(error))
        return _BUG
    log.error("%s", known, extra={"code": known.code})
    return known.exit_code


def tell_by_logs(form: Form, level: str) -> None:
    """Sends what this process tells to its log.

    Raises:
        typer.BadParameter: there is no such level.
    """
    if level not in {"debug", "info", "warning", "error"}:
        raise typer.BadParameter(f"--log-level: found {level!r}, expected debug, info, warning or error")
    if set_up_logs(form, level):
        into_the_log()


async def _work(project: Project, rules: Rules, settings: WorkerSettings, token: str | None) -> int:
    url = os.environ["REGULARS_DATABASE_URL"]
    upgrade(url)
    environment = {"REGULARS_MAILBOX": str(project.state / "mailbox"), **os.environ}
    contracts, versions = _contracts(project), StoredVersions()
    rules = _begin(url, rules, versions)
    channels = channel_providers(rules, environment)
    await prepare()
    metrics = settings.temporal_metrics_port
    client = await connect(runtime=worker_runtime(f"127.0.0.1:{metrics}" if metrics else None))
    stop = _stopped_by_signal()
    _set_up_loop(settings)
    with (
        open_pool(url, size=settings.database_connections) as pool,
        open_pool(url, size=AT_ONCE, by_keys=True) as by_keys,
    ):
        in_force = InForce(rules, versions)
        shared = context(pool, rules, channels, versions, contracts, own_activities(project.rules), in_force)
        in_force.changed = take_up(shared, channels, environment)
        matcher = partial(_matcher, in_force, shared.reporting)
        working = journey_worker(client, shared, **_limits(settings))
        bulk = bulk_worker(client, shared, graceful_shutdown_timeout=timedelta(seconds=settings.grace_seconds))
        polls = lambda: working.is_running  # noqa: E731 - asked later, again and again
        readiness = Readiness(pool, client, polls, stop.is_set, settings.ready_lag_seconds)
        registry = shared.timings.registry
        registry.register(FactsMetrics(pool))
        with listen(settings.host, settings.port) as listening:
            app = make_app(readiness, registry, Intake(by_keys, matcher, token, registry))
            async with serving(app, listening):
                async with working, bulk:
                    keep_what_is_loaded()
                    print(f"worker ready: rules {rules.version}, {len(rules.plans)} playbooks", flush=True)  # noqa: T201 - for the supervisor and tests
                    log.info("ready", extra={"version": rules.version, "address": address_of(listening)})
                    dispatcher = Dispatcher(client, pool, versions, batch=settings.dispatcher_batch)
                    pause = settings.dispatcher_pause_ms / 1000
                    mirror = mirror_directory(project.state, url)
                    publication = Publication(url, rules, mirror=mirror)
                    settling = Settling(url, versions, mirror=mirror)
                    minute = Minute(pool, matcher, publication=publication, settling=settling)
                    starter = Starter(client, pool, rules, versions, in_force=in_force)
                    edits = EditStarter(client, pool)
                    await asyncio.gather(
                        dispatcher.run(stop, pause), minute.run(stop), starter.run(stop), edits.run(stop)
                    )
                    log.info("stopping", extra={"reason": "what has begun is finished"})
                log.info("stopped")
    return 0


def _limits(settings: WorkerSettings) -> Mapping[str, Any]:
    """The settings as Temporal's SDK calls them."""
    return {
        "graceful_shutdown_timeout": timedelta(seconds=settings.grace_seconds),
        "max_concurrent_activities": settings.activities,
        "max_concurrent_workflow_tasks": settings.workflow_tasks,
        "max_concurrent_activity_task_polls": settings.activity_pollers,
        "max_concurrent_workflow_task_polls": settings.workflow_pollers,
        "max_cached_workflows": settings.cached_journeys,
    }


def _set_up_loop(settings: WorkerSettings) -> None:
    """As many threads as have a connection, and some that need none; and no fault's text in the log."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(settings.database_connections + 4, "regulars"))
    loop.set_exception_handler(_on_fault)


def _on_fault(_: asyncio.AbstractEventLoop, fault: dict[str, Any]) -> None:
    error = fault.get("exception")
    log.error("a fault in the background", extra=described(error) if isinstance(error, BaseException) else {})


def _contracts(project: Project) -> dict[str, Contract]:
    """The shipped contracts of events and the project's own.

    Raises:
        SetupError: one of the project's own cannot be used.
    """
    try:
        return load_contracts(project.root / "schemas" / "events")
    except ContractError as error:
        message = f"found {error.found}, expected {error.expected}"
        raise SetupError(error.code, message, error.hint or "correct the file", str(error.path)) from None


def _begin(url: str, rules: Rules, versions: StoredVersions) -> Rules:
    """The rules to work by: those in force, which are the project's where nothing has been applied."""
    with connect_database(url) as connection:
        come_into_force(connection, rules, datetime.now(UTC))
        found = InForce(rules, versions).look(connection)
    if found.version != rules.version:
        told = "the project's files (%s) differ from the rules in force (%s), which count: see `regulars plan`"
        log.warning(told, rules.version, found.version)
    return found


def _matcher(in_force: InForce, reporting: Reporting, connection: psycopg.Connection[Any]) -> Matcher:
    """The rules in force, held until the transaction ends."""
    rules = in_force.hold(connection)
    return in_force.matcher(rules, reporting.matcher(connection))


async def prepare() -> None:
    """Makes the configured namespace ready for journeys."""
    from temporalio.envconfig import ClientConfig  # noqa: PLC0415 - only where Temporal is used

    config = ClientConfig.load_client_connect_config()
    await prepare_namespace(config, config.get("namespace") or "default")


def _stopped_by_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop
