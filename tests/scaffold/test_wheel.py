"""A wheel is all there is to install: rules, schemas, examples and the pinned sources of servers are in it."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = "import sys; from setuptools.build_meta import build_wheel; print(build_wheel(sys.argv[1]))"
DATA = ("rules", "schemas", "examples", "tools/temporal")


def run(*command, cwd, **more):
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def committed():
    """The files of the project, whether committed or about to be, as a clone has them."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    return [name for name in listed.splitlines() if (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """An environment in which only the wheel is of the project; what it depends on comes from the tests' own."""
    place = tmp_path_factory.mktemp("wheel")
    for name in committed():
        if name.startswith(("engine/", "workflows/", "activities/", *DATA)) or "/" not in name:
            (place / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, place / "source" / name)
    run(sys.executable, "-c", BUILD, place, cwd=place / "source")
    (wheel,) = place.glob("*.whl")
    venv.create(place / "env", with_pip=False)
    python = place / "env" / "bin" / "python"
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        wheel,
        cwd=place,
    )
    (packages,) = (place / "env" / "lib").glob("python*/site-packages")
    # Named in a .pth file it serves imports alone: what is installed there for editing stays out.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    shutil.rmtree(place / "source")
    return place / "env"


def test_a_wheel_brings_every_file_of_rules_schemas_examples_and_sources(installed):
    data = installed / "share" / "regulars"
    there = {path.relative_to(data).as_posix() for path in data.rglob("*") if path.is_file()}
    assert there == {name for name in committed() if name.startswith(tuple(f"{folder}/" for folder in DATA))}


def test_what_a_wheel_brings_is_found(installed):
    asked = (
        "import engine, engine.servers.gobuild as gobuild, engine.cli.demo as demo, engine.language.files as files;"
        "print(engine.__file__, gobuild.sources(), demo.MAPPING, files.SCHEMAS, len(files.shipped_contracts()))"
    )
    package, *places, contracts = run(installed / "bin" / "python", "-c", asked, cwd=installed).split()
    assert all(Path(place).is_relative_to(installed) and Path(place).exists() for place in (package, *places))
    assert int(contracts) == len(list((ROOT / "schemas" / "events").glob("*.json")))


def test_a_project_made_by_an_installed_wheel_is_sound_and_passes_its_tests(installed, tmp_path):
    regulars = installed / "bin" / "regulars"
    environment = {**os.environ, "PYTHONPATH": ""}
    assert "shop is a project now" in run(regulars, "init", "shop", cwd=tmp_path, env=environment)
    shop = tmp_path / "shop"
    assert run(regulars, "check", cwd=shop, env=environment).startswith("sound: ")
    assert run(regulars, "test", cwd=shop, env=environment).rstrip().endswith(" passed")
