"""Servers of a bench's own: empty ones, so that what earlier runs left does not slow it down."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.figures import BENCH, ROOT
from engine.servers.clean import clean


def has_servers() -> bool:
    """Whether PostgreSQL and Temporal are named by the environment."""
    return "TEMPORAL_ADDRESS" in os.environ and "REGULARS_DATABASE_URL" in os.environ


def again_with_servers(name: str, *, temporal: bool = True) -> int:
    """Runs this program again with servers that are there for it alone, and gives its exit code."""
    BENCH.mkdir(parents=True, exist_ok=True)
    state = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=BENCH))
    needed = ["--postgres", *(["--temporal"] if temporal else [])]
    servers = [sys.executable, "-m", "engine.servers", *needed, "--free-ports", "--state", state]
    try:
        return subprocess.run([*servers, "--", sys.executable, *sys.argv], cwd=ROOT, check=False).returncode
    finally:
        clean(state)
        shutil.rmtree(state, ignore_errors=True)
