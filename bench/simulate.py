"""The whole Olist history through all shipped playbooks: `make bench NAME=simulate`; `ARGS=--no-replay` is quicker.

Twenty-five months, simulated by `regulars simulate` as a user would: at most 60 seconds and 2 GB on two processors, and
in time that grows with the facts: a quarter and a half of the orders beside all of them. The same two weeks by the
real path (`regulars replay`) and by the simulator: 0 differences, and at least 200 times the journeys a second. At
least 500 tests of playbooks a second.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import psutil

from bench.databases import imported, olist_directory
from bench.figures import ROOT, Figure, show
from bench.own_servers import again_with_servers, has_servers
from bench.playbook_tests import playbook_tests
from bench.simulating.shares import share_of
from bench.simulating.two_weeks import figures_of_two_weeks
from engine.servers.leave import leave

FROM, TO = "2016-09-01", "2018-10-01"
MOST_SECONDS, MOST_GIGABYTES = 60.0, 2.0
SHARES = (25, 50, 100)
LINEAR = 1.25
"""How much longer a fact may take among all of them than among a quarter."""


@dataclass(frozen=True)
class Run:
    """One run: its seconds, the most memory that its processes had together, and how many customers it was of."""

    seconds: float
    gigabytes: float


def main() -> int:
    """Measures and prints; 1 if a bound does not hold, 3 if the data is missing."""
    olist = olist_directory()
    if olist is None:
        return 3
    if not has_servers():
        return again_with_servers("simulate")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-replay", action="store_true", help="leave out the real path, which takes a quarter hour")
    replay = not parser.parse_args().no_replay
    with tempfile.TemporaryDirectory() as directory:
        return show("simulate", _measure(olist, Path(directory), replay=replay))


def _measure(olist: Path, directory: Path, *, replay: bool) -> list[Figure]:
    runs = {}
    for share in SHARES:
        database = imported(share_of(olist, directory / f"{share}", share), directory / f"imports-{share}")
        runs[share] = _simulated(directory, database, directory / f"result-{share}")
        print(f"{share} % of the orders: {runs[share].seconds:.1f} s, {runs[share].gigabytes:.2f} GB", flush=True)
    whole, part = runs[100], runs[SHARES[0]]
    figures = [
        *(Figure(f"seconds of {share} % of the orders", round(run.seconds, 1)) for share, run in runs.items()),
        Figure("seconds of the whole history", round(whole.seconds, 1), at_most=MOST_SECONDS),
        Figure("GB of its processes together", round(whole.gigabytes, 2), at_most=MOST_GIGABYTES),
        Figure(
            "time of a fact among all against that among a quarter",
            round(whole.seconds / part.seconds * SHARES[0] / 100, 2),
            at_most=LINEAR,
        ),
        *playbook_tests(),
    ]
    return [*figures, *(figures_of_two_weeks(database, directory) if replay else [])]


def _simulated(directory: Path, database: str, output: Path) -> Run:
    """`regulars simulate` in a project with the shipped rules, all of whose playbooks are live."""
    command = [sys.executable, "-m", "engine.cli", "simulate", "--from", FROM, "--to", TO, "--output", str(output)]
    project = directory / "project"
    if not project.exists():
        subprocess.run([sys.executable, "-m", "engine.cli", "init", str(project)], cwd=ROOT, check=True)
    began, most = time.monotonic(), 0.0
    environment = {**os.environ, "REGULARS_DATABASE_URL": database}
    with subprocess.Popen(
        [*command, "--project", str(project)], env=environment, cwd=ROOT, stdout=subprocess.DEVNULL
    ) as process:
        done = threading.Event()

        def watch() -> None:
            nonlocal most
            while not done.wait(0.2):
                most = max(most, _memory(process.pid))

        watching = threading.Thread(target=watch)
        watching.start()
        code = process.wait()
        done.set()
        watching.join()
    if code != 0:
        raise SystemExit(f"regulars simulate has ended with {code}")
    return Run(time.monotonic() - began, most)


def _memory(pid: int) -> float:
    """Resident memory of a process and its children, in GB."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    total = 0
    for each in family:
        try:
            total += each.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 2**30


if __name__ == "__main__":
    leave(main())
