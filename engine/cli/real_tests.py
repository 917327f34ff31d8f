"""`regulars test --real`: tests of playbooks on servers of their own, which leave nothing behind."""

import asyncio
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from rich.console import Console
from rich.status import Status

from engine.ruletests.case import Case, Outcome
from engine.ruletests.find import Found
from engine.ruletests.run import Runner
from engine.servers.clean import clean
from engine.servers.external import database_configured
from engine.servers.leave import leave
from engine.servers.supervisor import Supervisor, Wanted
from engine.servers.testserver import serving

_TEST_SERVER = "REGULARS_TEST_SERVER"


def with_servers() -> None:
    """Returns when the environment names a database and the test server's program.

    Otherwise this process becomes the supervisor of a database in a directory that is thrown away, runs the same
    command again as its child, and ends with the child's exit code. A database that is configured is used: each test
    runs in a schema of its own, which is dropped.

    Raises:
        SetupError: a server cannot be had.
    """
    if database_configured() and _TEST_SERVER in os.environ:
        return
    wanted = Wanted(database=True, test_server=True, fast=True)
    state = Path(tempfile.mkdtemp(prefix="regulars-test-"))
    try:
        code = Supervisor(state, wanted).run([sys.executable, *sys.orig_argv[1:]])
    finally:
        clean(state)
    leave(code)


def run_for_real(found: Found, cases: Sequence[Case]) -> Iterator[Outcome]:
    """The outcomes of tests, in their order: those of playbooks on the real path, all others as without servers."""
    stories = [case for case in cases if case.story is not None]
    real = iter(_rehearsed(found, stories) if stories else ())
    runner = Runner(found.rules)
    return (runner(case) if case.story is None else next(real) for case in cases)


def _rehearsed(found: Found, cases: Sequence[Case]) -> list[Outcome]:
    for name in ("temporalio", "regulars"):  # what an attempt failed by shows in the test's outcome
        logging.getLogger(name).setLevel(logging.CRITICAL)
    signal.signal(signal.SIGTERM, _end)
    try:
        with serving(Path(os.environ[_TEST_SERVER])) as address, Console(stderr=True).status("starting") as status:
            return asyncio.run(_on_stage(found, cases, address, status))
    except (SystemExit, KeyboardInterrupt, asyncio.CancelledError):
        leave(128 + signal.SIGTERM)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


async def _on_stage(found: Found, cases: Sequence[Case], address: str, status: Status) -> list[Outcome]:
    """Runs them; a signal ends them, and what they have begun is put away first."""
    from engine.composition import Stage, own_activities, rehearse_all  # noqa: PLC0415 - Temporal's SDK loads slowly

    def progress(done: int) -> None:
        status.update(f"tests of playbooks on the real path: {done} of {len(cases)}")

    playing = asyncio.current_task()
    assert playing is not None  # this is one
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, playing.cancel)
    stage = Stage(os.environ["REGULARS_DATABASE_URL"], address, own_activities(found.directory))
    progress(0)
    return await rehearse_all(stage, found.rules, cases, progress)
