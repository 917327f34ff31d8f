"""How a command comes by its servers, and how it ends."""

import subprocess
from pathlib import Path

import pytest

from engine.servers.lease import running
from tests.servers.waiting import run, started

COMMAND = """
import os, sys
from engine.servers.leave import leave
from engine.servers.need import need
from engine.servers.project import Project

need(Project.find(), database=True, **eval(sys.argv[1]))
import psycopg
with psycopg.connect(os.environ["REGULARS_DATABASE_URL"]) as connection:
    print(connection.execute("select 'served'").fetchone()[0], os.environ.get("TEMPORAL_ADDRESS"), flush=True)
if len(sys.argv) > 2:
    sys.stdin.read()
leave(9)
"""


@pytest.fixture
def command(tmp_path: Path) -> str:
    file = tmp_path / "command.py"
    file.write_text(COMMAND)
    return str(file)


def test_a_command_that_needs_servers_gets_them_and_ends_with_its_own_code(project: Path, command: str) -> None:
    done = run(command, "{}", cwd=project)
    assert (done.stdout, done.returncode) == ("served None\n", 9), done.stderr
    assert running(project / ".regulars" / "postgres") is None


def test_temporal_listens_on_the_projects_ports_where_they_are_wanted(project: Path, command: str) -> None:
    done = run(command, "{'temporal': True, 'default_ports': True}", cwd=project)
    port = (project / "regulars.toml").read_text().split("temporal_port = ")[1].split()[0]
    assert (done.stdout, done.returncode) == (f"served 127.0.0.1:{port}\n", 9), done.stderr


def test_a_command_uses_the_servers_that_run_and_the_last_one_stops_them(project: Path, command: str) -> None:
    home = project / ".regulars" / "postgres"
    with started(command, "{}", "stay", cwd=project, stdin=subprocess.PIPE) as first:
        assert first.stdout.readline() == "served None\n"
        server = running(home)
        with started(command, "{}", "stay", cwd=project, stdin=subprocess.PIPE) as second:
            assert second.stdout.readline() == "served None\n"
            first.communicate(timeout=30)
            assert first.returncode == 9
            assert running(home) == server, "the second one still uses it"
            second.communicate(timeout=30)
            assert second.returncode == 9
    assert running(home) is None


def test_a_configured_server_is_used_as_it_is(project: Path, command: str) -> None:
    done = run(command, "{}", cwd=project, REGULARS_DATABASE_URL="postgresql://nobody@127.0.0.1:1/shop")
    assert "connection" in done.stderr
    assert not (project / ".regulars").exists(), "nothing was started"


LEAVE = """
import sys
from engine.servers.leave import leave
sys.stdout.write("written")
sys.stderr.write("told")
leave(int(sys.argv[1]))
"""


@pytest.mark.parametrize("code", [0, 1, 3, 70])
def test_leaving_flushes_what_was_written_and_gives_the_code(code: int) -> None:
    done = run("-c", LEAVE, str(code))
    assert (done.returncode, done.stdout, done.stderr) == (code, "written", "told")


def test_a_reader_that_went_away_does_not_change_the_code() -> None:
    script = LEAVE.replace("leave(int(sys.argv[1]))", "sys.stdin.readline()\nleave(4)")
    with started("-c", script, PYTHONUNBUFFERED="") as child:
        child.stdout.close()
        assert child.wait(timeout=30) == 4


CLIENT = """
import asyncio, sys
from temporalio.client import Client
from engine.servers.leave import leave
async def main():
    client = await Client.connect(sys.argv[1])
    await client.service_client.check_health()
asyncio.run(main())
leave(5)
"""


def test_a_process_that_used_a_temporal_client_ends_with_its_code_every_time(temporal_address: str) -> None:
    assert [run("-c", CLIENT, temporal_address).returncode for _ in range(5)] == [5] * 5
