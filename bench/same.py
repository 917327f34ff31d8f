"""The simulation beside the real path with other people each time: `make bench NAME=same`; `ARGS='--seeds 2 3'`.

People at all edges and sixty made by each seed, rules with every kind of step and trigger, eight months: a replay on
real servers and the simulation must come to the same messages, journeys, changes of standing, tags, coupons, points and
tasks. Differences are told by customer and in order of time.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import psycopg

from bench.figures import Figure, show
from bench.own_servers import again_with_servers, has_servers
from engine.servers.leave import leave
from tests.simulation.crowd import END, START, Crowd, at_the_edges, by_chance
from tests.simulation.real import fresh_database, make_project, replayed

SEEDS, PEOPLE = (2, 3, 5, 8, 13), 60
_SHOWN = 30


def main() -> int:
    """Compares and prints; 1 if anything differs."""
    if not has_servers():
        return again_with_servers("same")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="of the people")
    parser.add_argument("--people", type=int, default=PEOPLE, help="how many a seed makes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        parts = [_figures(Path(directory) / f"{seed}", options.people, seed) for seed in options.seeds]
        return show("same", [figure for part in parts for figure in part])


def _figures(directory: Path, people: int, seed: int) -> list[Figure]:
    with fresh_database() as url:
        with psycopg.connect(url) as connection:
            crowd = Crowd(connection)
            at_the_edges(crowd)
            by_chance(crowd, people, seed)
        began = time.monotonic()
        side = replayed(make_project(directory), url, START, END)
        between = time.monotonic()
        found = side.differences()
        simulated = time.monotonic() - between
    print(f"seed {seed}: {len(found)} differences", *found[:_SHOWN], sep="\n", flush=True)
    return [
        Figure(f"seed {seed}: lines that differ", len(found), at_most=0),
        Figure(f"seed {seed}: lines", sum(side.lived.counts().values())),
        Figure(f"seed {seed}: seconds of the replay", round(between - began)),
        Figure(f"seed {seed}: seconds of the simulation", round(simulated, 1)),
    ]


if __name__ == "__main__":
    leave(main())
