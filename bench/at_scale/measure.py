"""Measures the sides against each other, each time in a process of its own and in turns."""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from bench.at_scale.lines import ASKED_AT, Size, facts
from bench.figures import ROOT, Figure

FULL, SMALL, HUGE = Size(1_000_000, 10_000_000), Size(20_000, 200_000), Size(3_000_000, 30_000_000)
TURNS = 3
MEMORY = "2GB"
TIMES_BY_HAND = 1.5
TIMES_PANDAS = 3.0
EDITED = 0.35
MEGABYTES = 2_500
SIDES = {
    "duckdb": "by hand in DuckDB",
    "pandas": "by hand in pandas",
    "compiled": "compiled",
    "edited": "plan of a segment",
}


@dataclass(frozen=True)
class Took:
    """One run of a side."""

    seconds: float
    megabytes: float


def at_scale(size: Size = FULL, turns: int = TURNS) -> list[Figure]:
    """Compares all sides on small facts, and measures them on those of the size."""
    check()
    best = _in_turns(_made(size), tuple(SIDES), turns)
    told = f"{size.customers:,} customers, {size.lines:,} lines"
    seconds = {name: took.seconds for name, took in best.items()}
    return [
        *(Figure(f"{told}: {SIDES[name]}, seconds", round(each.seconds, 2)) for name, each in best.items()),
        Figure(
            "compiled, times DuckDB by hand", round(seconds["compiled"] / seconds["duckdb"], 2), at_most=TIMES_BY_HAND
        ),
        Figure(
            "compiled, times faster than pandas",
            round(seconds["pandas"] / seconds["compiled"], 2),
            at_least=TIMES_PANDAS,
        ),
        Figure(
            "plan of one edited segment, of the whole",
            round(seconds["edited"] / seconds["compiled"], 2),
            at_most=EDITED,
        ),
        *(_memory(name, took) for name, took in best.items()),
    ]


def huge() -> list[Figure]:
    """Three million customers under a limit of 2 GB: that it ends at all, and what it takes."""
    took = _run("compiled", _made(HUGE), MEMORY)
    told = f"{HUGE.customers:,} customers, {HUGE.lines:,} lines, limit {MEMORY}: compiled"
    return [
        Figure(f"{told}, seconds", round(took.seconds, 2)),
        Figure(f"{told}, peak megabytes", round(took.megabytes), at_most=MEGABYTES),
    ]


def _made(size: Size) -> Path:
    """The directory of the facts, made in a process of its own.

    What memory a process has had at most it hands on to those that it starts, where it would count as theirs.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(facts, size).result()


def check() -> None:
    """Ends the bench if the sides do not find the same; in a process of its own, as the facts are made."""
    done = subprocess.run([sys.executable, "-m", "bench.at_scale.check"], cwd=ROOT, check=False)
    if done.returncode:
        sys.exit("nothing is measured before all sides find the same")


def _in_turns(directory: Path, sides: Iterable[str], turns: int) -> dict[str, Took]:
    """The best seconds and the most memory of each side."""
    runs: dict[str, list[Took]] = defaultdict(list)
    for _ in range(turns):
        for side in sides:
            runs[side].append(_run(side, directory, MEMORY))
    return {
        side: Took(min(each.seconds for each in took), max(each.megabytes for each in took))
        for side, took in runs.items()
    }


def _run(side: str, directory: Path, memory: str) -> Took:
    command = [sys.executable, "-m", "bench.at_scale.side", side, str(directory), str(ASKED_AT), memory]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{SIDES[side]} ended with {done.returncode}:\n{done.stderr}")
    return Took(**json.loads(done.stdout.splitlines()[-1]))


def _memory(side: str, took: Took) -> Figure:
    bound = MEGABYTES if side == "compiled" else None
    return Figure(f"{SIDES[side]}, peak megabytes", round(took.megabytes), at_most=bound)
