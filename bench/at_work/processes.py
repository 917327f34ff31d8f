"""Workers as processes of their own, and what a process costs."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.at_work.shop import Shop

ROOT = Path(__file__).parents[2]
_BOTH = str(Path(__file__).parent / "worker.py")


@dataclass(frozen=True)
class Process:
    """A worker that is ready, and how long that took."""

    popen: subprocess.Popen[str]
    seconds: float

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.popen.pid

    def stop(self) -> float:
        """Ends it as an operator does and gives the seconds that took; kills it if it does not end."""
        started = time.monotonic()
        self.popen.terminate()
        try:
            self.popen.wait(40)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        return time.monotonic() - started


def start_worker(shop: Shop, *arguments: str) -> Process:
    """Starts `regulars worker` for the shop, or another program in its place, and waits until it is ready."""
    program = arguments or ("-m", "engine.cli", "worker", "--project", str(shop.directory))
    environment = {
        **os.environ,
        "REGULARS_DATABASE_URL": shop.url,
        "REGULARS_MAILBOX": str(shop.directory / "mailbox"),
        "PYTHONPATH": str(ROOT),
    }
    started = time.monotonic()
    with (shop.directory / "worker.log").open("ab") as log:
        popen = subprocess.Popen(
            [sys.executable, *program],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert popen.stdout is not None
    for line in popen.stdout:
        if line.startswith("worker ready"):
            return Process(popen, time.monotonic() - started)
    sys.exit(f"the worker ended: {(shop.directory / 'worker.log').read_text()[-3000:]}")


@contextmanager
def worker(shop: Shop) -> Iterator[Process]:
    """`regulars worker` while the block runs."""
    process = start_worker(shop)
    try:
        yield process
    finally:
        process.stop()


@contextmanager
def workers(shop: Shop, count: int) -> Iterator[list[Process]]:
    """So many of `regulars worker`, started at once."""
    with ThreadPoolExecutor(count) as threads:
        processes = list(threads.map(start_worker, [shop] * count))
    try:
        yield processes
    finally:
        for process in processes:
            process.stop()


@contextmanager
def worker_of_both(shop: Shop) -> Iterator[Process]:
    """A worker of journeys and of the workflow written by hand."""
    process = start_worker(shop, _BOTH, str(shop.directory))
    try:
        yield process
    finally:
        process.stop()


def memory_mb(pid: int) -> float:
    """Resident memory of a process."""
    return round(psutil.Process(pid).memory_info().rss / 1e6, 1)


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has had."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def temporal_pid() -> int | None:
    """The process that serves Temporal, if it is one of this machine."""
    port = int(os.environ["TEMPORAL_ADDRESS"].rsplit(":", 1)[1])
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
            return connection.pid
    return None
