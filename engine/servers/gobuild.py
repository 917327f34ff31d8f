"""Builds the official Temporal program from its module, pinned with all it needs in `tools/temporal`."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from engine.servers.cache import RouteFailed
from engine.servers.progress import Paced, say
from engine.shipped import shipped

PACKAGE = "github.com/temporalio/cli/cmd/temporal"
_OLDEST = (1, 25)


def sources() -> Path:
    """`tools/temporal`, where the servers' sources are pinned.

    Raises:
        RouteFailed: this installation lacks them.
    """
    directory = shipped("tools/temporal")
    if not (directory / "go.mod").is_file():
        raise RouteFailed(f"the pinned sources are not in {directory}: install Regulars again")
    return directory


def build(version: str, target: Path) -> None:
    """Builds the program; about three minutes and 250 MB, once.

    Args:
        version: what the program shall call itself.
        target: the file to make.

    Raises:
        RouteFailed: there is no Go, it is too old, or the build failed.
    """
    directory = sources()
    go = _go(directory)
    say(f"Temporal: building {version} from source, about 3 minutes, once (later runs take it from the cache)")
    flags = f"-s -w -X github.com/temporalio/cli/temporalcli.Version={version}"
    run_with_progress(
        [go, "build", "-v", "-mod=readonly", "-trimpath", "-ldflags", flags, "-o", str(target), PACKAGE],
        directory,
        "packages compiled or fetched",
    )


def _go(directory: Path) -> str:
    go = shutil.which("go")
    if go is None:
        raise RouteFailed("no `go` on PATH")
    try:
        done = subprocess.run([go, "version"], cwd=directory, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        raise RouteFailed(f"go version: {error}") from None
    found = re.search(r"go(\d+)\.(\d+)", done.stdout)
    if done.returncode or not found:
        raise RouteFailed(f"go version: {(done.stderr or done.stdout).strip() or 'no answer'}")
    if (int(found[1]), int(found[2])) < _OLDEST:
        raise RouteFailed(f"Go {found[1]}.{found[2]} is too old, it must be 1.25 or newer")
    return go


def run_with_progress(command: list[str], directory: Path, unit: str) -> None:
    """Runs a build tool; counts its lines in place of showing them, and shows the last ones if it fails.

    Raises:
        RouteFailed: the tool is absent or failed.
    """
    paced, lines = Paced(), []
    try:
        child = subprocess.Popen(
            command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(os.environ)
        )
    except OSError as error:
        raise RouteFailed(f"{command[0]}: {error}") from None
    with child:
        try:
            for line in child.stdout or ():
                lines.append(line.rstrip())
                paced.say(f"{len(lines)} {unit}")
        except BaseException:
            child.terminate()
            raise
    if child.returncode:
        tail = "".join(f"\n      {line}" for line in lines[-8:])
        raise RouteFailed(f"{Path(command[0]).name} ended with code {child.returncode}:{tail}")
