"""`regulars worker`: runs journeys and dispatches the outbox until stopped."""

import asyncio
import logging
import os
import signal
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer

from engine.cli.rules import sound_rules
from engine.composition import channel_providers, connect, context, journey_worker
from engine.dispatch.dispatcher import Dispatcher
from engine.dispatch.match import Matcher
from engine.dispatch.versions import StoredVersions, publish
from engine.evaluation.minute import Minute
from engine.evaluation.publication import Publication
from engine.facts.migrate import upgrade
from engine.facts.pool import open_pool
from engine.facts.reporting import Reporting
from engine.language.rules import Rules
from engine.servers.leave import leave
from engine.servers.namespace import prepare_namespace
from engine.servers.need import need
from engine.servers.project import Project

GRACE = timedelta(seconds=20)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("worker")(worker)


def worker(
    project: Annotated[Path | None, typer.Option(help="The project's directory.")] = None,
) -> None:
    """Run journeys against the configured servers, until stopped."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    found = Project.find(project)
    need(found, database=True, temporal=True)
    rules = sound_rules(found)
    leave(asyncio.run(_work(found, rules)))


async def _work(project: Project, rules: Rules) -> int:
    url = os.environ["REGULARS_DATABASE_URL"]
    upgrade(url)
    environment = {"REGULARS_MAILBOX": str(project.state / "mailbox"), **os.environ}
    channels = channel_providers(rules, environment)
    await prepare()
    client = await connect()
    versions = StoredVersions()
    with open_pool(url) as pool:
        with pool.connection() as connection:
            publish(connection, rules)
        stop = _stopped_by_signal()
        shared = context(pool, rules, channels, versions)
        async with journey_worker(client, shared, graceful_shutdown_timeout=GRACE):
            print(f"worker ready: rules {rules.version}, {len(rules.plans)} playbooks", flush=True)  # noqa: T201 - for the supervisor and tests
            minute = Minute(
                pool, partial(_matcher, rules, versions, shared.reporting), publication=Publication(url, rules)
            )
            await asyncio.gather(Dispatcher(client, pool, versions).run(stop), minute.run(stop))
    return 0


def _matcher(
    rules: Rules, versions: StoredVersions, reporting: Reporting, connection: psycopg.Connection[Any]
) -> Matcher:
    return Matcher(rules, versions, reporting.matcher(connection))


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
