"""A project as `regulars init` makes it, and commands run in this process."""

import contextlib
import shutil

import pytest
import typer
from typer.testing import CliRunner

from engine.cli import check, init, new, schemas, test
from engine.scaffold.project import create_project


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A new project; shared, so tests leave it as it is."""
    root = tmp_path_factory.mktemp("made") / "shop"
    create_project(root)
    return root


@pytest.fixture
def project(made, tmp_path):
    """A new project of this test's own."""
    shutil.copytree(made, tmp_path / "shop")
    return tmp_path / "shop"


@pytest.fixture
def regulars():
    app = typer.Typer()
    app.callback()(lambda: None)
    for module in (check, init, new, schemas, test):
        module.register(app)

    def run(*arguments, cwd):
        with contextlib.chdir(cwd):
            return CliRunner().invoke(app, [*map(str, arguments)])

    return run
