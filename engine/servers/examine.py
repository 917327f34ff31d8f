"""Examines the servers of a project: what is configured, what runs, what is wrong. Starts and changes nothing."""

import os
import platform
import sys

import psycopg

from engine.facts.migrate import current_revision, is_current
from engine.servers.errors import SetupError
from engine.servers.external import database_configured, redacted, temporal_configured
from engine.servers.findings import Finding, State
from engine.servers.lease import Record, running
from engine.servers.postgres_binaries import binaries
from engine.servers.project import Project
from engine.servers.temporal_cli import ready_to_use
from engine.servers.testserver import ready_to_use as test_server_ready

_OLDEST, _NEWEST = (3, 11), (3, 13)


def examine_python() -> Finding:
    """Whether this Python is one that Regulars is tested with."""
    version = platform.python_version()
    if not _OLDEST <= sys.version_info[:2] <= _NEWEST:
        return Finding("Python", State.WRONG, version, "make an environment with Python 3.11, 3.12 or 3.13")
    return Finding("Python", State.OK, version)


def examine_database(project: Project) -> list[Finding]:
    """PostgreSQL: configured or embedded, reachable, its version, whether it is migrated."""
    if database_configured():
        return [_database(os.environ["REGULARS_DATABASE_URL"], "REGULARS_DATABASE_URL")]
    record = running(project.state / "postgres")
    if record:
        return [_database(record.environment["REGULARS_DATABASE_URL"], f"embedded, pid {record.pid}")]
    try:
        found = binaries()
    except SetupError as error:
        return [Finding("PostgreSQL", State.WRONG, error.message, error.hint)]
    return [Finding("PostgreSQL", State.OFF, f"embedded, starts when needed ({found})")]


def database_url(project: Project) -> str | None:
    """The address of a database that is configured or runs; none is started."""
    if database_configured():
        return os.environ["REGULARS_DATABASE_URL"]
    record = running(project.state / "postgres")
    return record.environment["REGULARS_DATABASE_URL"] if record else None


def _database(url: str, origin: str) -> Finding:
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            version = connection.execute("show server_version").fetchone()
        revision, current = current_revision(url), is_current(url)
    except (psycopg.Error, ValueError) as error:
        text = f"{origin}: {redacted(url)}: {redacted(str(error).strip())}"
        return Finding("PostgreSQL", State.WRONG, text, "check REGULARS_DATABASE_URL and that the server runs")
    text = f"{version[0] if version else '?'}, {origin}, {redacted(url)}"
    if revision is None:
        return Finding("PostgreSQL", State.OK, f"{text}, empty (migrated by the first command)")
    if not current:
        return Finding("PostgreSQL", State.OK, f"{text}, at revision {revision} (migrated by the next command)")
    return Finding("PostgreSQL", State.OK, f"{text}, migrated")


def embedded_temporal(project: Project) -> Record | Finding | None:
    """The embedded Temporal server if it runs, else what is found in its place; None if a service is configured."""
    if temporal_configured():
        return None
    record = running(project.state / "temporal")
    if record:
        return record
    program = ready_to_use()
    if program:
        return Finding("Temporal", State.OFF, f"embedded, starts when needed ({program})")
    return Finding(
        "Temporal", State.OFF, "embedded; its program is not here yet", "`make servers` downloads or builds it"
    )


def examine_test_server() -> Finding:
    """The time-skipping test server, which only tests need."""
    program = test_server_ready()
    if program:
        return Finding("Test server", State.OK, str(program))
    return Finding("Test server", State.OFF, "not here yet; only tests need it", "`make servers` fetches it")
