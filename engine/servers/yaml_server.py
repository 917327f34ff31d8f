"""Finds yaml-language-server, with which tests see what an editor offers at a place in the rules."""

import shutil
from pathlib import Path

from engine.servers.cache import RouteFailed, cache, published
from engine.servers.errors import SetupError
from engine.servers.gobuild import run_with_progress
from engine.servers.progress import say

VERSION = "1.19.2"


def find_yaml_server() -> Path:
    """The program; start it with `--stdio`.

    Raises:
        SetupError: it is not in the cache, and npm is absent or cannot bring it.
    """
    try:
        modules = published(cache() / f"yaml-language-server-{VERSION}" / "npm", _with_npm)
    except RouteFailed as reason:
        raise SetupError(
            "no-yaml-server",
            f"yaml-language-server {VERSION} could not be had:\n    npm: {reason}",
            "install Node.js 20 or newer, which brings npm; only tests need it",
        ) from None
    return modules / "node_modules" / ".bin" / "yaml-language-server"


def _with_npm(target: Path) -> None:
    for needed in ("node", "npm"):
        if shutil.which(needed) is None:
            raise RouteFailed(f"no `{needed}` on PATH")
    say(f"yaml-language-server: fetching {VERSION} with npm, once (later runs take it from the cache)")
    target.mkdir(parents=True)
    command = ["npm", "install", "--prefix", str(target), "--no-audit", "--no-fund", "--ignore-scripts"]
    run_with_progress([*command, f"yaml-language-server@{VERSION}"], target, "lines from npm")
