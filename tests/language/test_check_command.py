"""`regulars check`, run as people and scripts run it."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from engine.cli.check import register

TEN = Path(__file__).parent / "ten_mistakes"
ROOT = Path(__file__).parents[2]


def check(*arguments, cwd):
    """The command alone, in this process: the whole command line takes seconds to import."""
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    with contextlib.chdir(cwd):
        return CliRunner().invoke(app, ["check", *map(str, arguments)])


def regulars(*arguments, cwd):
    """The real command line in a process of its own."""
    code = "from engine.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "60"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def project(tmp_path):
    shutil.copytree(TEN / "rules", tmp_path / "rules")
    (tmp_path / "regulars.toml").write_text('[project]\nrules = "rules"\n')
    return tmp_path


def test_ten_mistakes_end_with_code_1_and_name_every_place(project):
    done = regulars("check", cwd=project)
    assert done.returncode == 1
    assert done.stdout.count(": error RG") == 10
    assert "rules/playbooks/reminder.yaml:9:21: error RG305 unknown channel" in done.stdout
    assert "10 errors; disabled: attribute country" in done.stdout
    assert done.stderr == ""


def test_no_line_is_broken_or_coloured_in_a_pipe(project):
    done = check(cwd=project)
    assert "\x1b" not in done.stdout
    assert "  expected: a duration such as 30m, 4h, 7d, 2w or 24mo\n" in done.stdout


def test_sound_rules_end_with_code_0():
    done = check("rules", cwd=ROOT)
    assert done.exit_code == 0
    assert done.stdout.startswith("sound: ")


def test_a_single_file_is_judged_by_its_own_mistakes_only(project):
    done = check("rules/playbooks/sound.yaml", cwd=project)
    assert (done.exit_code, done.stdout.count("error")) == (0, 0)
    done = check(project / "rules" / "playbooks" / "thanks.yaml", cwd=project)
    assert done.exit_code == 1
    assert done.stdout.count(": error RG") == 2


def test_a_directory_of_rules_needs_no_project(tmp_path):
    done = check(TEN / "rules", cwd=tmp_path)
    assert done.exit_code == 1
    assert f"{TEN}/rules/attributes.yaml:6:19" in done.stdout


def test_json_can_be_read_by_machines(project):
    done = check("--format", "json", cwd=project)
    told = json.loads(done.stdout)
    assert len(told) == 10
    assert {"code", "file", "line", "column", "found", "expected", "hint"} <= told[0].keys()
    assert (project / told[0]["file"]).is_file()


def test_github_gets_annotations(project):
    done = check("--format", "github", cwd=project)
    assert done.exit_code == 1
    assert len(done.stdout.splitlines()) == 10
    assert done.stdout.startswith("::error file=rules/attributes.yaml,line=6,col=19,")


def test_the_project_can_be_named(project, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    done = check("--project", project, cwd=elsewhere)
    assert done.exit_code == 1
    assert done.stdout.count(": error RG") == 10


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [(["nowhere"], 1, "there is no nowhere"), ([], 3, "regulars.toml")],
)
def test_a_wrong_path_is_told_without_a_traceback(tmp_path, arguments, code, said):
    done = check(*arguments, cwd=tmp_path)
    assert done.exit_code == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_format_is_told_and_ends_with_code_1(tmp_path):
    done = regulars("check", "--format", "xml", cwd=tmp_path)
    assert done.returncode == 1
    assert "xml" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_project_without_its_rules_directory_is_told(tmp_path):
    (tmp_path / "regulars.toml").write_text('[project]\nrules = "rulez"\n')
    done = check(cwd=tmp_path)
    assert done.exit_code == 3
    assert "rulez is no directory" in done.stderr


def test_sound_rules_are_told_with_the_most_that_comes_to_one_customer():
    lines = check("rules", cwd=ROOT).stdout.splitlines()
    assert lines[2:] == [
        "At most to one customer:",
        "  marketing      11  in 7 days  cap 3: what is more waits",
        "  transactional  12  in 7 days  asks for no consent, so no cap concerns it",
        "  service         8  in 7 days  no cap",
        "`regulars check --bound` tells by which steps, and what is taken for granted.",
    ]


def test_the_way_to_the_most_messages_is_told_by_playbook_step_and_time():
    told = check("rules", "--bound", cwd=ROOT).stdout
    assert "\nmarketing: at most 11 in 7 days; cap 3: what is more waits\n  2  abandoned-cart " in told
    assert "  2  payment-reminder     first +1d, second +3d\n" in told
    assert "abandoned-cart   2 journeys by once_per, of each cart +4h\n" in told
    assert "delayed at once (8 times), late at once" in told
    assert "one order, one parcel and one case of the customer's" in told
    assert "2 orders, 2 parcels and 2 cases" in check("rules", "--bound", "--each", "2", cwd=ROOT).stdout


def test_the_bound_is_there_for_machines_beside_the_issues():
    told = json.loads(check("rules", "--bound", "--format", "json", cwd=ROOT).stdout)
    marketing, transactional, _ = told["bounds"]
    assert (told["issues"], marketing["messages"], marketing["cap"]) == ([], 11, {"at_most": 3, "do": "delay"})
    assert transactional["exempt"]
    birthday = next(share for share in marketing["shares"] if share["playbook"] == "birthday")
    assert birthday["steps"] == [{"step": "with-gift", "after": 0}, {"step": "greeting", "after": 156 * 3600}]
    assert json.loads(check("rules", "--format", "json", cwd=ROOT).stdout) == []


def test_rules_with_errors_and_single_files_are_told_without_a_bound(project):
    assert "At most" not in check("--bound", cwd=project).stdout
    assert json.loads(check("--bound", "--format", "json", cwd=project).stdout)["bounds"] == []
    assert "At most" not in check("rules/playbooks/welcome.yaml", cwd=ROOT).stdout
    assert "At most" not in check("rules", "--format", "github", cwd=ROOT).stdout
