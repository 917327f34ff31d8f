"""What no message may ever do, over many sends at once: `python bench/invariants.py [--sends N] [--seed N]`.

A shop in a database of its own drives its journeys through the interpreter and reserve on several connections, with
every control of the policy in use, while providers fail and attempts die. Then a judge that reads only facts and
messages looks for a message that left without consent, in quiet hours, above a bound, to a holdout, or after a stop, a
goal, a pause or a kill.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

sys.path.insert(0, str(Path(__file__).parent.parent))

import psycopg

from bench.figures import BENCH, ROOT, Figure, show
from bench.obeying.drive import Driver
from bench.obeying.judge import Verdict, judge
from bench.obeying.rules import make_rules
from bench.obeying.shop import open_shop
from engine.facts.migrate import upgrade

SENDS = 200_000
_SENDS_OF_A_CUSTOMER = 22


def run(database_url: str, sends: int, seed: int) -> list[Figure]:
    """Sends about so many messages in an empty database and judges them.

    Args:
        database_url: an empty database, which is migrated first.
        sends: how many messages are asked for, about.
        seed: of the shop, its providers and its operators.
    """
    upgrade(database_url)
    begun = time.monotonic()
    verdict, asked = obey(database_url, max(20, sends // _SENDS_OF_A_CUSTOMER), seed)
    took = time.monotonic() - begun
    decided = sum(verdict.states.values())
    violations = sum(verdict.violations.values())
    return [
        Figure("messages", decided, at_least=sends),
        Figure("messages that left", verdict.judged),
        Figure("questions asked of reserve", asked),
        Figure("seconds", round(took, 1)),
        *(Figure(f"messages {name}", count) for name, count in sorted(verdict.reasons.items())),
        Figure("violations", violations, at_most=0),
        *(Figure(f"violations of {name}", count, at_most=0) for name, count in sorted(verdict.violations.items())),
    ]


def obey(database_url: str, customers: int, seed: int, connections: int = 4) -> tuple[Verdict, int]:
    """Drives a shop of so many customers; gives the verdict and how often reserve was asked."""
    rules = make_rules(customers)
    with psycopg.connect(database_url) as connection:
        started = open_shop(connection, rules, customers, seed)
    driver = Driver(database_url, rules, customers, seed, connections)
    driver.run(started)
    with psycopg.connect(database_url, options="-c timezone=UTC") as connection:
        return judge(connection, rules.files["policy.yaml"], driver.told), driver.counts["asked"]


def main() -> int:
    """Starts a PostgreSQL of its own, runs, prints a table and writes the figures; 1 if one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sends", type=int, default=SENDS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--url", help="an empty database; default: one of its own")
    asked = parser.parse_args()
    if asked.url is None:
        state = BENCH / "invariants"
        own = [sys.executable, "-m", "engine.servers", "--postgres", "--free-ports", "--fast", "--state", str(state)]
        again = [sys.executable, __file__, "--sends", str(asked.sends), "--seed", str(asked.seed), "--url", "own"]
        return subprocess.call([*own, "--", *again], cwd=ROOT)
    url = _fresh_database(os.environ["REGULARS_DATABASE_URL"]) if asked.url == "own" else asked.url
    print(f"seed {asked.seed}")
    return show("invariants", run(url, asked.sends, asked.seed))


def _fresh_database(server: str) -> str:
    """An empty database, in place of the one of the run before."""
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("drop database if exists invariants with (force)")
        admin.execute("create database invariants")
    parts = urlsplit(server)
    return urlunsplit(parts._replace(path="/invariants"))


if __name__ == "__main__":
    sys.exit(main())
