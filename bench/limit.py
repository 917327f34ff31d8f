"""A channel's limit over three workers, by the real clock: `python bench/limit.py [--seconds N]`.

Each worker is a process of its own with more to send than the limit lets through. As an activity would, it waits in
place for a token that is near and comes back at its turn else. What leaves in the whole time must be what the limit
allows, within two per cent.
"""

import argparse
import heapq
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import psycopg  # noqa: E402 -- the path comes first

from engine.facts.migrate import upgrade  # noqa: E402 -- likewise
from engine.messages.channel_limit import NEAR, take  # noqa: E402 -- likewise
from engine.messages.tokens import Claim, Token  # noqa: E402 -- likewise
from engine.policy import Limit  # noqa: E402 -- likewise

OUTPUT = ROOT / ".regulars" / "bench" / "limit.jsonl"
LIMIT = Limit(count=20, seconds=1, burst=20)
WORKERS, AT_ONCE, WAITING = 3, 8, 10


def work(url: str, begins: datetime, ends: datetime, left: "Queue[float]") -> None:
    """One worker, which carries out several activities at once."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for done in [threads.submit(send, url, begins, ends, left) for _ in range(AT_ONCE)]:
            done.result()


def send(url: str, begins: datetime, ends: datetime, left: "Queue[float]") -> None:
    """Messages that come due at once, each asked for until it has left; new ones take their places."""
    turns = [(begins, number, False) for number in range(WAITING)]
    with psycopg.connect(url, options="-c timezone=UTC") as connection:
        while turns:
            at, number, returning = heapq.heappop(turns)
            _sleep_until(at)
            now = datetime.now(UTC)
            if now >= ends:
                return
            answer = take(connection, "email", LIMIT, now, Claim(NEAR, returning=returning))
            connection.commit()
            if isinstance(answer, Token):
                _sleep_until(answer.at)
                left.put(time.time())
                heapq.heappush(turns, (datetime.now(UTC), number + WAITING, False))
            else:
                heapq.heappush(turns, (answer.until, number, True))


def _sleep_until(at: datetime) -> None:
    time.sleep(max(0.0, (at - datetime.now(UTC)).total_seconds()))


def main() -> int:
    """Runs the workers and prints what left; 1 if a bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--here", action="store_true", help="the database of REGULARS_DATABASE_URL, which is empty")
    asked = parser.parse_args()
    if not asked.here:
        state = str(ROOT / ".regulars" / "bench" / "limit")
        own = [sys.executable, "-m", "engine.servers", "--postgres", "--free-ports", "--fast", "--state", state]
        again = [sys.executable, __file__, "--seconds", str(asked.seconds), "--here"]
        return subprocess.call([*own, "--", *again], cwd=ROOT)
    url = os.environ["REGULARS_DATABASE_URL"]
    upgrade(url)
    context = get_context("spawn")
    left: Queue[float] = context.Queue()
    begins = datetime.now(UTC) + timedelta(seconds=5)
    ends = begins + timedelta(seconds=asked.seconds + 5)
    workers = [context.Process(target=work, args=(url, begins, ends, left)) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    instants = _all(left, workers)
    first = begins.timestamp() + 2  # all have begun
    inside = sorted(each for each in instants if first <= each < first + asked.seconds)
    allowed = LIMIT.count / LIMIT.seconds * asked.seconds
    share = len(inside) / allowed
    print(f"left in {asked.seconds} s: {len(inside)} of {allowed:g} allowed, {share:.2%}")
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    figure = {"figure": "share of the limit used by three workers", "value": share, "bound": 1.02}
    OUTPUT.write_text(json.dumps(figure | {"holds": 0.98 <= share <= 1.02}) + "\n", "utf-8")
    return 0 if 0.98 <= share <= 1.02 else 1


def _all(left: "Queue[float]", workers: list[object]) -> list[float]:
    """Reads until all have ended, so that none waits for its queue to be read."""
    found: list[float] = []
    while any(worker.is_alive() for worker in workers) or not left.empty():  # type: ignore[attr-defined]  # processes
        while not left.empty():
            found.append(left.get())
        time.sleep(0.05)
    return found


if __name__ == "__main__":
    sys.exit(main())
