"""The time-skipping test server, found and used."""

import os
import socket
from pathlib import Path

import pytest

from engine.servers.errors import SetupError
from engine.servers.testserver import find_test_server
from tests.servers.waiting import run

SKIPS_A_YEAR = """
import asyncio, sys, time
from datetime import timedelta
from temporalio import workflow
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from engine.servers.leave import leave

@workflow.defn
class Year:
    @workflow.run
    async def run(self) -> str:
        await workflow.sleep(timedelta(days=365))
        return "a year later"

async def main():
    async with await WorkflowEnvironment.start_time_skipping(test_server_existing_path=sys.argv[1]) as environment:
        async with Worker(
            environment.client, task_queue="q", workflows=[Year], workflow_runner=UnsandboxedWorkflowRunner()
        ):
            print(await environment.client.execute_workflow(Year.run, id="y", task_queue="q"))

asyncio.run(main())
leave(0)
"""


def test_a_year_passes_in_seconds(tmp_path: Path) -> None:
    script = tmp_path / "year.py"
    script.write_text(SKIPS_A_YEAR)
    done = run(str(script), str(find_test_server()), seconds=100)
    assert done.stdout == "a year later\n", done.stderr


def test_without_network_java_and_maven_every_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{probe.getsockname()[1]}")
    with pytest.raises(SetupError, match=r"no-test-server(.|\n)*download of(.|\n)*Maven: no `java` on PATH"):
        find_test_server()


def test_a_failed_maven_leaves_nothing_that_counts_as_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("java", "mvn"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'no such artifact'\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.defpath}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{probe.getsockname()[1]}")
    with pytest.raises(SetupError, match=r"mvn ended with code 1:\n\s+no such artifact"):
        find_test_server()
    assert [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()] == [".lock"]
