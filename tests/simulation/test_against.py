"""`regulars simulate --against`: what two versions of the rules in Git would send, customer by customer."""

import csv
import json
import subprocess
from pathlib import Path

import pytest

from tests.projects import write_project
from tests.simulation.test_backtest import RULES, WINDOW, day, regulars
from tests.workflows.fixtures import open_shop
from tests.workflows.shop import ZENOBIA, Shop

__all__ = ["open_shop"]

PLAYBOOK = Path("rules") / "playbooks" / "playbook.yaml"


def git(project: Path, *arguments: str) -> None:
    own = ("-c", "user.email=shop@example.com", "-c", "user.name=Shop")
    subprocess.run(["git", "-C", str(project), *own, *arguments], check=True, capture_output=True)


@pytest.fixture
def shop(open_shop) -> Shop:
    """Three unpaid orders."""
    shop = open_shop(RULES)
    for number in range(1, 4):
        person = {**ZENOBIA, "email": f"c{number}@example.net"}
        shop.place(f"N-{number}", f"c{number}", at=day(0.5), person=person)
    shop.execute("delete from outbox")
    shop.execute("delete from journeys")
    return shop


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A first reminder after a day in `main`; in the working tree after two days, and another one after two hours."""
    project = write_project(tmp_path / "project", RULES.files)
    git(project, "init", "-q", "-b", "main")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "one")
    text = (project / PLAYBOOK).read_text()
    early = "steps:\n  - wait: 2h\n  - send: {id: early, channel: email, template: reminder}\n  - wait: 2d\n"
    (project / PLAYBOOK).write_text(text.replace("steps:\n  - wait: 1d\n", early))
    return project


def table(output: Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((output / f"{name}.csv").open()))


def test_messages_gained_lost_and_moved_are_counted_with_examples(shop: Shop, project: Path, tmp_path: Path) -> None:
    output = tmp_path / "result"
    done = regulars(shop, project, *WINDOW, "--against", "main", "--output", str(output))
    assert done.returncode == 0, done.stderr
    assert table(output, "changes") == [
        {"playbook": "payment-reminder", "step": "early", "before": "0", "after": "3", "gained": "3", "lost": "0",
         "moved": "0", "kept": "0"},
        {"playbook": "payment-reminder", "step": "first", "before": "3", "after": "3", "gained": "0", "lost": "0",
         "moved": "3", "kept": "0"},
    ]  # fmt: skip
    sides = {row["what"]: (row["before"], row["after"]) for row in table(output, "sides")}
    assert sides["messages sent"] == ("3", "6")
    examples = table(output, "examples")
    assert {row["customer"] for row in examples} == {"c1", "c2", "c3"}
    of_one = [(row["side"], row["step"], row["at"]) for row in examples if row["customer"] == "c1"]
    assert of_one == [
        ("before", "first", "2026-03-03T12:00:00+00:00"),
        ("after", "early", "2026-03-02T14:00:00+00:00"),
        ("after", "first", "2026-03-04T14:00:00+00:00"),
    ]
    told = json.loads((output / "summary.json").read_text())
    assert told["against"]["rules"] == "main"
    assert told["version"] != told["against"]["version"]
    assert "only here" in (output / "report.html").read_text()
    assert "messages gained and lost" in done.stdout


def test_a_version_against_itself_differs_in_nothing(shop: Shop, project: Path, tmp_path: Path) -> None:
    output = tmp_path / "result"
    done = regulars(shop, project, *WINDOW, "--ref", "main", "--against", "main", "--output", str(output))
    assert done.returncode == 0, done.stderr
    (row,) = table(output, "changes")
    assert (row["gained"], row["lost"], row["moved"], row["kept"]) == ("0", "0", "0", "3")
    assert all(row["difference"] == "0" for row in table(output, "sides"))
    assert table(output, "examples") == []


def test_a_version_alone_is_read_from_git_and_not_from_the_working_tree(shop: Shop, project: Path) -> None:
    done = regulars(shop, project, *WINDOW, "--ref", "main", "--format", "json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["rules"] == "main"
    assert {row["step"] for row in told["messages"]} == {"first"}


def test_segments_say_whom_the_difference_is_for(shop: Shop, project: Path, tmp_path: Path) -> None:
    (project / "rules" / "attributes.yaml").write_text(
        "attributes:\n  country:\n    title: Country\n    type: string\n    value: customer.country\n"
    )
    (project / "rules" / "segments.yaml").write_text(
        "segments:\n  germans:\n    title: Germans\n    when: {country: DE}\n"
    )
    output = tmp_path / "result"
    done = regulars(shop, project, *WINDOW, "--against", "main", "--output", str(output))
    assert done.returncode == 0, done.stderr
    assert table(output, "changed_groups") == [{"what": "segment", "name": "germans", "gained": "3", "lost": "0"}]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--against", "mian"), "--against: found 'mian', expected a commit, tag or branch"),
        (("--ref", "--version"), "--ref: found '--version', expected a commit, tag or branch"),
        (("--ref", "empty"), "--ref: found no rules/ at empty"),
    ],
)
def test_a_ref_that_cannot_be_used_is_refused(shop: Shop, project: Path, arguments: tuple[str, ...], told: str) -> None:
    git(project, "commit", "-qam", "two")
    git(project, "switch", "-q", "--orphan", "empty")
    git(project, "commit", "-q", "--allow-empty", "-m", "nothing")
    git(project, "switch", "-q", "main")
    done = regulars(shop, project, *WINDOW, *arguments)
    assert done.returncode == 1
    assert told in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr


def test_rules_at_a_ref_with_mistakes_are_named_by_the_ref(shop: Shop, project: Path) -> None:
    text = (project / PLAYBOOK).read_text()
    (project / PLAYBOOK).write_text(text.replace("template: reminder", "template: remindr"))
    git(project, "commit", "-qam", "broken")
    git(project, "tag", "broken")
    (project / PLAYBOOK).write_text(text)
    done = regulars(shop, project, *WINDOW, "--against", "broken")
    assert done.returncode == 1
    assert "broken:playbooks/playbook.yaml:" in done.stderr
    assert "did you mean reminder?" in done.stderr
