"""Processes of an evaluation end with the one that asked for them."""

import os
import subprocess
import sys
import time

import psutil

from tests.docs.pages import ROOT

EVALUATING = """
import sys, time
from datetime import UTC, datetime
from concurrent.futures import wait
from engine.evaluation import work
from engine.evaluation.processes import processes_for
from engine.language.rules import compile_rules

if __name__ == "__main__":
    now = datetime.now(UTC)
    begun = sys.argv[1], "public", work.Order(compile_rules({}), "EUR", now, now, write=False)
    with processes_for(2, 2, work.begin, begun, work.end) as pool:
        wait([pool.submit(work.columns, []), pool.submit(time.sleep, 0.2)])
        print("ready", flush=True)
        time.sleep(600)
"""


def test_a_killed_evaluation_leaves_no_process_behind(database, tmp_path):
    script = tmp_path / "evaluating.py"
    script.write_text(EVALUATING)
    with subprocess.Popen(
        [sys.executable, str(script), database], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as evaluating:
        assert evaluating.stdout.readline() == b"ready\n"
        workers = psutil.Process(evaluating.pid).children(recursive=True)
        assert len(workers) >= 2
        evaluating.kill()
    deadline = time.monotonic() + 60
    while left := [each for each in workers if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]:
        assert time.monotonic() < deadline, f"left behind: {left}"
        time.sleep(0.05)
