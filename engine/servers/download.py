"""The SDK's own download of its servers, in a child process, because it cannot be given a time limit from within.

The SDK offers no download alone: it downloads, starts the server and connects. The child stops that server again; the
file stays.
"""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from engine.servers.cache import RouteFailed
from engine.servers.leave import leave

DEV_SERVER = "dev-server"
TEST_SERVER = "test-server"
LIMIT = 20.0
"""Seconds for the download; behind a firewall that drops packets it would never end."""


def download(kind: str, version: str, target: Path, seconds: float = LIMIT) -> None:
    """Downloads a server's program to the target.

    Args:
        kind: `DEV_SERVER` or `TEST_SERVER`.
        version: as its download site names it, `v1.5.1`.
        target: the file to make; its directory exists.
        seconds: the limit.

    Raises:
        RouteFailed: it could not be downloaded in time.
    """
    directory = target.parent / "download"
    directory.mkdir()
    said = _bounded([sys.executable, "-m", "engine.servers.download", kind, version, str(directory)], seconds)
    files = [file for file in directory.iterdir() if file.is_file() and os.access(file, os.X_OK)]
    if not files:
        raise RouteFailed(said or "nothing came")
    max(files, key=lambda file: file.stat().st_size).rename(target)


def _bounded(command: list[str], seconds: float) -> str:
    child = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        _, said = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        said = f"no answer within {seconds:.0f} s"
    finally:
        _end_group(child)
    lines = said.strip().splitlines()
    return lines[-1] if lines else ""


def _end_group(child: subprocess.Popen[str]) -> None:
    # The child, and a server that it may have started.
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


async def _fetch(kind: str, version: str, directory: str) -> None:
    from temporalio.testing import WorkflowEnvironment  # noqa: PLC0415 - the parent must not load the SDK

    if kind == DEV_SERVER:
        environment = await WorkflowEnvironment.start_local(
            dev_server_download_version=version, download_dest_dir=directory
        )
    else:
        environment = await WorkflowEnvironment.start_time_skipping(
            test_server_download_version=version, download_dest_dir=directory
        )
    await environment.shutdown()


def _main(kind: str, version: str, directory: str) -> int:
    try:
        asyncio.run(_fetch(kind, version, directory))
    except RuntimeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    leave(_main(*sys.argv[1:]))
