"""`regulars simulate` over a shop's own facts: what would have been sent, and what is said when it cannot be."""

import csv
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.simulation.backtest import Window, backtest
from engine.simulation.result import Sent
from tests.projects import write_project
from tests.workflows.fixtures import open_shop
from tests.workflows.rules import make_rules
from tests.workflows.shop import ZENOBIA, Shop

__all__ = ["open_shop"]

STEPS = """
steps:
  - wait: 1d
  - send: {id: first, channel: email, template: reminder}
  - wait: 2d
  - send: {id: second, channel: email, template: reminder}
"""
RULES = make_rules(STEPS)
START = datetime(2026, 3, 2, tzinfo=UTC)
TO = START + timedelta(days=3)


def day(days: float) -> datetime:
    return START + timedelta(days=days)


@pytest.fixture
def shop(open_shop, tmp_path: Path) -> Shop:
    """Five orders: before the window, paid in time, paid late, without an address, never paid."""
    shop = open_shop(RULES)
    write_project(tmp_path, RULES.files)
    shop.place("N-0", "c0", at=day(-1))
    for number, person in enumerate([ZENOBIA, ZENOBIA, {**ZENOBIA, "email": ""}, ZENOBIA], 1):
        known = {name: value for name, value in person.items() if value}
        shop.place(f"N-{number}", f"c{number}", at=day(0.5), person={**known, **_own(known, number)})
    shop.pay("N-1", at=day(1))
    shop.pay("N-2", at=day(2))
    # What the shop has really done is no part of it.
    shop.execute("delete from outbox")
    shop.execute("delete from journeys")
    return shop


def _own(person: dict[str, str], number: int) -> dict[str, str]:
    return {"email": f"c{number}@example.net"} if "email" in person else {}


def test_everybody_is_simulated_by_several_processes_and_nothing_is_written(shop: Shop) -> None:
    told: list[tuple[int, int]] = []
    window = Window(shop.url, RULES, ("payment-reminder",), START, TO, "EUR")
    result = backtest(window, lambda done, total: told.append((done, total)), processes=2)
    assert result.customers == 5
    assert told[-1] == (5, 5)
    assert dict(result.journeys) == {
        ("payment-reminder", "stopped", "order.paid"): 2,
        ("payment-reminder", "open", ""): 2,
    }
    common = ("payment-reminder", "first", "email", "2026-03-02")
    assert dict(result.messages) == {Sent(*common, "sent", ""): 2, Sent(*common, "skipped", "no_address"): 1}
    assert result.touched == {"c2": 1, "c4": 1}
    assert backtest(window, processes=1) == result
    assert shop.rows("select from journeys") == []
    assert shop.rows("select from messages") == []


def regulars(shop: Shop, project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "engine.cli", "simulate", *arguments, "--project", str(project)],
        env={**os.environ, "REGULARS_DATABASE_URL": shop.url},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_prints_tables_and_writes_them_whole(shop: Shop, tmp_path: Path) -> None:
    output = tmp_path / "result"
    done = regulars(shop, tmp_path, "--from", "2026-03-02", "--to", "2026-03-05", "--output", str(output))
    assert done.returncode == 0, done.stderr
    assert "payment-reminder │ first │ 2    │ 1       │ 0" in done.stdout
    assert "history is replayed as it was" in done.stdout
    told = json.loads((output / "summary.json").read_text())
    assert told["customers"] == 5
    assert told["assumptions"]
    rows = list(csv.DictReader((output / "messages.csv").open()))
    assert {(row["step"], row["state"], row["messages"]) for row in rows} == {
        ("first", "sent", "2"),
        ("first", "skipped", "1"),
    }
    again = regulars(shop, tmp_path, "--from", "2026-03-02", "--to", "2026-03-05", "--output", str(output))
    assert again.returncode == 1
    assert "does not exist yet" in " ".join(again.stderr.replace("│", " ").split())
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".result")] == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--from", "2026-03-05", "--to", "2026-03-02"), "does not lie before --to"),
        (("--from", "2020-03-02", "--to", "2020-03-05"), "found no facts"),
        (
            ("--from", "2026-03-02", "--to", "2026-03-05", "--playbook", "payment-remind"),
            "did you mean payment-reminder?",
        ),
        (("--from", "soon", "--to", "2026-03-05"), "--from: found"),
    ],
)
def test_what_cannot_be_simulated_is_refused(shop: Shop, tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    done = regulars(shop, tmp_path, *arguments)
    assert done.returncode == 1
    assert told in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
