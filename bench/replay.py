"""Two weeks of Olist through the running engine: `make bench NAME=replay`; `ARGS='--days 2'` for a shorter window.

The playbooks `payment-reminder`, `shipment-notice` and `review-request`, whose messages pandas works out from the CSV
files: 0 differences. The same log in two runs. At most three times as long as a driver that somebody wrote by hand,
with the same shop's clock and the same three playbooks, on the same servers. The simulation of the same window: 0
differences, and at least 200 times the journeys a second.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
import uuid
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import psycopg
from psycopg_pool import ConnectionPool
from temporalio.envconfig import ClientConfig

from bench.databases import imported, olist_directory
from bench.figures import ROOT, Figure, show
from bench.own_servers import again_with_servers, has_servers
from bench.replaying.by_hand import messages, replay
from bench.simulating.two_weeks import figures_against_replay
from engine.composition import connect
from engine.servers.leave import leave
from engine.servers.namespace import prepare_namespace
from tests.olist.expected import ZONE, Row, expected_messages
from tests.olist.expected_reviews import expected_requests
from tests.olist.expected_shipments import expected_notices
from tests.olist.test_replay import rows, with_playbooks

START, DAYS = datetime(2018, 1, 8, tzinfo=ZONE), 14
PLAYBOOKS = ("payment-reminder", "shipment-notice", "review-request")
TIMES_BY_HAND = 3.0


def main() -> int:
    """Measures and prints; 1 if a bound does not hold, 3 if the data is missing."""
    olist = olist_directory()
    if olist is None:
        return 3
    if not has_servers():
        return again_with_servers("replay")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=DAYS, help="the window's length")
    days = parser.parse_args().days
    name = "replay" if days == DAYS else f"replay-{days}-days"
    with tempfile.TemporaryDirectory() as directory:
        return show(name, _measure(olist, Path(directory), START + timedelta(days=days)))


def _measure(olist: Path, directory: Path, to: datetime) -> list[Figure]:
    database = imported(olist, directory / "imports")
    project = with_playbooks(directory, *PLAYBOOKS)
    rules = project / "rules"
    expected = {
        "payment-reminder": expected_messages(olist, rules, START, to),
        "shipment-notice": expected_notices(olist, rules, START, to),
        "review-request": expected_requests(olist, rules, START, to),
    }
    first, seconds = _replayed(project, database, to)
    found = _by_playbook(first)
    figures = [
        Figure(f"{playbook}: messages that differ from pandas, of {len(rows_of):,}", len(found[playbook] ^ rows_of), 0)
        for playbook, rows_of in expected.items()
    ]
    figures += figures_against_replay(project, database, "bench", to, seconds)
    # What takes an hour says how far it is.
    print(*(f"{each.figure}: {each.value:g}" for each in figures), f"{seconds:.0f} s", sep="\n", flush=True)
    by_hand, seconds_by_hand = _by_hand(database, to)
    print(f"by hand: {by_hand} messages, {seconds_by_hand:.0f} s", flush=True)
    second, again = _replayed(project, database, to)
    return [
        *figures,
        Figure("bytes of the log that differ in a second run", int(first != second), at_most=0),
        Figure("messages sent", sum(row.state == "sent" for each in found.values() for row in each)),
        Figure("messages sent by hand", by_hand),
        Figure("seconds of the first run", round(seconds)),
        Figure("seconds of the second run", round(again)),
        Figure("seconds by hand", round(seconds_by_hand)),
        Figure("time against by hand", round(min(seconds, again) / seconds_by_hand, 2), at_most=TIMES_BY_HAND),
    ]


def _replayed(project: Path, database: str, to: datetime) -> tuple[bytes, float]:
    began = time.monotonic()
    subprocess.run(
        [
            sys.executable, "-m", "engine.cli", "replay", "bench", "--project", str(project),
            "--from", f"{START:%Y-%m-%d}", "--to", f"{to:%Y-%m-%d}",
        ],
        env={**os.environ, "REGULARS_DATABASE_URL": database}, cwd=ROOT, check=True,
    )  # fmt: skip
    return (project / ".regulars" / "replay" / "bench" / "messages.csv").read_bytes(), time.monotonic() - began


def _by_playbook(log: bytes) -> dict[str, set[Row]]:
    lines = log.decode().splitlines()
    return {
        playbook: set(rows("\n".join([lines[0], *(each for each in lines[1:] if each.startswith(playbook))]).encode()))
        for playbook in PLAYBOOKS
    }


def _by_hand(database: str, to: datetime) -> tuple[int, float]:
    async def run() -> int:
        namespace = f"by-hand-{uuid.uuid4().hex[:8]}"
        await prepare_namespace(ClientConfig.load_client_connect_config(), namespace)
        client = await connect(namespace)
        with ConnectionPool(database, min_size=4, max_size=10) as pool:
            return await replay(client, pool, START, to)

    began = time.monotonic()
    sent = asyncio.run(run())
    with psycopg.connect(database) as connection:
        assert len(messages(connection)) == sent
    return sent, time.monotonic() - began


if __name__ == "__main__":
    leave(main())
