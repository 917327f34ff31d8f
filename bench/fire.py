"""Exactly once under fire: `make bench NAME=fire`, `make bench NAME=fire ARGS='--seeds 1 --kinds smtp'`.

Two thousand journeys of three messages each, on PostgreSQL and Temporal servers of its own, while workers are killed,
both servers are restarted and the provider answers badly half of the time. For each seed, once with a provider that
takes idempotency keys and once with a plain mail server under `in_doubt: hold`. Then `bench/invariants.py`: two hundred
thousand sends through every control. What is promised, and how this proves
it, stands in docs/exactly-once.md.
"""

import argparse
import signal
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.figures import BENCH, Figure, show
from bench.firing.blaze import Ashes, Blaze, Size
from bench.firing.checker import PROMISES
from bench.firing.evidence import keep
from bench.firing.points import BETWEEN_PROVIDER_AND_RECORD, BETWEEN_TELLING_AND_MARK
from bench.firing.rules import Kind
from bench.firing.servers import own_database, own_servers
from bench.firing.storm import Strength, killed_at
from bench.invariants import SENDS, run

KILLS, RESTARTS = 30, 3
SPARE_KILLS = 2  # a worker that is to be killed may have ended by itself


def main() -> int:
    """Burns each seed with each provider; 1 if a promise was broken."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stops everything it has started, as Ctrl-C does
    figures: list[Figure] = []
    try:
        for seed in asked.seeds:
            for kind in asked.kinds:
                figures += _run(seed, kind, asked)
        if asked.sends:
            figures += _controls(asked.seeds[0], asked.sends)
    except KeyboardInterrupt:
        show("fire", figures)
        return 128 + signal.SIGINT
    return show("fire", figures)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench NAME=fire")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--kinds", choices=["http", "smtp"], nargs="+", default=["http", "smtp"])
    parser.add_argument("--journeys", type=int, default=2000)
    parser.add_argument("--at-once", type=int, default=300, help="journeys under way")
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=30.0, help="for each run, at most")
    parser.add_argument("--sends", type=int, default=SENDS, help="through every control; 0: none")
    return parser.parse_args()


def _run(seed: int, kind: Kind, asked: argparse.Namespace) -> list[Figure]:
    strength = Strength(KILLS + SPARE_KILLS, RESTARTS)
    size = Size(asked.journeys, asked.at_once, asked.workers, strength, asked.minutes * 60)
    print(f"seed {seed}, provider {kind}: {size.orders} journeys", file=sys.stderr, flush=True)
    with own_servers("regulars-fire-") as servers:
        blaze = Blaze(servers.workplace / "fire", servers, servers.ground, kind, seed, size)
        try:
            ashes = blaze.burn()
        except Exception:  # whatever it was, what it has left shows why; it goes on to the caller
            _keep(blaze, None)
            raise
        figures = _figures(f"{kind}, seed {seed}", size, ashes)
        if not all(figure.holds for figure in figures):
            _keep(blaze, ashes)
    return figures


def _keep(blaze: Blaze, ashes: Ashes | None) -> None:
    kept = keep(blaze, ashes, BENCH / f"fire-{blaze.kind}-{blaze.seed}")
    print(f"what it left is in {kept}", file=sys.stderr, flush=True)


def _controls(seed: int, sends: int) -> list[Figure]:
    """The second part: no send that a control forbids."""
    print(f"seed {seed}: {sends} sends through every control", file=sys.stderr, flush=True)
    with own_database("regulars-fire-") as url:
        figures = run(url, sends, seed)
    return [replace(figure, figure=f"controls, seed {seed}: {figure.figure}") for figure in figures]


def _figures(of: str, size: Size, ashes: Ashes) -> list[Figure]:
    verdict, outages = ashes.verdict, [outage.server for outage in ashes.outages]
    told = {f"messages {state}": count for state, count in sorted(verdict.states.items())}
    told |= {f"provider's answers: {answer}": count for answer, count in sorted(verdict.answers.items())}
    told |= {"acceptances with an effect": verdict.acceptances, "acceptances without, by a known key": verdict.repeats}
    told |= {f"journeys {state}": count for state, count in sorted(verdict.journeys.items())}
    struck = {
        "workers killed by SIGKILL": (len(ashes.crew.killed), KILLS),
        "of them between provider and record": (killed_at(ashes.crew, [BETWEEN_PROVIDER_AND_RECORD]), 3),
        "of them between telling and mark": (killed_at(ashes.crew, [BETWEEN_TELLING_AND_MARK]), 3),
        "Temporal restarts": (outages.count("temporal"), RESTARTS),
        "PostgreSQL restarts": (outages.count("postgres"), RESTARTS),
        "journeys started": (sum(verdict.journeys.values()), size.orders),
    }
    left = -1 if ashes.open_workflows is None else ashes.open_workflows
    broken = {promise: verdict.count(promise) for promise in PROMISES}
    broken |= {"workers that ended by themselves": len(ashes.crew.deserters)}
    return [
        Figure(f"{of}: seconds", round(ashes.seconds, 1), at_most=size.seconds if ashes.in_time else 0.0),
        *(Figure(f"{of}: {what}", count, at_least=bound) for what, (count, bound) in struck.items()),
        *(Figure(f"{of}: {what}", count) for what, count in told.items()),
        Figure(f"{of}: workflows left open", abs(left), at_most=0),
        *(Figure(f"{of}: {promise}", count, at_most=0) for promise, count in broken.items()),
    ]


if __name__ == "__main__":
    sys.exit(main())
