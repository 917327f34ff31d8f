"""`regulars test --real` and the option of the pytest plugin, run as people and scripts run them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.rehearsal import playbooks

pytestmark = pytest.mark.timeout(300)  # servers, and journeys on them, as fast as the machine has room

ROOT = Path(__file__).parents[2]
TESTS = """
at: 2026-03-02T09:00:00Z
tests:
  a visit:
    site_events: [{kind: visit, at: 0}]
    expect: {happens: [{task: hello, at: 0}, {end: ended}]}
    but:
      another one: {expect: {happens: [{task: hello, at: +1h}, {end: ended}]}}
"""
VISIT = """
playbook: visit
title: Visit
for: customer
start: {event: site.visit}
controls: {purpose: service}
steps:
  - task: {id: hello, team: care}
"""


@pytest.fixture
def project(tmp_path):
    files = {"attributes.yaml": playbooks.ATTRIBUTES, "policy.yaml": playbooks.POLICY}
    files |= {"playbooks/visit.yaml": VISIT, "playbooks/visit.test.yaml": TESTS}
    for name, text in files.items():
        path = tmp_path / "rules" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "regulars.toml").write_text('[project]\nrules = "rules"\n')
    return tmp_path


def run(*command, cwd, **environment):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_tells_what_passed_and_what_did_not_and_leaves_nothing_behind(project, database):
    done = run("engine.cli", "test", "--real", "--format", "json", cwd=project, REGULARS_DATABASE_URL=database)
    assert done.returncode == 1, done.stderr
    tests = json.loads(done.stdout)["tests"]
    assert [(each["name"], each["passed"]) for each in tests] == [("a visit", True), ("a visit / another one", False)]
    assert tests[1]["differences"][0]["found"] == "task hello at +0s, team care, title Hello"
    with psycopg.connect(database) as connection:
        left = connection.execute("select nspname from pg_namespace where nspname like 'rehearsal%'").fetchall()
    assert left == []


def test_pytest_runs_tests_of_playbooks_on_the_real_path(project):
    command = ("pytest", "-p", "engine.ruletests.plugin", "-p", "no:cacheprovider", "-q", "rules", "--rules-real")
    done = run(*command, cwd=project)
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "expected  task hello at +1h" in done.stdout


def test_coverage_is_not_counted_on_the_real_path(project):
    done = run("engine.cli", "test", "--real", "--coverage", cwd=project)
    assert done.returncode == 1
    assert "coverage is counted without --real" in done.stderr
