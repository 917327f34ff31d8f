"""A PostgreSQL and a Temporal server of one's own, to be treated roughly."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psycopg
from psycopg import sql
from sqlalchemy import make_url
from temporalio.envconfig import ClientConnectConfig

from engine.facts.migrate import upgrade
from engine.servers.clean import clean
from engine.servers.lease import Record
from engine.servers.namespace import prepare_namespace
from engine.servers.ports import free_port
from engine.servers.postgres import Postgres
from engine.servers.processes import stop
from engine.servers.temporal import Ports, Temporal
from engine.servers.temporal_cli import find_temporal

Server = Literal["postgres", "temporal"]


@dataclass(frozen=True)
class Ground:
    """Where journeys run: a database and a namespace that nobody else uses."""

    url: str
    address: str
    namespace: str
    program: Path

    def open_workflows(self) -> int | None:
        """How many workflows Temporal runs; None if it does not say."""
        command = [str(self.program), "workflow", "count", "--address", self.address, "--namespace", self.namespace]
        running = ["--query", "ExecutionStatus='Running'", "--output", "json"]
        asked = subprocess.run([*command, *running], capture_output=True, text=True, timeout=30, check=False)
        return int(json.loads(asked.stdout).get("count", 0)) if asked.returncode == 0 else None


@dataclass(frozen=True)
class Outage:
    """A server was away; seconds since the epoch."""

    server: Server
    began: float
    ended: float


@dataclass
class OwnServers:
    """A PostgreSQL and a Temporal server that nobody else uses, and when they were away."""

    workplace: Path
    program: Path
    postgres: Postgres
    temporal: Temporal
    database: Record
    journeys: Record
    outages: list[Outage] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The database's URL."""
        return self.database.environment["REGULARS_DATABASE_URL"]

    @property
    def address(self) -> str:
        """Temporal's host and port."""
        return self.journeys.environment["TEMPORAL_ADDRESS"]

    @property
    def ground(self) -> Ground:
        """The database and the namespace that are there from the start."""
        return Ground(self.url, self.address, "default", self.program)

    def more_ground(self, names: list[str]) -> list[Ground]:
        """Further databases, copies of the first while that is empty, and namespaces."""
        first = sql.Identifier(str(make_url(self.url).database))
        with psycopg.connect(self._url("postgres"), autocommit=True) as admin:
            for name in names:
                admin.execute(sql.SQL("create database {} template {}").format(sql.Identifier(name), first))
            admin.execute("checkpoint")  # so that a crash leaves less to recover
        asyncio.run(self._prepare(names))
        return [Ground(self._url(name), self.address, name, self.program) for name in names]

    def _url(self, database: str) -> str:
        return make_url(self.url).set(database=database).render_as_string(hide_password=False)

    async def _prepare(self, names: list[str]) -> None:
        config = ClientConnectConfig(target_host=self.address)
        await asyncio.gather(*(prepare_namespace(config, name) for name in names))

    def outage(self, server: Server, seconds: float) -> Outage:
        """Ends a server as roughly as can be, and starts it again after a while."""
        down: Callable[[], None] = self.crash_postgres if server == "postgres" else self.kill_temporal
        up: Callable[[], None] = self.restart_postgres if server == "postgres" else self.restart_temporal
        began = time.time()
        down()
        time.sleep(seconds)
        up()
        self.outages.append(Outage(server, began, time.time()))
        return self.outages[-1]

    def tend(self) -> Outage | None:
        """What `regulars up` does: starts Temporal again if it cannot read its database any more."""
        return self.outage("temporal", 0.0) if self.temporal.stuck(self.journeys) else None

    def crash_postgres(self) -> None:
        """Immediate mode: every backend ends at once, and the next start recovers from the log."""
        stop(self.database.identity, [(signal.SIGQUIT, 20.0)])

    def restart_postgres(self) -> None:
        """Starts it again, with the same data."""
        self.database = self.postgres.start()

    def kill_temporal(self) -> None:
        """Ends it wherever it is."""
        stop(self.journeys.identity, [(signal.SIGKILL, 20.0)])

    def restart_temporal(self) -> None:
        """Starts it again, with the same data, at the same address."""
        self.journeys = self.temporal.start()


@contextmanager
def own_servers(prefix: str) -> Iterator[OwnServers]:
    """Starts both, with durable data in a temporary directory, and removes all in the end."""
    program = find_temporal()
    configured = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("TEMPORAL_")}
    with _workplace(prefix) as workplace:
        postgres = Postgres(workplace / "state")
        temporal = Temporal(workplace / "state", program, ports=Ports(free_port(), free_port()))
        own: OwnServers | None = None
        try:
            own = OwnServers(workplace, program, postgres, temporal, postgres.start(), temporal.start())
            upgrade(own.url)
            yield own
        finally:
            os.environ.update(configured)
            temporal.stop(own.journeys if own else None)
            postgres.stop(own.database if own else None)


@contextmanager
def own_database(prefix: str) -> Iterator[str]:
    """The URL of an empty database on a PostgreSQL that is not durable: nothing crashes here."""
    with _workplace(prefix) as workplace:
        postgres, record = Postgres(workplace / "state", fast=True), None
        try:
            record = postgres.start()
            yield record.environment["REGULARS_DATABASE_URL"]
        finally:
            postgres.stop(record)


@contextmanager
def _workplace(prefix: str) -> Iterator[Path]:
    """A directory that PostgreSQL's own user may enter, with `state` in it; removed in the end."""
    workplace = Path(tempfile.mkdtemp(prefix=prefix))
    workplace.chmod(0o755)
    (workplace / "state").mkdir()
    try:
        yield workplace
    finally:
        clean(workplace / "state")
        shutil.rmtree(workplace)
