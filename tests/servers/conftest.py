"""Fixtures of the tests of servers: projects of their own, and no servers in the environment."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.servers.clean import clean
from engine.servers.ports import free_port

_OF_THE_RUN = dict(os.environ)
CONFIGURED = ("REGULARS_DATABASE_URL", "REGULARS_TEMPORAL_UI", "REGULARS_TEMPORAL_CLI", "REGULARS_TEST_SERVER")


@pytest.fixture(scope="session")
def temporal_address() -> str:
    """The Temporal server of the test run."""
    address = _OF_THE_RUN.get("TEMPORAL_ADDRESS")
    if not address:
        pytest.fail("no Temporal: run the tests with `make test`, which starts the servers they need")
    return address


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers of the test run are not those of these tests."""
    for name in list(os.environ):
        if name in CONFIGURED or name.startswith("TEMPORAL_"):
            monkeypatch.delenv(name)


@pytest.fixture
def workplace() -> Iterator[Path]:
    """A directory that every user can pass through; all state directories below it are cleaned at the end."""
    directory = Path(tempfile.mkdtemp(prefix="regulars-test-"))
    directory.chmod(0o755)
    yield directory
    for entry in [*directory.glob("**/postgres"), *directory.glob("**/temporal")]:
        if entry.is_dir():
            clean(entry.parent)
    shutil.rmtree(directory)


@pytest.fixture
def state(workplace: Path) -> Path:
    """The state directory of a project of this test's own."""
    directory = workplace / "state"
    directory.mkdir()
    return directory


@pytest.fixture
def project(workplace: Path) -> Path:
    """A project with the shipped rules, whose Temporal server has ports of its own."""
    root = workplace / "shop"
    root.mkdir()
    rules = Path(__file__).parents[2] / "rules"
    ports = f"temporal_port = {free_port()}\ntemporal_ui_port = {free_port()}"
    (root / "regulars.toml").write_text(f'[project]\nrules = "{rules}"\n[servers]\n{ports}\n')
    return root
