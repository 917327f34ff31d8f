"""A shop with two customers, its rules, and the command in a process of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg

from tests.facts.shop import Shop, put, utc

REPOSITORY = Path(__file__).parents[2]
RULES = Path(__file__).parent / "rules"
AS_OF = "2026-06-01T00:00:00Z"


def project_at(directory: Path) -> Path:
    """A project with this folder's rules."""
    shutil.copytree(RULES, directory / "rules")
    (directory / "regulars.toml").write_text('[project]\nrules = "rules"\n')
    return directory


def filled(connection: psycopg.Connection) -> Shop:
    """Ana bought twice and went quiet; Ben bought once, for little, not long ago."""
    shop = Shop(connection)
    for number, placed, cents in (("1001", "2025-12-01T10:00", 9_000), ("1002", "2026-02-10T12:30", 4_550)):
        order = shop.order(number, placed, paid_at=placed, total_minor=cents)
        shop.payment(order, cents, placed)
    ben = put(connection, "customers", key="main-ben", country="DE", zone="Europe/Berlin")
    order = shop.order("2001", "2026-05-20T08:00", paid_at="2026-05-20T08:05", total_minor=1_200, customer_id=ben)
    shop.payment(order, 1_200, "2026-05-20T08:05")
    connection.execute("update customers set recorded_at = %s", (utc("2025-01-01T00:00"),))
    connection.commit()
    return shop


def run(project: Path, database: str, *arguments: str, code: int = 0) -> str:
    """What the command wrote to standard output; with another code than asked for, all it said."""
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli", *arguments, "--project", str(project)],
        env={**os.environ, "REGULARS_DATABASE_URL": database, "COLUMNS": "200"},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stdout + done.stderr
