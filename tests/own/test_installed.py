"""Activities that an installed package offers: they are checked, offered by editors and run as those of the folder."""

import os
import sys
from pathlib import Path

import pytest

from engine.language.rules import load_rules
from engine.own.load import load
from tests.faults.workers import worker_process
from tests.projects import write_project
from tests.servers.waiting import ROOT, run
from tests.workflows.rules import HEAD, POLICY
from tests.workflows.running import until
from tests.workflows.shop import Shop

MODULE = '''
from pydantic import BaseModel

from engine.own import Call, activity


class Points(BaseModel):
    points: int


class Balance(BaseModel):
    balance: int


@activity(name="club-points", title="Gives points of the club.", idempotency="keyed")
async def club_points(given: Points, call: Call) -> Balance:
    """Gives points of the club.

    ```yaml
    call: {id: it, activity: club-points, with: {points: 1}}
    ```
    """
    return Balance(balance=given.points * 2)
'''
STEPS = """
steps:
  - call: {id: reward, activity: club-points, with: {points: 21}}
  - if: {step: reward, balance: {gte: 42}}
    then: [{task: {id: praise, team: support}}]
"""
FILES = {"policy.yaml": POLICY, "playbooks/playbook.yaml": HEAD + STEPS}
POINT = "entry point points = points_club.activities"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A directory with an installed package, as an installer leaves it."""
    site = tmp_path / "site"
    package, told = site / "points_club", site / "points_club-1.0.dist-info"
    for directory in (package, told):
        directory.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "activities.py").write_text(MODULE)
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: points-club\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text("[regulars.activities]\npoints = points_club.activities\n")
    return site


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package is importable in this process too, for this test."""
    monkeypatch.syspath_prepend(site)
    yield site
    for name in [name for name in sys.modules if name.partition(".")[0] == "points_club"]:
        del sys.modules[name]


def regulars(project: Path, *words: str, site: Path | None = None):
    path = os.pathsep.join(map(str, (ROOT, site) if site else (ROOT,)))
    return run("-m", "engine.cli", *words, "--project", str(project), PYTHONPATH=path)


def test_check_schemas_and_the_list_know_it_where_the_package_is_installed_and_only_there(site, tmp_path):
    project = write_project(tmp_path / "shop", FILES)
    without = regulars(project, "check")
    assert without.returncode == 1
    assert "club-points" in without.stdout + without.stderr

    checked = regulars(project, "check", site=site)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert regulars(project, "activities", site=site).stdout == "club-points: Gives points of the club. (keyed)\n"

    assert regulars(project, "schemas", site=site).returncode == 0
    schema = (project / "schemas" / "rules" / "playbook.schema.json").read_text("utf-8")
    assert '"club-points"' in schema
    assert regulars(project, "schemas", "--check", site=site).returncode == 0
    assert regulars(project, "schemas", "--check").returncode == 1


def test_check_types_what_is_given_to_it(site, tmp_path):
    files = {**FILES, "playbooks/playbook.yaml": HEAD + STEPS.replace("points: 21", "points: many")}
    checked = regulars(write_project(tmp_path / "shop", files), "check", site=site)
    assert checked.returncode == 1
    assert "many" in checked.stdout + checked.stderr


@pytest.mark.timeout(120)
async def test_a_worker_runs_it(installed, tmp_path, database, namespace):
    project = write_project(tmp_path / "shop", FILES)
    shop = Shop(database, load_rules(project / "rules"))
    told = {"REGULARS_DATABASE_URL": database, "TEMPORAL_NAMESPACE": namespace}
    path = os.pathsep.join(map(str, (ROOT, installed)))
    with worker_process(project, shop.rules, **told, PYTHONPATH=path) as worker:
        worker.start()
        shop.place()
        await until(lambda: shop.journey()["state"] == "ended", f"the journey: {worker.log}", seconds=60)
    assert shop.row("select activity, state, answer from calls") == {
        "activity": "call/club-points",
        "state": "done",
        "answer": {"balance": 42},
    }
    assert [task for task, _, _ in shop.tasks()] == ["praise"]
    shop.close()


def test_one_of_the_folder_comes_first_and_the_packages_is_named(installed, tmp_path):
    folder = tmp_path / "activities"
    folder.mkdir()
    (folder / "mine.py").write_text(MODULE)
    loaded = load(folder)
    assert loaded.files == {"club-points": "../activities/mine.py"}
    (failed,) = loaded.failed
    assert (failed.file, failed.why) == (
        POINT,
        "club-points is declared again; it is first declared in ../activities/mine.py",
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("raise RuntimeError('the secret whsec')\n", "RuntimeError"),
        ("def f(:\n", "SyntaxError: invalid syntax"),
        ("x = 1\n", "no activity; expected a function decorated with @activity"),
    ],
)
def test_a_package_that_cannot_be_used_is_named_and_takes_nothing_else_away(installed, tmp_path, text, why):
    (installed / "points_club" / "activities.py").write_text(text)
    folder = tmp_path / "activities"
    folder.mkdir()
    (folder / "mine.py").write_text(MODULE)
    loaded = load(folder)
    assert list(loaded.activities) == ["club-points"]
    assert [(failed.file, failed.why) for failed in loaded.failed] == [(POINT, why)]


def test_a_package_whose_module_is_gone_is_named(installed, tmp_path):
    (installed / "points_club" / "activities.py").unlink()
    loaded = load(tmp_path)
    (failed,) = loaded.failed
    assert loaded.activities == {}
    assert (failed.file, failed.why) == (POINT, "ModuleNotFoundError: No module named 'points_club.activities'")
