"""The bench of journeys runs; what it measures on a busy machine is not judged here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(240)  # several processes, each as slow to start as the machine is busy

ROOT = Path(__file__).parents[2]
PARTS = {
    "paid": ("paid in time: workflow tasks", "paid in time: activities"),
    "starts": ("dispatcher, times the bare client's starts",),
    "reserve": ("reserve, p99 ms",),
}
EXACT = tuple(figure for part in ("paid",) for figure in PARTS[part])


@pytest.fixture
def told(namespace):
    """What the bench printed and kept, of its parts that take seconds."""
    only = [word for part in PARTS for word in ("--only", part)]
    environment = {**os.environ, "TEMPORAL_NAMESPACE": namespace}
    command = [sys.executable, "bench/journeys.py", "--small", *only]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    lines = (ROOT / ".regulars" / "bench" / "journeys-small.jsonl").read_text().splitlines()
    return done, {figure["figure"]: figure for figure in map(json.loads, lines)}


def test_a_small_bench_of_journeys_tells_each_figure_with_its_bound(told):
    done, figures = told
    for names in PARTS.values():
        for name in names:
            assert figures[name].keys() == {"figure", "value", "bound", "holds"}
    assert all(figures[name]["holds"] for name in EXACT)
    assert done.returncode == int(not all(figure["holds"] for figure in figures.values()))
