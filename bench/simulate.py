"""How fast tests of playbooks run in the simulator: `make bench NAME=simulate`.

All shipped tests of playbooks, with rules that are compiled already; each must pass. It is the processor's time of this
process that is measured, and the best of several rounds counts, so that what else runs on the machine is left out.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.figures import ROOT, Figure, show
from engine.language.rules import load_rules
from engine.ruletests.case import Case
from engine.ruletests.read import read_tests
from engine.ruletests.run import Runner

ROUNDS = 12
TESTS_AT_LEAST = 500


def main() -> int:
    """Measures and prints; 1 if a bound does not hold."""
    rules = load_rules(ROOT / "rules")
    cases = [case for case in read_tests(rules).cases if case.scenario is not None]
    runner = Runner(rules)
    failed = [case.name for case in cases if not runner(case).passed]
    if failed:
        sys.exit(f"tests of playbooks fail: {', '.join(failed)}")
    best = min(_seconds(runner, cases) for _ in range(ROUNDS))
    return show(
        "simulate",
        [
            Figure("tests of playbooks", len(cases)),
            Figure("playbook tests in a second", round(len(cases) / best), at_least=TESTS_AT_LEAST),
        ],
    )


def _seconds(runner: Runner, cases: list[Case]) -> float:
    started = time.process_time()
    for case in cases:
        runner(case)
    return time.process_time() - started


if __name__ == "__main__":
    sys.exit(main())
