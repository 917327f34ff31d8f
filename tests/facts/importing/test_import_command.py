"""The command `regulars import`: its tables, its exit codes, and what it says of mistakes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def regulars_import(shop):
    """Runs the command on the shop, in a project of its own."""
    project = shop.directory / "project"
    project.mkdir()
    (project / "regulars.toml").write_text('[project]\nrules = "rules"\n')

    def import_it(*options):
        source, mapping = shop.write()
        arguments = [str(source), "--mapping", str(mapping), "--project", str(project), *options]
        return subprocess.run(
            [sys.executable, "-m", "engine.cli", "import", *arguments],
            env={**os.environ, "REGULARS_DATABASE_URL": shop.url},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return import_it


def test_it_shows_rows_and_dirt(regulars_import, shop):
    done = regulars_import()
    assert (done.returncode, done.stderr) == (0, "")
    payments = next(line for line in done.stdout.splitlines() if "payments.csv" in line)
    assert payments.replace("│", " ").split() == [
        "payments",
        "payments.csv",
        *["3", "3", "0", "0", "0", "0", "32.00", "EUR"],
    ]
    assert "orders closed without an instant" in done.stdout
    assert "12 rows read, 19 new, 0 changed, 0 refused" in done.stdout
    assert len(shop.rows("select from orders")) == 3


def test_refused_rows_are_said_and_only_strict_makes_them_a_failure(regulars_import, shop):
    shop.add("payments.csv", "1003,2,card,12.5x")
    done = regulars_import()
    assert done.returncode == 0
    assert "payments.csv: 1 of 4 rows refused: " in done.stdout
    path = Path(done.stdout.split("rows refused: ")[1].split("\n")[0])
    assert "5,,amount,bad-amount,'12.5x' is not an amount such as 12.50,no" in path.read_text(encoding="utf-8")
    assert regulars_import("--strict").returncode == 1


def test_a_dry_run_says_so_and_keeps_nothing(regulars_import, shop):
    done = regulars_import("--dry-run")
    assert done.returncode == 0
    assert "dry run: nothing was kept" in done.stdout
    assert shop.rows("select from orders") == []


def test_a_mistake_in_the_mapping_is_shown_in_its_line(regulars_import, shop):
    shop.mapping = shop.mapping.replace("city: city", "city: town")
    done = regulars_import()
    assert (done.returncode, done.stdout) == (1, "")
    assert "mapping.yaml:14:13: error RG602 no such column in the file" in done.stderr
    assert "       city: town\n" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("file", "content", "code"),
    [
        ("people.csv", b"", "no-header"),
        ("people.csv.gz", b"\x1f\x8bnot gzip at all", "damaged-file"),
    ],
)
def test_a_file_that_cannot_be_read_is_said(regulars_import, shop, file, content, code):
    del shop.files["people.csv"]
    shop.files[file] = content
    done = regulars_import()
    assert (done.returncode, done.stdout) == (1, "")
    assert f"error[{code}]" in done.stderr
    assert "hint:" in done.stderr
    assert "Traceback" not in done.stderr
