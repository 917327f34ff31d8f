"""The supervisor as a process: exit codes, signals, ports, what it leaves behind."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from engine.servers.clean import clean
from engine.servers.lease import running
from engine.servers.ports import free_port, speaks_http2
from engine.servers.processes import Identity
from tests.servers.waiting import run, started, until

# Several servers start and stop in one test.
pytestmark = pytest.mark.timeout(300)


def supervise(state: Path, *options: str, command: list[str], **environment: str) -> subprocess.CompletedProcess:
    return run("-m", "engine.servers", *options, "--state", str(state), "--free-ports", "--", *command, **environment)


@contextlib.contextmanager
def supervised(state: Path, *options: str, script: str) -> Iterator[subprocess.Popen]:
    """A supervisor whose command runs this shell script."""
    words = ("-m", "engine.servers", *options, "--state", str(state), "--free-ports", "--", "sh", "-c", script)
    with started(*words) as child:
        yield child


def nothing_runs(state: Path) -> bool:
    return running(state / "postgres") is None and running(state / "temporal") is None


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 1", 1), ("exit 7", 7), ("exit 255", 255)])
def test_the_exit_code_is_the_commands(state: Path, script: str, code: int) -> None:
    assert supervise(state, command=["sh", "-c", script]).returncode == code


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_command_ended_by_a_signal_gives_the_code_that_shells_give(state: Path, number: signal.Signals) -> None:
    assert supervise(state, command=["sh", "-c", f"kill -{number.value} $$"]).returncode == 128 + number


def test_a_command_that_does_not_exist_gives_127(state: Path) -> None:
    done = supervise(state, command=["no-such-command"])
    assert done.returncode == 127
    assert "no-such-command" in done.stderr


def test_the_exit_code_is_true_with_servers_too_and_they_are_stopped(state: Path) -> None:
    done = supervise(state, "--postgres", "--temporal", command=["sh", "-c", "env; exit 7"])
    assert done.returncode == 7, done.stderr
    assert "REGULARS_DATABASE_URL=postgresql://" in done.stdout
    assert "TEMPORAL_ADDRESS=127.0.0.1:" in done.stdout
    assert "TEMPORAL_NAMESPACE=default" in done.stdout
    assert "REGULARS_TEMPORAL_UI=http://127.0.0.1:" in done.stdout
    assert nothing_runs(state)
    assert not (state / "ports.json").exists()


def test_the_addresses_stand_in_a_file_while_the_servers_run(state: Path) -> None:
    with supervised(state, "--postgres", "--temporal", script="echo ready; exec sleep 600") as owner:
        assert owner.stdout.readline() == "ready\n"
        served = json.loads((state / "ports.json").read_text())
        with psycopg.connect(served["REGULARS_DATABASE_URL"]) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
        with urllib.request.urlopen(served["REGULARS_TEMPORAL_UI"], timeout=10) as page:
            assert page.status == 200
        owner.send_signal(signal.SIGTERM)
        owner.wait(timeout=30)
    assert not (state / "ports.json").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_reaches_the_command_whose_code_is_returned(state: Path, number: signal.Signals) -> None:
    name = number.name.removeprefix("SIG")
    script = f"trap 'echo heard {name}; exit 5' {name}; echo ready; while :; do sleep 0.05; done"
    with supervised(state, "--postgres", script=script) as owner:
        assert owner.stdout.readline() == "ready\n"
        owner.send_signal(number)
        assert owner.communicate(timeout=30)[0] == f"heard {name}\n"
        assert owner.returncode == 5
    assert nothing_runs(state)


def test_a_second_signal_kills_a_command_that_does_not_listen(state: Path) -> None:
    with supervised(state, script="trap '' TERM; echo ready; while :; do sleep 0.05; done") as owner:
        assert owner.stdout.readline() == "ready\n"
        owner.send_signal(signal.SIGTERM)
        until(lambda: _sent_twice(owner), "the end")
        assert owner.returncode == 128 + signal.SIGKILL


def _sent_twice(owner: subprocess.Popen) -> bool:
    if owner.poll() is None:
        owner.send_signal(signal.SIGTERM)
        return False
    return True


def test_a_supervisor_that_was_killed_is_followed_by_one_that_works_with_the_same_data(state: Path) -> None:
    write = (
        "import os, psycopg; c = psycopg.connect(os.environ['REGULARS_DATABASE_URL']); "
        "c.execute('create table kept ()'); c.commit()"
    )
    read = "import os, psycopg; psycopg.connect(os.environ['REGULARS_DATABASE_URL']).execute('select * from kept')"
    both = ("--postgres", "--temporal")
    script = f'{sys.executable} -c "{write}" && echo written && exec sleep 600'
    with supervised(state, *both, script=script) as owner:
        assert owner.stdout.readline() == "written\n"
        child = _sleeper(owner.pid)
        before = running(state / "temporal")
        owner.kill()
        owner.wait()
    child.kill()
    assert before.identity.alive(), "an orphan"
    done = supervise(state, *both, command=["sh", "-c", f'{sys.executable} -c "{read}" && echo $TEMPORAL_ADDRESS'])
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == before.environment["TEMPORAL_ADDRESS"], "the orphan was adopted"
    assert nothing_runs(state)
    assert not before.identity.alive()


def test_servers_that_die_are_started_again_at_the_same_place(state: Path) -> None:
    with supervised(state, "--postgres", "--temporal", script="echo ready; exec sleep 600") as owner:
        assert owner.stdout.readline() == "ready\n"
        before = {name: running(state / name) for name in ("postgres", "temporal")}
        for record in before.values():
            os.kill(record.pid, signal.SIGKILL)
        for name, record in before.items():
            until(lambda name=name, record=record: _again(state / name, record.identity), f"{name} again")
            assert running(state / name).environment == record.environment
        owner.send_signal(signal.SIGTERM)
        owner.wait(timeout=60)
    assert nothing_runs(state)


def _again(home: Path, before: Identity) -> bool:
    record = running(home)
    return record is not None and record.identity != before


def test_two_supervisors_of_one_project_share_its_servers(state: Path) -> None:
    with supervised(state, "--postgres", script="echo $REGULARS_DATABASE_URL; exec sleep 600") as owner:
        url = owner.stdout.readline().strip()
        pid = running(state / "postgres").pid
        done = supervise(state, "--postgres", command=["sh", "-c", "echo $REGULARS_DATABASE_URL"])
        assert done.stdout.strip() == url
        assert running(state / "postgres").pid == pid, "it runs on for the first"
        owner.send_signal(signal.SIGTERM)
        owner.wait(timeout=30)
    assert nothing_runs(state)


def test_configured_servers_are_used_and_none_is_started(state: Path) -> None:
    done = supervise(
        state,
        "--postgres",
        "--temporal",
        command=["sh", "-c", "echo $REGULARS_DATABASE_URL $TEMPORAL_ADDRESS $TEMPORAL_NAMESPACE"],
        REGULARS_DATABASE_URL="postgresql://db.example/shop",
        TEMPORAL_ADDRESS="temporal.example:7233",
        TEMPORAL_NAMESPACE="shop",
    )
    assert done.stdout == "postgresql://db.example/shop temporal.example:7233 shop\n"
    assert list(state.iterdir()) == []


def test_a_profile_in_temporals_configuration_file_counts_as_configured(state: Path, tmp_path: Path) -> None:
    file = tmp_path / "temporal.toml"
    file.write_text('[profile.default]\naddress = "temporal.example:7233"\n')
    done = supervise(
        state, "--temporal", command=["sh", "-c", "echo [$TEMPORAL_ADDRESS]"], TEMPORAL_CONFIG_FILE=str(file)
    )
    assert done.stdout == "[]\n", done.stderr
    assert list(state.iterdir()) == []


def test_a_broken_configuration_file_of_temporal_is_a_clear_error(state: Path, tmp_path: Path) -> None:
    file = tmp_path / "temporal.toml"
    file.write_text("[profile.default\n")
    done = supervise(state, "--temporal", command=["true"], TEMPORAL_CONFIG_FILE=str(file))
    assert done.returncode == 3
    assert done.stderr.startswith(f"{file}: error[bad-temporal-config]")


def test_an_occupied_port_is_a_clear_error_with_its_owners_name(project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (project / "regulars.toml").write_text(f"[servers]\ntemporal_port = {port}\ntemporal_ui_port = {free_port()}\n")
        done = run("-m", "engine.servers", "--temporal", "--", "true", cwd=project)
    assert done.returncode == 3
    assert f"error[port-taken]: port {port}, needed for Temporal, is taken by python" in done.stderr
    assert f"(pid {os.getpid()})" in done.stderr
    assert "TEMPORAL_ADDRESS" in done.stderr


def test_one_server_that_cannot_start_stops_the_other(project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (project / "regulars.toml").write_text(f"[servers]\ntemporal_port = {port}\n")
        done = run("-m", "engine.servers", "--postgres", "--temporal", "--", "true", cwd=project)
    assert done.returncode == 3
    assert nothing_runs(project / ".regulars")


def test_a_namespace_of_ones_own_is_made_in_the_embedded_server(state: Path) -> None:
    describe = (
        "import asyncio\n"
        "from engine.composition import connect\n"
        "from engine.servers.leave import leave\n"
        "from engine.servers.namespace import missing_search_attributes\n"
        "from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest as Describe\n"
        "async def main():\n"
        "    client = await connect()\n"
        "    found = await client.workflow_service.describe_namespace(Describe(namespace='shop'))\n"
        "    days = found.config.workflow_execution_retention_ttl.seconds / 86400\n"
        "    print(client.namespace, days, await missing_search_attributes(client, 'shop'))\n"
        "asyncio.run(main())\n"
        "leave(0)\n"
    )
    command = [sys.executable, "-c", describe]
    done = supervise(state, "--temporal", "--fast", command=command, TEMPORAL_NAMESPACE="shop")
    assert done.stdout == "shop 30.0 []\n", done.stderr


@pytest.mark.parametrize(("options", "durable"), [((), "on"), (("--fast",), "off")])
def test_only_fast_servers_are_not_durable(state: Path, options: tuple[str, ...], durable: str) -> None:
    asked = (
        "import os, psycopg\n"
        "with psycopg.connect(os.environ['REGULARS_DATABASE_URL']) as connection:\n"
        "    print(*connection.execute('show fsync').fetchone())\n"
    )
    done = supervise(state, "--postgres", *options, command=[sys.executable, "-c", asked])
    assert done.stdout == f"{durable}\n", done.stderr


def test_temporals_database_survives_from_one_run_to_the_next(state: Path) -> None:
    assert supervise(state, "--temporal", command=["true"]).returncode == 0
    size = (state / "temporal" / "temporal.db").stat().st_size
    assert size > 0
    done = supervise(state, "--temporal", command=["true"])
    assert done.returncode == 0, done.stderr
    assert (state / "temporal" / "temporal.db").stat().st_size >= size


def _sleeper(owner: int) -> psutil.Process:
    """The owner's child, once it is `sleep`: what it says, it says while it is still the shell."""
    found: list[psutil.Process] = []

    def sleeps() -> bool:
        found[:] = [child for child in psutil.Process(owner).children() if child.name() == "sleep"]
        return bool(found)

    until(sleeps, "the child to sleep")
    return found[0]


def test_cleaning_stops_the_orphans_of_a_killed_supervisor(state: Path) -> None:
    with supervised(state, "--postgres", "--temporal", "--fast", script="echo ready; exec sleep 600") as owner:
        owner.stdout.readline()
        records = [running(state / name) for name in ("postgres", "temporal")]
        child = _sleeper(owner.pid)
        owner.kill()
        child.kill()
        owner.wait()
    assert all(record.identity.alive() for record in records)
    clean(state)
    assert not any(record.identity.alive() for record in records)
    assert not state.exists()


def test_an_orphan_of_temporal_without_a_record_is_stopped_before_the_next_starts(state: Path) -> None:
    with supervised(state, "--temporal", script="echo ready; exec sleep 600") as owner:
        owner.stdout.readline()
        record = running(state / "temporal")
        host, port = record.environment["TEMPORAL_ADDRESS"].split(":")
        assert speaks_http2(host, int(port))
        child = _sleeper(owner.pid)
        owner.kill()
        child.kill()
        owner.wait()
    (state / "temporal" / "server.json").unlink()
    assert supervise(state, "--temporal", command=["true"]).returncode == 0
    assert not record.identity.alive()
