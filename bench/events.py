"""Events beside everything else: `make bench NAME=events`.

The loop of one event against a bare insert, batches against single events, a million customers against a tenth, and
due flips against a bulk run. `ARGS=--small` tries everything out with a hundredth; `ARGS='--minutes 10'` also lets
flips fall due for so long and tells how late they are judged.
"""

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.at_scale.events import against_bare, bench_of, due, in_batches, larger
from bench.at_scale.lateness import lateness
from bench.figures import Figure, show
from bench.own_servers import again_with_servers


def main() -> int:
    """Measures and prints; 1 if a bound does not hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true", help="everything with a hundredth of the customers")
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=25)
    parser.add_argument("--minutes", type=float, default=0, help="how long flips fall due all the time")
    given = parser.parse_args()
    if "REGULARS_DATABASE_URL" not in os.environ:
        return again_with_servers("events", temporal=False)
    customers = 20_000 if given.small else given.customers
    return show("events", figures(os.environ["REGULARS_DATABASE_URL"], customers, given.turns, given.minutes))


def figures(server: str, customers: int, turns: int = 25, minutes: float = 0) -> list[Figure]:
    """The figures of events, in databases of their own on a server."""
    with bench_of(server, customers // 10) as small, bench_of(server, customers) as large:
        found = [*against_bare(small, turns), *in_batches(small, max(3, turns // 5)), *larger(small, large, turns)]
        found += due(large, customers // 100)
        return [*found, *(lateness(large, minutes) if minutes else [])]


if __name__ == "__main__":
    sys.exit(main())
