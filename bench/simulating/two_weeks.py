"""Two weeks of public data by the real path and by the simulation: the same to the last message, and how fast each is.

The real path is `regulars replay`. Compared are messages (step, channel, instant, state, reason) and journeys with
their ends, of everybody.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import psycopg

from bench.figures import ROOT, Figure
from engine.language.rules import load_rules
from engine.simulation.backtest import CHUNK, Window, backtest
from tests.olist.expected import ZONE
from tests.olist.test_replay import with_playbooks
from tests.simulation.lived import Lived, differences
from tests.simulation.real import Side, read

START, DAYS = datetime(2018, 1, 8, tzinfo=ZONE), 14
PLAYBOOKS = ("payment-reminder", "shipment-notice", "review-request")
CURRENCY = "BRL"
TIMES_FASTER = 200.0
_SHOWN = 20


def figures_of_two_weeks(database: str, directory: Path, days: int = DAYS) -> list[Figure]:
    """Replays, simulates and compares.

    Args:
        database: the address of one with all of Olist; what earlier replays left of theirs there goes.
        directory: where the project is made.
        days: the window's length.

    Raises:
        CalledProcessError: the replay failed.
    """
    (directory / "two-weeks").mkdir()
    project, to = with_playbooks(directory / "two-weeks", *PLAYBOOKS), START + timedelta(days=days)
    return figures_against_replay(project, database, "weeks", to, replay(project, database, to))


def figures_against_replay(project: Path, database: str, name: str, to: datetime, real_seconds: float) -> list[Figure]:
    """Simulates what has been replayed, and compares.

    Args:
        project: with the rules of the replay.
        database: where it was.
        name: the replay's.
        to: the window's end.
        real_seconds: how long the replay took.
    """
    side = read(database, f"replay_{name}", load_rules(project / "rules"), START, to, CURRENCY)
    found = different(side)
    print(*found[:_SHOWN], sep="\n", flush=True)
    seconds, journeys = simulate(side)
    real_journeys = side.lived.journeys.total()
    return [
        Figure("simulated: messages and journeys that differ from the replay", len(found), at_most=0),
        Figure("simulated: messages compared", side.lived.messages.total()),
        Figure("replayed journeys", real_journeys),
        Figure("simulated journeys", journeys),
        Figure("seconds of the replay", round(real_seconds)),
        Figure("seconds of the simulation", round(seconds, 1)),
        Figure(
            "journeys a second, simulated against replayed",
            round((journeys / seconds) / (real_journeys / real_seconds), 1),
            at_least=TIMES_FASTER,
        ),
    ]


def replay(project: Path, database: str, to: datetime) -> float:
    """The real path over the window, as `replay_weeks`; gives its seconds.

    Raises:
        CalledProcessError: it failed.
    """
    window = ["--from", f"{START:%Y-%m-%d}", "--to", f"{to:%Y-%m-%d}"]
    command = [sys.executable, "-m", "engine.cli", "replay", "weeks", *window, "--project", str(project)]
    began = time.monotonic()
    subprocess.run(command, env={**os.environ, "REGULARS_DATABASE_URL": database}, cwd=ROOT, check=True)
    return time.monotonic() - began


def simulate(side: Side) -> tuple[float, int]:
    """The same window as `regulars simulate` has it, by all processors: its seconds, and how many journeys."""
    window = Window(side.url, side.rules, tuple(side.rules.plans), side.start, side.to, side.currency, side.cut_offs)
    began = time.monotonic()
    result = backtest(window)
    return time.monotonic() - began, result.journeys.total()


def different(side: Side) -> list[str]:
    """Messages and journeys that only one of the two has, by customer and in order of time."""
    ours = Lived()
    with psycopg.connect(side.url) as connection:
        ids = [row[0] for row in connection.execute("select id from customers order by id")]
    chunks = [ids[begin : begin + CHUNK] for begin in range(0, len(ids), CHUNK)]
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), _open, (side,)) as pool:
        for part in pool.map(_lived, chunks):
            ours.add(part)
    return differences(Lived(ours.messages, ours.journeys), Lived(side.lived.messages, side.lived.journeys))


class _Process:
    side: Side


def _open(side: Side) -> None:
    _Process.side = side


def _lived(ids: Sequence[int]) -> Lived:
    side = _Process.side
    return side.simulated(side.worlds(ids))
