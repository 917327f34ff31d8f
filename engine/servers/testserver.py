"""Finds the time-skipping test server, with which tests let months pass in seconds."""

import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.servers.cache import RouteFailed, cache, published
from engine.servers.download import TEST_SERVER, download
from engine.servers.errors import SetupError
from engine.servers.gobuild import run_with_progress, sources
from engine.servers.ports import LOOPBACK, free_port
from engine.servers.processes import Identity, stop
from engine.servers.progress import say

VERSION = "1.38.0"
"""As pinned in `tools/temporal/pom.xml`."""

_CLASS = "io.temporal.testserver.TestServer"
_PATIENCE = 60.0
"""Seconds for it to come up, on a machine that is busy."""


def find_test_server() -> Path:
    """The program for `WorkflowEnvironment.start_time_skipping(test_server_existing_path=...)`.

    Raises:
        SetupError: every route failed; the message tells each one's reason.
    """
    if here := ready_to_use():
        return here
    program, script = _places()
    reasons = []
    for route, target, make in (
        (f"download of {VERSION}", program, lambda file: download(TEST_SERVER, f"v{VERSION}", file)),
        ("Maven", script.parent / "lib", _with_maven),
    ):
        try:
            made = published(target, make)
        except RouteFailed as reason:
            say(f"Temporal test server: {route}: {reason}")
            reasons.append(f"\n    {route}: {reason}")
        else:
            return made if made == program else published(script, _script)
    raise SetupError(
        "no-test-server",
        f"the time-skipping test server {VERSION} could not be had:{''.join(reasons)}",
        "install Java 11 or newer and Maven; only tests need it",
    )


def ready_to_use() -> Path | None:
    """The program if it is here already; fetches nothing."""
    return next((place for place in _places() if place.is_file()), None)


def _places() -> tuple[Path, Path]:
    return directory() / "temporal-test-server", directory() / "run"


def directory() -> Path:
    """Where it lies in the cache."""
    return cache() / f"temporal-test-server-{VERSION}"


def _with_maven(target: Path) -> None:
    for needed in ("java", "mvn"):
        if shutil.which(needed) is None:
            raise RouteFailed(f"no `{needed}` on PATH")
    say(f"Temporal test server: fetching {VERSION} with Maven, once (later runs take it from the cache)")
    command = ["mvn", "-B", "-ntp", "dependency:copy-dependencies", f"-DoutputDirectory={target}"]
    run_with_progress([*command, "-DincludeScope=runtime"], sources(), "lines from Maven")
    if not any(target.glob("temporal-test-server-*.jar")):
        raise RouteFailed("Maven brought no temporal-test-server")


def _script(target: Path) -> None:
    # The SDK gives the port as the first argument.
    libraries = shlex.quote(str(directory() / "lib"))
    target.write_text(f'#!/bin/sh\nexec java -cp {libraries}/"*" {_CLASS} "$1"\n')
    target.chmod(0o755)


@contextmanager
def serving(program: Path) -> Iterator[str]:
    """Runs the server and gives its address; it skips no time by itself, and forgets everything when it ends.

    Raises:
        SetupError: it does not come up.
    """
    port = free_port()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([program, str(port)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            _wait_until_up(process, port)
            yield f"{LOOPBACK}:{port}"
        finally:
            if (identity := Identity.of(process.pid)) is not None:
                stop(identity)
            process.wait()


def _wait_until_up(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection((LOOPBACK, port), 1.0).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    how = "does not listen" if process.poll() is None else f"ended with {process.returncode}"
    raise SetupError("test-server-down", f"the time-skipping test server {how}", "see that Java 11 or newer is there")
