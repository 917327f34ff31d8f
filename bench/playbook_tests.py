"""How many tests of playbooks run in a second without servers: `make bench NAME=playbook_tests`.

All shipped tests of playbooks, lived through on the virtual clock and compared with what they expect, again and
again for some seconds. Rules and tests are compiled once, before. `--seconds 5` measures longer.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.figures import ROOT, Figure, show
from engine.language.rules import Rules, load_rules
from engine.ruletests.case import Case
from engine.ruletests.read import read_tests
from engine.ruletests.run import Runner

AT_LEAST = 500
SECONDS = 3.0


def main() -> int:
    """Measures and prints; 1 if the bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long to measure")
    return show("playbook_tests", playbook_tests(parser.parse_args().seconds))


def playbook_tests(seconds: float = SECONDS) -> list[Figure]:
    """How many tests of playbooks run in a second of processor time, over all that ship.

    Args:
        seconds: for how long they run at least.
    """
    began = time.process_time()
    rules = load_rules(ROOT / "rules")
    cases = shipped(rules)
    read = time.process_time() - began
    return [
        Figure("shipped tests of playbooks", len(cases)),
        Figure("rules and tests read and compiled, seconds of a processor", round(read, 1)),
        Figure("tests of playbooks a second of a processor", round(a_second(rules, cases, seconds)), at_least=AT_LEAST),
    ]


def shipped(rules: Rules) -> list[Case]:
    """The shipped tests of playbooks."""
    return [case for case in read_tests(rules).cases if case.story is not None]


def a_second(rules: Rules, cases: Sequence[Case], seconds: float) -> float:
    """Tests a second of processor time; whatever else the machine does at the same time is left out.

    Args:
        rules: whose playbooks are tested.
        cases: the tests; each must pass.
        seconds: for how long they run at least.
    """
    runner = Runner(rules)
    failed = [case.name for case in cases if not runner(case).passed]  # compiles what is compiled once, too
    if failed:
        sys.exit(f"{len(failed)} tests fail, such as {failed[0]!r}: a test that fails may end early")
    began, rounds = time.process_time(), 0
    while time.process_time() - began < seconds or not rounds:
        for case in cases:
            runner(case)
        rounds += 1
    return rounds * len(cases) / (time.process_time() - began)


if __name__ == "__main__":
    sys.exit(main())
