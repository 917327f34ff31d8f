"""Temporal's test server and a way to run tests on the real path."""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from engine.composition import Stage, rehearse_all
from engine.language.rules import Rules
from engine.ruletests.case import Case, Outcome
from engine.servers.testserver import serving
from tests.rehearsal.playbooks import OWN

Rehearse = Callable[[Rules, Sequence[Case]], list[Outcome]]


@pytest.fixture(scope="module")
def rehearse() -> Iterator[Rehearse]:
    """Runs tests of playbooks on the real path."""
    url, program = (os.environ.get(name) for name in ("REGULARS_DATABASE_URL", "REGULARS_TEST_SERVER"))
    if not url or not program:
        pytest.fail("no servers: run the tests with `make test`, which starts the servers they need")
    with serving(Path(program)) as address:
        stage = Stage(url, address, OWN)
        yield lambda rules, cases: asyncio.run(rehearse_all(stage, rules, cases))
