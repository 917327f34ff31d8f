"""Fixtures that many tests share: real databases and the real data."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql
from xdist.scheduler import LoadScopeScheduling

from engine.facts.importing.run import run as run_import
from engine.facts.migrate import upgrade
from engine.servers.leave import leave

_LONGEST = ("olist", "faults", "simulation", "language", "dispatch", "cli", "mirror", "bench", "servers")
"""Directories whose tests take longest: begun first, so that the lanes end together."""
_OF_OLIST = ("tests/olist/", "tests/facts/importing/test_import_olist.py", "tests/simulation/test_same_as_olist.py")
"""Tests that share the import of Olist."""

# The same examples in every run, however slow the machine; `HYPOTHESIS_SEARCH=1000` looks for as many new ones.
_SEARCH = os.environ.get("HYPOTHESIS_SEARCH")
settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.register_profile("search", max_examples=int(_SEARCH or 100), deadline=None)
settings.load_profile("search" if _SEARCH else "repeatable")


class Lanes(LoadScopeScheduling):
    """For lanes (`-n 3`): the tests of a file stay together, and so do all that share the import of Olist."""

    def _split_scope(self, nodeid: str) -> str:
        return "olist" if nodeid.startswith(_OF_OLIST) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Lanes:
    return Lanes(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        shared = item.nodeid.startswith(_OF_OLIST)
        assert shared or "olist_database" not in getattr(item, "fixturenames", ()), f"{item.nodeid}: see _OF_OLIST"
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    directory = item.path.relative_to(Path(__file__).parent).parts[0]
    return _LONGEST.index(directory) if directory in _LONGEST else len(_LONGEST)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """A lane's process used Temporal clients too; it has told all that it has to tell."""
    if hasattr(config, "workerinput"):
        leave(0)


def _server() -> str:
    url = os.environ.get("REGULARS_DATABASE_URL")
    if not url:
        pytest.fail("no PostgreSQL: run the tests with `make test`, which starts the servers they need")
    return url


def _with_database(url: str, name: str) -> str:
    return psycopg.conninfo.make_conninfo(url, dbname=name) if "://" not in url else _swap_path(url, name)


def _swap_path(url: str, name: str) -> str:
    head, _, query = url.partition("?")
    scheme, rest = head.split("://", 1)
    authority = rest.split("/", 1)[0]
    return f"{scheme}://{authority}/{name}" + (f"?{query}" if query else "")


def _admin(statement: sql.Composed) -> None:
    with psycopg.connect(_server(), autocommit=True) as admin:
        admin.execute(statement)


@pytest.fixture(scope="session")
def template_database() -> Iterator[str]:
    """A migrated, empty database that each test's own is copied from."""
    name = f"template_{uuid.uuid4().hex[:12]}"
    _admin(sql.SQL("create database {}").format(sql.Identifier(name)))
    upgrade(_swap_path(_server(), name))
    yield name
    _admin(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def make_database(template_database: str) -> Iterator[Callable[[], str]]:
    """Makes fresh, migrated databases of this test's own and gives their URLs."""
    names: list[str] = []

    def make() -> str:
        name = f"test_{uuid.uuid4().hex[:12]}"
        _admin(
            sql.SQL("create database {} template {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(template_database)
            )
        )
        names.append(name)
        return _with_database(_server(), name)

    yield make
    for name in names:
        _admin(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def database(make_database: Callable[[], str]) -> str:
    """URL of a fresh, migrated database of this test's own."""
    return make_database()


@pytest.fixture(scope="module")
def module_database(template_database: str) -> Iterator[str]:
    """A migrated database for all tests of a file."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    _admin(
        sql.SQL("create database {} template {} strategy file_copy").format(
            sql.Identifier(name), sql.Identifier(template_database)
        )
    )
    yield _with_database(_server(), name)
    _admin(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection]:
    """An open connection to this test's own database, committing when told."""
    with psycopg.connect(database) as connection:
        yield connection


@pytest.fixture(scope="session")
def olist() -> Path:
    """The directory of the Olist CSV files; the only reason for which a test is skipped."""
    directory = os.environ.get("REGULARS_OLIST")
    if not directory or not Path(directory).is_dir():
        pytest.skip("REGULARS_OLIST does not name the directory of the Olist data")
    return Path(directory)


@pytest.fixture(scope="session")
def olist_database(template_database: str, olist: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a database with all of Olist imported; shared, so tests must leave its facts as they are."""
    name = f"olist_{uuid.uuid4().hex[:12]}"
    _admin(sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template_database)))
    url = _with_database(_server(), name)
    run_import(url, tmp_path_factory.mktemp("import"), olist, Path("examples/olist/mapping.yaml"))
    yield url
    _admin(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
