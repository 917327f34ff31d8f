"""Configured servers that do not answer: said in a line, with the exit code of what is missing."""

import os
import subprocess
import sys

import pytest

from engine.servers.ports import free_port
from tests.workflows.rules import POLICY


@pytest.fixture
def project(tmp_path):
    (tmp_path / "regulars.toml").write_text('[project]\nrules = "rules"\n')
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/policy.yaml").write_text(POLICY)
    return tmp_path


def run(project, command, **environment):
    words = [sys.executable, "-m", "engine.cli", command, "--project", str(project)]
    return subprocess.run(
        words, env={**os.environ, **environment}, capture_output=True, text=True, timeout=100, check=False
    )


def test_a_database_that_is_away_is_named_without_its_password(project):
    url = f"postgresql://ann:geheim@127.0.0.1:{free_port()}/shop"
    done = run(project, "tasks", REGULARS_DATABASE_URL=url)
    assert done.returncode == 3, done.stderr
    assert "error[database-unreachable]" in done.stderr
    assert "Traceback" not in done.stderr
    assert "geheim" not in done.stderr


def test_a_worker_that_is_started_while_temporal_is_away_says_so(project, database):
    address = f"127.0.0.1:{free_port()}"
    done = run(project, "worker", REGULARS_DATABASE_URL=database, TEMPORAL_ADDRESS=address)
    assert done.returncode == 3, done.stderr
    assert "error[temporal-unreachable]" in done.stderr
    assert address in done.stderr
    assert "Traceback" not in done.stderr
