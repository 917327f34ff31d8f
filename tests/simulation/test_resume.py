"""A backtest that is killed at work goes on where it was, and what comes of it is that of one left alone."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.simulation.kept import BusyError, Kept, keep
from engine.simulation.result import Result
from tests.projects import write_project
from tests.simulation.test_backtest import RULES, WINDOW, day
from tests.workflows.fixtures import open_shop
from tests.workflows.shop import Shop

__all__ = ["open_shop"]

CUSTOMERS = 4_000
LONG = 120


@pytest.fixture
def shop(open_shop, tmp_path: Path) -> Shop:
    """Many people with an order each, of whom every third pays."""
    shop = open_shop(RULES)
    write_project(tmp_path, RULES.files)
    shop.execute(
        """insert into customers (key, email, locale, country)
           select 'c' || n, 'c' || n || '@example.net', 'en', 'DE' from generate_series(1, %s) n""",
        CUSTOMERS,
    )
    shop.execute(
        """insert into orders (shop_id, number, customer_id, payment_method, placed_at, paid_at, currency, total_minor)
           select 1, 'N-' || id, id, 'bank_slip', %s, case when id %% 3 = 0 then %s end, 'EUR', 4990 from customers""",
        day(0.5),
        day(1.6),
    )
    return shop


def begin(shop: Shop, project: Path, output: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "engine.cli", "simulate", *WINDOW),
            *("--output", str(project / output), "--project", str(project)),
        ],
        env={**os.environ, "REGULARS_DATABASE_URL": shop.url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end(process: "subprocess.Popen[str]") -> str:
    _, told = process.communicate(timeout=LONG)
    assert process.returncode == 0, told
    return told


def parts(project: Path) -> list[Path]:
    return list(project.glob(".regulars/simulate/*/[0-9]*.part"))


def once(condition, process: "subprocess.Popen[str] | None" = None) -> None:
    until = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < until
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.01)


def interrupt(shop: Shop, project: Path, sign: signal.Signals) -> int:
    """Ends the process after some parts, and gives how many there are."""
    process = begin(shop, project, "result")
    once(lambda: len(parts(project)) >= 2, process)
    process.send_signal(sign)
    process.communicate(timeout=LONG)
    assert process.returncode != 0
    # Its processes end with it: nobody is at work any more.
    once(lambda: not group(process.pid))
    assert not (project / "result").exists()
    assert 2 <= len(parts(project)) < CUSTOMERS // 200
    return len(parts(project))


def group(number: int) -> list[str]:
    """Processes of a session that are not just waiting to be buried."""
    told = subprocess.run(["ps", "-o", "stat=", "-s", str(number)], capture_output=True, text=True, check=False)
    return [line for line in told.stdout.split() if not line.startswith("Z")]


def content(directory: Path) -> dict[str, str]:
    """Every file but for the time taken."""
    files = {path.name: path.read_text() for path in directory.iterdir()}
    files["summary.json"] = re.sub(r'"seconds": [0-9.]+', "", files["summary.json"])
    files["report.html"] = re.sub(r"It took [0-9,]+ s", "", files["report.html"])
    return files


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_what_was_killed_goes_on_and_gives_the_same_bytes(shop: Shop, tmp_path: Path, sign: signal.Signals) -> None:
    done = interrupt(shop, tmp_path, sign)
    assert f"goes on where it was interrupted: {done} parts are done already" in end(begin(shop, tmp_path, "result"))
    assert parts(tmp_path) == []
    undisturbed = end(begin(shop, tmp_path, "undisturbed"))
    assert "goes on" not in undisturbed
    assert content(tmp_path / "result") == content(tmp_path / "undisturbed")
    assert f'"customers": {CUSTOMERS}' in content(tmp_path / "result")["summary.json"]


def test_facts_that_have_changed_since_begin_anew_and_it_says_so(shop: Shop, tmp_path: Path) -> None:
    interrupt(shop, tmp_path, signal.SIGKILL)
    shop.execute(
        "update customers set key = 'erased-1', email = null, fact_version = fact_version + 1 where key = 'c1'"
    )
    told = end(begin(shop, tmp_path, "result"))
    assert "facts have changed since this backtest was interrupted: it begins anew" in told
    end(begin(shop, tmp_path, "undisturbed"))
    assert content(tmp_path / "result") == content(tmp_path / "undisturbed")


def test_a_part_that_was_not_written_whole_is_worked_out_again(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.write(3, Result(customers=7))
    assert kept.read(3) == Result(customers=7)
    (file,) = tmp_path.glob("*.part")
    whole = file.read_bytes()
    for length in range(0, len(whole), 7):
        file.write_bytes(whole[:length])
        assert kept.read(3) is None
    assert kept.read(4) is None


def test_two_at_the_same_backtest_do_not_mix(tmp_path: Path) -> None:
    with keep(tmp_path / "asked", "facts"), pytest.raises(BusyError), keep(tmp_path / "asked", "facts"):
        pass
