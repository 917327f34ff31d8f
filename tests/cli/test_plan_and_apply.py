"""`regulars plan`, `apply` and `rollback` as a person types them, beside each other and killed at any point."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from engine.dispatch.in_force import history, last
from engine.evaluation.settle import Settling
from engine.language.rules import Rules
from tests.commands import REPOSITORY, regulars
from tests.planning.conftest import judged, people, planned, rules
from tests.planning.shop import NOW, Person, compiled, crowd, edited
from tests.projects import write_project
from tests.servers.waiting import until as waited

__all__ = ["judged", "people", "planned", "rules"]
# Each command is a process of its own, and several run in a test.
pytestmark = pytest.mark.timeout(300)
_TWICE = """
select count(*) from (select customer_id from standing_changes where version = %s
                       group by customer_id, kind, "from", "to" having count(*) > 1) twice
"""
_ALONE = "select pg_advisory_xact_lock(hashtext('regulars.in_force'), hashtext(current_schema()))"
SOONER = ("days_since_last_order: {gte: 90}", "days_since_last_order: {gte: 60}")


@pytest.fixture
def project(tmp_path: Path, rules: Rules) -> Path:
    return write_project(tmp_path / "shop", rules.files)


def written(directory: Path, new: Rules) -> Path:
    """Another project with these rules, over the same database."""
    return write_project(directory, new.files)


def edit(project: Path) -> Rules:
    """Writes quiet customers to be so sooner."""
    new = edited("segments.yaml", SOONER)
    write_project(project, new.files)
    return new


def between(judged: list[Person]) -> list[Person]:
    return [each for each in judged if each.days is not None and 60 <= each.days < 90]


def in_force(connection: psycopg.Connection) -> str:
    row = last(connection)
    connection.commit()
    assert row is not None
    return row.version


def quiet(connection: psycopg.Connection) -> int:
    found = connection.execute("select count(*) from standings where segments @> array['quiet']").fetchone()
    connection.commit()
    return int(found[0])


# --- plan ---------------------------------------------------------------------------------------------------------


def test_a_plan_ends_with_0_where_nothing_changes_and_with_2_where_something_does(
    project: Path, database: str, judged: list[Person], connection: psycopg.Connection
) -> None:
    assert "Nothing changes" in regulars("plan", project=project, database=database)
    new = edit(project)
    told = json.loads(_out("plan", "--format", "json", project=project, database=database, code=2))
    assert (told["format"], told["changes"], told["changing"]) == (1, True, len(between(judged)))
    assert told["after"]["version"] == new.version
    moved = {(group["name"], line["what"]): line["count"] for group in told["groups"] for line in group["lines"]}
    assert moved["quiet", "enters"] == len(between(judged))
    assert in_force(connection) != new.version


def test_a_plan_of_wrong_rules_ends_with_1_and_says_where(project: Path, database: str, judged: list[Person]) -> None:
    (project / "rules" / "segments.yaml").write_text(
        "segments:\n  quiet: {title: Quiet, when: {days_since: {gte: 1}}}\n"
    )
    told = regulars("plan", project=project, database=database, code=1)
    assert "segments.yaml:2" in told
    assert "cannot be planned" in told


def test_markdown_is_short_and_folds_the_examples_without_the_shops_names(
    project: Path, database: str, judged: list[Person]
) -> None:
    edit(project)
    told = _out("plan", "--format", "markdown", project=project, database=database, code=2)
    head = told.partition("<details>")[0]
    assert f"| segment `quiet` | enters | {len(between(judged))} |" in head
    assert told.count("<details>") == told.count("</details>") >= 2
    person = max(between(judged), key=lambda each: each.cents)
    assert f"| `{person.id}` |" in told
    assert person.key not in told
    assert len(told) < 65_536


def test_a_plan_compares_with_a_git_ref_and_takes_the_rules_of_one(
    project: Path, database: str, judged: list[Person], rules: Rules
) -> None:
    for command in (
        ["init", "-q"], ["add", "-A"],
        ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "-qm", "the rules"],
    ):  # fmt: skip
        subprocess.run(["git", "-C", str(project), *command], check=True)
    assert "Nothing changes" in regulars("plan", "--against", "HEAD", project=project, database=database)
    new = edit(project)
    told = json.loads(_out("plan", "--against", "HEAD", "--format", "json", project=project, database=database, code=2))
    assert (told["before"]["version"], told["after"]["version"]) == (rules.version, new.version)
    assert "Nothing changes" in regulars("plan", "--ref", "HEAD", project=project, database=database)
    assert "expected a commit" in regulars("plan", "--ref", "nowhere", project=project, database=database, code=1)


# --- apply --------------------------------------------------------------------------------------------------------


def test_applying_shows_the_plan_puts_it_in_force_and_judges_everybody(
    project: Path, database: str, judged: list[Person], connection: psycopg.Connection
) -> None:
    before, new = quiet(connection), edit(project)
    told = regulars("apply", "--yes", "--by", "ada", "-m", "they go sooner", project=project, database=database)
    assert f"{len(between(judged)):,} of {len(judged):,} customers change" in told
    assert f"version {new.version} is in force" in told
    assert (in_force(connection), quiet(connection)) == (new.version, before + len(between(judged)))
    [row, _] = history(connection, 9)
    assert (row.author, row.reason, row.changing) == ("ada", "they go sooner", len(between(judged)))
    listed = regulars("apply", "--history", project=project, database=database)
    assert all(each in listed for each in (new.version, "ada", "they go sooner", "apply", "start"))
    assert "in force already" in regulars("apply", "--yes", project=project, database=database)


def test_nobody_who_cannot_be_asked_is_taken_to_agree(
    project: Path, database: str, judged: list[Person], connection: psycopg.Connection, rules: Rules
) -> None:
    edit(project)
    assert "expected --yes" in regulars("apply", project=project, database=database, code=1)
    assert in_force(connection) == rules.version


def test_a_large_share_needs_the_number_typed(
    project: Path, database: str, judged: list[Person], connection: psycopg.Connection, rules: Rules
) -> None:
    new = edited("segments.yaml", ("{gte: 90}", "{gte: 1}"))
    # An edit does not lift its own bound.
    written(project, compiled(**{**_only(new, "segments.yaml"), "policy.yaml": _bound(rules, "100%")}))
    told = regulars("apply", "--yes", project=project, database=database, code=1)
    changing = sum(each.days is not None and 0 < each.days < 90 for each in judged)
    assert f"expected --count {changing}" in told
    assert f"found the number {changing + 1}" in regulars(
        "apply", "--count", str(changing + 1), project=project, database=database, code=1
    )
    assert in_force(connection) == rules.version
    said = _typed(f"{changing}\n", "apply", project=project, database=database)
    assert "Type their number" in said
    assert in_force(connection) != rules.version


def test_what_was_planned_against_another_version_is_not_applied(
    project: Path, database: str, judged: list[Person], connection: psycopg.Connection, rules: Rules
) -> None:
    edit(project)
    told = regulars("apply", "--yes", "--expect", "0123", project=project, database=database, code=1)
    assert "version-moved-on" in told
    assert rules.version in told
    assert in_force(connection) == rules.version
    regulars("apply", "--yes", "--expect", rules.version[:6], project=project, database=database)


def test_of_two_at_once_one_comes_into_force_and_the_other_is_told(
    project: Path, tmp_path: Path, database: str, judged: list[Person], connection: psycopg.Connection
) -> None:
    other = written(tmp_path / "other", edited("segments.yaml", ("{gte: 90}", "{gte: 70}")))
    new = edit(project)
    with held(database, _ALONE):
        both = [_start("apply", "--yes", project=each, database=database) for each in (project, other)]
        waited(lambda: _waiting(connection) == 2, "both have planned")
    said = [each.communicate(timeout=120)[0] for each in both]
    assert sorted(each.returncode for each in both) == [0, 1]
    [loser] = [text for text, each in zip(said, both, strict=True) if each.returncode == 1]
    assert "version-moved-on" in loser
    assert "nothing has been changed" in loser
    won = new.version if both[0].returncode == 0 else edited("segments.yaml", ("{gte: 90}", "{gte: 70}")).version
    assert in_force(connection) == won
    assert len(history(connection, 9)) == 2


# --- kills --------------------------------------------------------------------------------------------------------

_BEFORE = {
    "before anything is written": _ALONE,
    "before it comes into force": "lock table rules_in_force in exclusive mode",
    "before its cut-offs are published": "lock table cut_offs in exclusive mode",
}


@pytest.mark.parametrize("point", _BEFORE)
def test_killed_before_the_commit_the_old_version_stays_in_force(
    point: str, project: Path, database: str, judged: list[Person], connection: psycopg.Connection, rules: Rules
) -> None:
    new = edited("tiers.yaml", ("share: 10%", "share: 12%"))
    written(project, new)
    with held(database, _BEFORE[point]):
        doomed = _start("apply", "--yes", project=project, database=database)
        waited(lambda: _waiting(connection) == 1, point)
        doomed.kill()
        doomed.communicate()
    waited(lambda: _waiting(connection) == 0, "the database has noticed")
    assert in_force(connection) == rules.version
    assert connection.execute("select count(*) from rule_versions").fetchone() == (1,)
    assert connection.execute("select count(*) from cut_offs").fetchone() == (1,)


def test_killed_in_the_middle_of_judging_the_new_version_is_in_force_and_the_rest_is_made_up_for(
    project: Path, database: str, connection: psycopg.Connection, rules: Rules
) -> None:
    many = crowd(connection, 2100)
    regulars("evaluate", project=project, database=database)
    new = edited("segments.yaml", ("{gte: 90}", "{gte: 80}"))
    written(project, new)
    with held(database, "select 1 from customers where id = %s for update", many[-1].id):
        doomed = _start("apply", "--yes", project=project, database=database)
        waited(lambda: _judged(connection, new) >= 1000, "the first thousand", seconds=120)
        waited(lambda: _waiting(connection) >= 1, "the last ones wait")
        doomed.send_signal(signal.SIGKILL)
        doomed.communicate()
    waited(lambda: _waiting(connection) == 0, "its processes are gone")
    row = last(connection)
    connection.commit()
    assert (row.version, row.settled_at) == (new.version, None)
    left = len(many) - _judged(connection, new)
    assert 0 < left <= 1100
    told = regulars("apply", "--yes", project=project, database=database)
    assert f"{left:,} customers judged" in told
    assert _judged(connection, new) == len(many)
    assert quiet(connection) == sum(each.days is not None and each.days >= 80 for each in many)
    twice = connection.execute(_TWICE, (new.version,)).fetchone()
    assert twice == (0,)


def test_a_worker_makes_up_for_what_a_killed_apply_left(
    project: Path, database: str, judged: list[Person], connection: psycopg.Connection
) -> None:
    before, new = quiet(connection), edit(project)
    with held(database, "select 1 from customers where id = %s for update", judged[-1].id):
        doomed = _start("apply", "--yes", project=project, database=database)
        waited(lambda: in_force(connection) == new.version and _waiting(connection) == 1, "it judges")
        # One process at a time is at it.
        assert Settling(database).if_left(NOW) is None
        doomed.kill()
        doomed.communicate()
    waited(lambda: _waiting(connection) == 0, "it is gone")
    assert Settling(database).if_left(NOW).customers == len(judged)
    assert quiet(connection) == before + len(between(judged))


# --- rollback -----------------------------------------------------------------------------------------------------


def test_rolling_back_gives_everybody_the_standing_of_before(
    project: Path, database: str, judged: list[Person], connection: psycopg.Connection, rules: Rules
) -> None:
    before = connection.execute("select customer_id, tags, segments, stage, tier from standings order by 1").fetchall()
    new = edit(project)
    regulars("apply", "--yes", project=project, database=database)
    told = regulars("rollback", rules.version[:5], "--yes", "-m", "a mistake", project=project, database=database)
    assert "segment" in told
    assert (in_force(connection), history(connection, 1)[0].how) == (rules.version, "rollback")
    connection.commit()
    after = connection.execute("select customer_id, tags, segments, stage, tier from standings order by 1").fetchall()
    assert after == before
    # The files are still the edited ones, which count no more by themselves.
    assert "differ from the rules in force" in _all("segment", "quiet", project=project, database=database)
    evaluated = _all("evaluate", project=project, database=database)
    assert "differ from the rules in force" in evaluated
    assert in_force(connection) == rules.version != new.version


def test_an_unknown_version_is_named_with_those_there_are(
    project: Path, database: str, judged: list[Person], rules: Rules
) -> None:
    told = regulars("rollback", "zzz", "--yes", project=project, database=database, code=1)
    assert "no-version" in told
    assert f"{rules.version} (in force)" in told
    assert "several-versions" not in told


# --- how commands are run -------------------------------------------------------------------------------------------


def _only(new: Rules, path: str) -> dict[str, str]:
    return {path: new.files[path]}


def _bound(rules: Rules, share: str) -> str:
    return rules.files["policy.yaml"].replace("confirm_above: 20%", f"confirm_above: {share}")


def _start(*arguments: str, project: Path, database: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "engine.cli", *arguments, "--project", str(project)],
        env=_environment(database),
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _environment(database: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("REGULARS_")}
    return {**own, "REGULARS_DATABASE_URL": database, "COLUMNS": "200"}


def _out(*arguments: str, project: Path, database: str, code: int) -> str:
    """Standard output alone."""
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli", *arguments, "--project", str(project)],
        env=_environment(database), cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def _all(*arguments: str, project: Path, database: str) -> str:
    """Both outputs."""
    child = _start(*arguments, project=project, database=database)
    said = child.communicate(timeout=120)[0]
    assert child.returncode == 0, said
    return said


def _typed(text: str, *arguments: str, project: Path, database: str) -> str:
    """With a terminal, at which a person types."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "engine.cli", *arguments, "--project", str(project)],
        env=_environment(database), cwd=REPOSITORY, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, text.encode())
    said = child.communicate(timeout=120)[0]
    os.close(ours)
    assert child.returncode == 0, said
    return said


@contextmanager
def held(database: str, lock: str, *values: object) -> Iterator[None]:
    """Somebody else holds a lock meanwhile."""
    with psycopg.connect(database) as other:
        other.execute(lock, values)
        yield


def _waiting(connection: psycopg.Connection) -> int:
    """Connections to this database that wait for a lock."""
    row = connection.execute(
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    ).fetchone()
    connection.commit()
    return int(row[0])


def _judged(connection: psycopg.Connection, rules: Rules) -> int:
    row = connection.execute("select count(*) from standings where version = %s", (rules.version,)).fetchone()
    connection.commit()
    return int(row[0])
