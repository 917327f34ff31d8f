"""The routes to the Temporal program, with programs of our own in place of Go and downloads that cannot succeed."""

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.servers import temporal_cli
from engine.servers.cache import RouteFailed
from engine.servers.download import DEV_SERVER, download
from engine.servers.errors import SetupError
from engine.servers.temporal_cli import find_temporal, recent_enough
from tests.servers.waiting import python, run, started, until

GO = """#!/bin/sh
if [ "$1" = version ]; then echo "go version {version} linux/amd64"; exit 0; fi
echo build >> {calls}
while [ "$1" != -o ]; do shift; done
{body}
"""


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory on PATH."""
    directory = tmp_path / "programs"
    directory.mkdir()
    for needed in ("sleep", "chmod"):
        (directory / needed).symlink_to(shutil.which(needed) or "")
    monkeypatch.setenv("PATH", str(directory))
    return directory


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Downloads are refused at once."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        refused = f"http://127.0.0.1:{probe.getsockname()[1]}"
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, refused)


@pytest.fixture
def silent_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[socket.socket]]:
    """Downloads are accepted and never answered, as behind a firewall that drops packets."""
    accepted: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    accepted.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{server.getsockname()[1]}")
        yield accepted
        server.shutdown(socket.SHUT_RDWR)
    for connection in accepted:
        connection.close()


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def says(path: Path, line: str) -> Path:
    return program(path, f"#!/bin/sh\necho '{line}'\n")


def go(directory: Path, *, body: str, version: str = "go1.26.1") -> Path:
    """A Go that notes each build in `calls`; `$2` is the file it shall write."""
    calls = directory / "calls"
    calls.touch()
    program(directory / "go", GO.format(version=version, calls=calls, body=body))
    return calls


@pytest.mark.parametrize(
    ("text", "enough"),
    [
        ("temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)", True),
        ("temporal version 1.5.0 (Server 1.29.0, UI 2.41.0)", False),
        ("temporal version 1.10.0 (Server 1.31.0, UI 2.50.0)", True),
        ("temporal version 2.0.0", True),
        ("temporal version 0.0.0-DEV (Server 1.29.1, UI 2.42.1)", True),
        ("temporal version 0.0.0-DEV (Server 1.28.9, UI 2.42.1)", False),
        ("temporal version 0.0.0-DEV", False),
        ("tctl version 1.18.1", False),
        ("", False),
    ],
)
def test_the_pinned_version_or_a_newer_one_is_recent_enough(text: str, enough: bool) -> None:
    assert recent_enough(text) is enough


def test_the_program_that_the_environment_names_comes_first(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says(programs / "temporal", "temporal version 9.9.9")
    named = says(programs / "mine" / "temporal", "temporal version 0.1.0")
    monkeypatch.setenv("REGULARS_TEMPORAL_CLI", str(named))
    assert find_temporal() == named


def test_a_named_program_that_does_not_exist_is_an_error_and_no_other_is_taken(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(programs / "temporal", "temporal version 9.9.9")
    monkeypatch.setenv("REGULARS_TEMPORAL_CLI", "/nowhere/temporal")
    with pytest.raises(SetupError, match=r"REGULARS_TEMPORAL_CLI is '/nowhere/temporal', which is no program"):
        find_temporal()


def test_the_cached_build_comes_before_one_on_path(programs: Path, empty_cache: Path) -> None:
    says(programs / "temporal", "temporal version 9.9.9")
    cached = says(empty_cache / "regulars" / "temporal-1.5.1" / "temporal", "temporal version 1.5.1")
    assert find_temporal() == cached


def test_a_recent_program_on_path_is_taken(programs: Path) -> None:
    recent = says(programs / "temporal", "temporal version 1.6.0 (Server 1.30.0)")
    assert find_temporal() == recent


def test_an_old_program_on_path_is_passed_over_with_the_reason(
    programs: Path, no_network: None, capsys: pytest.CaptureFixture[str]
) -> None:
    says(programs / "temporal", "temporal version 1.0.0 (Server 1.24.0)")
    go(programs, body='echo made > "$2"; chmod +x "$2"')
    assert find_temporal() == temporal_cli.cached()
    assert "says 'temporal version 1.0.0 (Server 1.24.0)', wanted 1.5.1 or newer" in capsys.readouterr().err


def test_a_program_on_path_that_fails_is_passed_over(programs: Path, no_network: None) -> None:
    program(programs / "temporal", "#!/bin/sh\nexit 9\n")
    go(programs, body='echo made > "$2"')
    assert find_temporal() == temporal_cli.cached()


def test_when_every_route_fails_each_reason_is_told(programs: Path, no_network: None) -> None:
    with pytest.raises(SetupError) as caught:
        find_temporal()
    assert "on PATH: no `temporal` there" in caught.value.message
    assert "download of 1.5.1: " in caught.value.message
    assert "failed to download" in caught.value.message
    assert "build from source: no `go` on PATH" in caught.value.message
    assert "REGULARS_TEMPORAL_CLI" in caught.value.hint


def test_a_failed_build_shows_its_last_lines_and_leaves_nothing_behind(
    programs: Path, no_network: None, empty_cache: Path
) -> None:
    go(programs, body='echo half > "$2"; echo "undefined: frobnicate"; exit 2')
    with pytest.raises(SetupError, match=r"go ended with code 2:\n\s+undefined: frobnicate"):
        find_temporal()
    assert [path.name for path in empty_cache.rglob("*") if path.is_file()] == [".lock"]


def test_an_old_go_is_refused_before_it_builds(programs: Path, no_network: None) -> None:
    calls = go(programs, body="", version="go1.19.8")
    with pytest.raises(SetupError, match=r"Go 1\.19 is too old, it must be 1\.25 or newer"):
        find_temporal()
    assert calls.read_text() == ""


def test_a_build_is_made_once_and_found_from_then_on(programs: Path, no_network: None, empty_cache: Path) -> None:
    calls = go(programs, body='echo made > "$2"; chmod +x "$2"')
    assert find_temporal() == find_temporal() == empty_cache / "regulars/temporal-1.5.1/temporal"
    assert calls.read_text() == "build\n"


def test_two_processes_that_build_at_once_build_once(programs: Path, no_network: None) -> None:
    calls = go(programs, body='sleep 1; echo made > "$2"')
    script = "from engine.servers.temporal_cli import find_temporal; print(find_temporal())"
    with started("-c", script) as one, started("-c", script) as two:
        assert one.communicate(timeout=60)[0] == two.communicate(timeout=60)[0] == f"{temporal_cli.cached()}\n"
    assert calls.read_text() == "build\n"


def test_a_builder_killed_half_way_leaves_nothing_that_counts_as_built(programs: Path, no_network: None) -> None:
    calls = go(programs, body='echo half > "$2"; exec sleep 600')
    script = "from engine.servers.temporal_cli import find_temporal; find_temporal()"
    command, environment = python("-c", script)
    with subprocess.Popen(command, env=environment, start_new_session=True) as builder:
        until(calls.read_text, "the build's beginning")
        os.killpg(builder.pid, 9)
    assert not temporal_cli.cached().exists()
    go(programs, body='echo whole > "$2"')
    assert find_temporal().read_text() == "whole\n"
    assert list(temporal_cli.cached().parent.glob(".making-*")) == [], "and its half is gone"


def test_a_download_that_is_never_answered_ends_at_its_limit(
    tmp_path: Path, silent_network: list[socket.socket]
) -> None:
    begin = time.monotonic()
    with pytest.raises(RouteFailed, match="no answer within 4 s"):
        download(DEV_SERVER, "v1.5.1", tmp_path / "temporal", seconds=4)
    assert time.monotonic() - begin < 15
    assert silent_network, "it was asked"
    assert not (tmp_path / "temporal").exists()


def test_a_refused_download_gives_its_reason(tmp_path: Path, no_network: None) -> None:
    with pytest.raises(RouteFailed, match="failed to download"):
        download(DEV_SERVER, "v1.5.1", tmp_path / "temporal")


def test_the_programs_are_found_by_the_command_of_make_servers(programs: Path) -> None:
    says(programs / "temporal", "temporal version 1.6.0")
    done = run("-m", "engine.servers", "--temporal")
    assert (done.returncode, done.stdout) == (0, "")
    assert f"Temporal: {programs}/temporal" in done.stderr


def test_a_program_that_cannot_be_had_ends_make_servers_with_3(programs: Path, no_network: None) -> None:
    done = run("-m", "engine.servers", "--temporal")
    assert done.returncode == 3
    assert "error[no-temporal]" in done.stderr
    assert "Traceback" not in done.stderr
