"""Finds the official Temporal program, which holds the development server and its Web UI.

The routes, in order: the program that `REGULARS_TEMPORAL_CLI` names, the cached pinned build, `temporal` on PATH if it
is the pinned version or newer, the SDK's download, a build from source. A route that fails says why, then the next one
is tried.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from engine.servers.cache import RouteFailed, cache, published
from engine.servers.download import DEV_SERVER, download
from engine.servers.errors import SetupError
from engine.servers.gobuild import build
from engine.servers.progress import say

VERSION = "1.5.1"
# A build from source without a version says only which server it holds.
_SERVER_VERSION = "1.29.1"


def find_temporal() -> Path:
    """The Temporal program, downloaded or built into the cache if need be.

    Raises:
        SetupError: every route failed; the message tells each one's reason.
    """
    named = os.environ.get("REGULARS_TEMPORAL_CLI")
    if named:
        return _named(named)
    if cached().is_file():
        return cached()
    reasons = []
    for route, take in _ROUTES:
        try:
            return take()
        except RouteFailed as reason:
            say(f"Temporal: {route}: {reason}")
            reasons.append(f"\n    {route}: {reason}")
    raise SetupError(
        "no-temporal",
        f"the Temporal program {VERSION} was not found and could not be had:{''.join(reasons)}",
        "install Go 1.25 or newer, or name a Temporal program with REGULARS_TEMPORAL_CLI, or set TEMPORAL_ADDRESS to a "
        "Temporal service of yours",
    )


def ready_to_use() -> Path | None:
    """The Temporal program if it is here already; downloads and builds nothing."""
    if os.environ.get("REGULARS_TEMPORAL_CLI"):
        return find_temporal()
    if cached().is_file():
        return cached()
    try:
        return _on_path()
    except RouteFailed:
        return None


def cached() -> Path:
    """Where the pinned program lies once it was downloaded or built."""
    return cache() / f"temporal-{VERSION}" / "temporal"


def _named(name: str) -> Path:
    path = shutil.which(name)
    if path is None:
        raise SetupError(
            "no-temporal",
            f"REGULARS_TEMPORAL_CLI is {name!r}, which is no program",
            "name an executable file, or unset the variable to have the program found",
        )
    return Path(path)


def _on_path() -> Path:
    found = shutil.which("temporal")
    if found is None:
        raise RouteFailed("no `temporal` there")
    text = _version_text(found)
    if not recent_enough(text):
        raise RouteFailed(f"{found} says {text!r}, wanted {VERSION} or newer")
    return Path(found)


def _version_text(program: str) -> str:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise RouteFailed(f"{program} --version: {error}") from None
    return done.stdout.strip()


def recent_enough(text: str) -> bool:
    """Whether `temporal --version` printed the pinned version or a newer one."""
    program = re.search(r"temporal version v?(\d+(?:\.\d+)+)(-DEV)?", text)
    if program and program[2] is None:
        return _numbers(program[1]) >= _numbers(VERSION)
    server = re.search(r"Server v?(\d+(?:\.\d+)+)", text)
    return bool(program and server and _numbers(server[1]) >= _numbers(_SERVER_VERSION))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _downloaded() -> Path:
    return published(cached(), lambda target: download(DEV_SERVER, f"v{VERSION}", target))


def _built() -> Path:
    return published(cached(), lambda target: build(VERSION, target))


_ROUTES: tuple[tuple[str, Callable[[], Path]], ...] = (
    ("on PATH", _on_path),
    (f"download of {VERSION}", _downloaded),
    ("build from source", _built),
)
