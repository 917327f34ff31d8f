"""`regulars test` and the pytest plugin, run as people and scripts run them."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from engine.cli.test import register
from tests.ruletests.shop import FILES, HEAD

ROOT = Path(__file__).parents[2]
PASSING = HEAD + "  a buyer: {orders: [-3d], expect: {stage: customer}}\n"
FAILING = HEAD + "  a buyer: {orders: [-3d], expect: {stage: prospect}}\n"
MISTAKEN = HEAD + "  a buyer: {ordrs: [-3d], expect: {stage: customer}}\n"


@pytest.fixture
def project(tmp_path):
    (tmp_path / "rules").mkdir()
    for name, text in FILES.items():
        (tmp_path / "rules" / name).write_text(text)
    (tmp_path / "regulars.toml").write_text('[project]\nrules = "rules"\n')
    return tmp_path


def run(*arguments, cwd):
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    with contextlib.chdir(cwd):
        return CliRunner().invoke(app, ["test", *map(str, arguments)])


def write(project, text, name="lifecycle.test.yaml"):
    (project / "rules" / name).write_text(text)


def test_tests_that_pass_end_with_code_0(project):
    write(project, PASSING)
    done = run(cwd=project)
    assert (done.exit_code, done.output) == (0, "1 passed\n")


def test_a_test_that_fails_ends_with_code_1_and_its_place(project):
    write(project, FAILING)
    done = run(cwd=project)
    assert done.exit_code == 1
    assert done.output.startswith(
        "rules/lifecycle.test.yaml:3:37: failed a buyer\n  stage\n    expected  prospect\n    found     customer\n"
        "    why       stage prospect does not hold:\n"
    )
    assert done.output.endswith("\n1 failed, 0 passed\n")


def test_a_mistake_in_a_test_file_ends_with_code_1_and_its_place(project):
    write(project, MISTAKEN)
    write(project, PASSING, "other.test.yaml")
    done = run(cwd=project)
    assert done.exit_code == 1
    assert "rules/lifecycle.test.yaml:3:13: error RG201 unknown key" in done.output
    assert "1 mistake in test files, 1 passed" in done.output


def test_no_tests_at_all_are_no_success(project):
    done = run(cwd=project)
    assert done.exit_code == 1
    assert "error[no-tests]" in done.output


def test_a_path_limits_what_is_run(project):
    write(project, FAILING)
    write(project, PASSING, "tags.test.yaml")
    assert run("rules/tags.test.yaml", cwd=project).exit_code == 0
    assert run("rules/tags.yaml", cwd=project).exit_code == 0
    assert run("rules/lifecycle.yaml", cwd=project).exit_code == 1
    assert run("rules", cwd=project).output.endswith("1 failed, 1 passed\n")


def test_a_path_that_is_not_there_is_told_so(project):
    done = run("rules/nothing", cwd=project)
    assert done.exit_code == 1
    assert "error[no-such-path]" in done.output or "there is no rules/nothing" in done.output


def test_outside_of_a_project_nothing_is_run(tmp_path):
    assert run(cwd=tmp_path).exit_code == 3


def test_too_little_coverage_fails_and_says_what_is_missing(project):
    write(project, PASSING)
    done = run("--min", 1, "rules", cwd=project)
    assert done.exit_code == 1
    assert "rules/lifecycle.yaml" in done.output
    assert "rules/lifecycle.yaml:4 stage prospect: paid_orders is 0: it never decided by holding" in done.output
    assert "less than 1 %" in done.output
    write(project, PASSING + "  nobody: {expect: {stage: prospect}}\n")
    assert run("--min", 1, cwd=project).exit_code == 0


def test_machines_read_tests_mistakes_and_coverage(project):
    write(project, FAILING + "  nobody: {expect: {stage: prospect}}\n")
    told = json.loads(run("--format", "json", cwd=project).stdout)
    assert [(each["name"], each["passed"]) for each in told["tests"]] == [("a buyer", False), ("nobody", True)]
    assert told["tests"][0]["file"] == "rules/lifecycle.test.yaml"
    assert told["tests"][0]["differences"][0]["found"] == "customer"
    assert told["issues"] == []
    assert told["coverage"]["clauses"] == len(told["coverage"]["undecided"]) + told["coverage"]["both_ways"] > 5


def test_a_wrong_example_of_an_attribute_fails(project):
    wrong = "attributes:\n  paid: {title: Paid, type: integer, count: orders, example: {facts: {}, gives: 1}}\n"
    (project / "rules" / "attributes.yaml").write_text(FILES["attributes.yaml"] + wrong.partition("\n")[2])
    done = run(cwd=project)
    assert done.exit_code == 1
    assert "the example of paid" in done.output
    assert "expected  1\n    found     0" in done.output


def pytest_run(*arguments, cwd):
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "engine.ruletests.plugin",
            "-p",
            "no:cacheprovider",
            "rules",
            *arguments,
        ],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_pytest_collects_and_tells_differences_and_mistakes(project):
    write(project, FAILING)
    write(project, PASSING, "tags.test.yaml")
    write(project, MISTAKEN, "tiers.test.yaml")
    done = pytest_run("-q", cwd=project)
    assert done.returncode == 1
    assert "2 failed, 1 passed" in done.stdout, done.stdout
    assert "expected  prospect" in done.stdout
    assert "tiers.test.yaml:3:13: error RG201 unknown key" in done.stdout
    assert "Traceback" not in done.stdout


def test_pytest_holds_the_coverage_to_a_minimum(project):
    write(project, PASSING + "  nobody: {expect: {stage: prospect}}\n")
    passed = pytest_run("--rules-coverage", cwd=project)
    assert passed.returncode == 0
    assert "rules/lifecycle.yaml" in passed.stdout
    failed = pytest_run("--rules-coverage-min", "100", cwd=project)
    assert failed.returncode == 1
    assert "less than 100 % of the clauses are decided both ways" in failed.stdout


PLAYBOOK = """
playbook: thanks
title: Thanks
for: order
start: {event: order.placed}
controls: {purpose: transactional}
steps:
  - wait: 1d
  - task: {id: call, team: care}
"""
PLAYED = """
at: 2026-03-02T10:00
playbook: thanks
tests:
  who orders is called: {orders: [{placed: 0}], expect: {journey: [{task: call, team: care, at: +1d}, {ends: ended}]}}
"""


@pytest.fixture
def playbook(project):
    (project / "rules" / "playbooks").mkdir()
    write(project, "policy: {purposes: {transactional: {consent: none}}}\n", "policy.yaml")
    write(project, PLAYBOOK, "playbooks/thanks.yaml")
    write(project, PLAYED, "playbooks/thanks.test.yaml")
    return project


def test_the_tests_of_a_playbook_run_with_all_others(playbook):
    write(playbook, PASSING)
    assert run(cwd=playbook).output == "2 passed\n"


def test_a_path_limits_the_coverage_to_what_it_names(playbook):
    done = run("rules/playbooks/thanks.test.yaml", "--coverage", "--min", 100, cwd=playbook)
    assert done.exit_code == 0
    assert "rules/playbooks/thanks.yaml        2     2  100.0 %" in done.output
    assert "lifecycle" not in done.output


def test_ways_that_no_test_takes_fail_the_run(playbook):
    write(
        playbook,
        PLAYED.replace("{placed: 0}", "{paid: -1d}").replace(
            "[{task: call, team: care, at: +1d}, {ends: ended}]", "none"
        ),
        "playbooks/thanks.test.yaml",
    )
    done = run("rules/playbooks", "--min", 50, cwd=playbook)
    assert done.exit_code == 1
    assert "rules/playbooks/thanks.yaml:9 call (task for care" in done.output
    assert "error[coverage]: less than 50 % of the ways through playbooks are taken" in done.output


def test_pytest_collects_tests_of_playbooks_and_tells_both_sides(playbook):
    write(playbook, PLAYED.replace("team: care", "team: sales"), "playbooks/thanks.test.yaml")
    done = pytest_run("-q", cwd=playbook)
    assert done.returncode == 1
    assert "task call, team sales, at +1d  \N{BALLOT X} task call, team care, at +1d" in done.stdout, done.stdout
    assert "Traceback" not in done.stdout


def test_a_playbook_with_errors_cannot_be_tested_and_that_is_said(playbook):
    write(playbook, PLAYBOOK.replace("wait: 1d", "wait: soon"), "playbooks/thanks.yaml")
    done = run("rules/playbooks", cwd=playbook)
    assert done.exit_code == 1
    assert "error RG322 unknown playbook" in done.output
    assert "it has errors: `regulars check` tells them" in done.output
