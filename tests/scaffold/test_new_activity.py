"""`regulars new activity`: sound at once, with a test that passes and can fail."""

import subprocess
import sys

import pytest

from engine.language.rules import load_rules


def run_tests(project):
    """What the test beside the activity says, run as its user runs it."""
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "activities"]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=60, check=False)


def test_a_new_activity_is_sound_and_its_test_passes(project, regulars):
    done = regulars("new", "activity", "give-stars", cwd=project)
    assert done.exit_code == 0, done.output
    for file in ("activities/give_stars.py", "activities/test_give_stars.py"):
        assert f"written: {file}\n" in done.output
    assert "pytest activities/test_give_stars.py" in done.output
    assert list(load_rules(project / "rules").own.by_name) == ["give-stars"]
    assert regulars("check", cwd=project).output.startswith("sound: ")
    assert regulars("schemas", "--check", cwd=project).exit_code == 0
    tested = run_tests(project)
    assert tested.returncode == 0, tested.stdout
    assert "1 passed" in tested.stdout


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("balance=given.points", "balance=given.points + 1"),
        ("    balance: int", "    total: int"),
        ("async def", "def"),
    ],
)
def test_the_test_of_a_new_activity_fails_when_the_activity_is_another(project, regulars, before, after):
    regulars("new", "activity", "give-stars", cwd=project)
    file = project / "activities" / "give_stars.py"
    assert file.read_text("utf-8").count(before) == 1
    file.write_text(file.read_text("utf-8").replace(before, after), "utf-8")
    tested = run_tests(project)
    assert tested.returncode == 1, tested.stdout
    assert "1 failed" in tested.stdout


def test_several_activities_have_their_tests_side_by_side(project, regulars):
    for name in ("give-stars", "take-stars"):
        assert regulars("new", "activity", name, cwd=project).exit_code == 0
    assert "2 passed" in run_tests(project).stdout


@pytest.mark.parametrize("name", ["Give Stars", "../outside", "x" * 61, "class", "json", "test-drive", "conftest"])
def test_names_that_cannot_be_used_are_refused_and_nothing_is_written(project, regulars, name):
    refused = regulars("new", "activity", name, cwd=project)
    assert refused.exit_code == 1
    assert "error[bad-name]" in refused.output
    assert not (project / "activities").exists()


def test_a_name_that_is_taken_is_refused_and_the_file_stays(project, regulars):
    regulars("new", "activity", "give-stars", cwd=project)
    file = project / "activities" / "give_stars.py"
    file.write_text("# mine\n")
    refused = regulars("new", "activity", "give-stars", cwd=project)
    assert refused.exit_code == 1
    assert "error[name-taken]" in refused.output
    assert file.read_text() == "# mine\n"
