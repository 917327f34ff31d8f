"""Compiled rules against the same written by hand: `make bench NAME=rules`, or a part: `ARGS='--only scale'`.

One customer at a time: forty shipped attributes of customers with ten order lines, and five conditions, against
Python. At scale: sixty attributes of a million customers with ten million order lines, RFM and fifty rules, against
DuckDB and pandas. All sides must give the same before anything is measured; then they take turns, and the best of each
counts. `--small` tries everything out; `--huge` takes three million customers under a limit of 2 GB.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.at_scale.measure import FULL, SMALL, at_scale, huge
from bench.at_scale.measure import TURNS as TURNS_AT_SCALE
from bench.by_hand import attributes as by_hand
from bench.by_hand.conditions import CONDITIONS, LAMBDAS, YAML
from bench.by_hand.customers import CURRENCY, NOW, customers, values
from bench.figures import ROOT, Figure, show
from engine.attributes.fold import compile_fold
from engine.conditions.compile import compile_condition
from engine.conditions.environment import Known
from engine.language.rules import Rules, compile_rules, load_rules

CUSTOMERS = 500
ATTRIBUTES = 40
TURNS = 15
FOLD_AT_LEAST = 0.5
CONDITIONS_AT_LEAST = 0.3


def main() -> int:
    """Measures and prints; 1 if a bound does not hold."""
    options = _options()
    parts: dict[str, Callable[[], list[Figure]]] = {
        "fold": _fold,
        "conditions": _conditions,
        "scale": lambda: at_scale(SMALL if options.small else FULL, options.turns),
    }
    if options.huge:
        return show("rules-huge", huge())
    figures = [figure for name in options.only or parts for figure in parts[name]()]
    return show("rules-small" if options.small else "rules", figures)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compiled rules against the same by hand.")
    parser.add_argument("--only", action="append", choices=["fold", "conditions", "scale"], help="a part of it")
    parser.add_argument("--small", action="store_true", help="a fiftieth at scale: its ratios say nothing")
    parser.add_argument("--huge", action="store_true", help="three times as many customers under a limit of memory")
    parser.add_argument("--turns", type=int, default=TURNS_AT_SCALE, help="how often each side works at scale")
    return parser.parse_args()


def _fold() -> list[Figure]:
    people = customers(CUSTOMERS)
    names = by_hand.attributes(people[0], NOW, CURRENCY).keys()
    if len(names) != ATTRIBUTES:
        sys.exit(f"{len(names)} attributes are written by hand, not {ATTRIBUTES}")
    fold = compile_fold(load_rules(ROOT / "rules").catalogue, currency=CURRENCY, only=names)
    for person in people:
        _same(f"customer {person.customer_id}", fold(person, NOW), by_hand.attributes(person, NOW, CURRENCY))
    compiled, written = _measured(
        lambda: [fold(person, NOW) for person in people],
        lambda: [by_hand.attributes(person, NOW, CURRENCY) for person in people],
    )
    return [
        Figure("40 attributes by hand, microseconds a customer", round(written / CUSTOMERS * 1e6, 1)),
        Figure("40 attributes by fold, microseconds a customer", round(compiled / CUSTOMERS * 1e6, 1)),
        Figure("fold, times the speed by hand", round(written / compiled, 2), at_least=FOLD_AT_LEAST),
    ]


def _conditions() -> list[Figure]:
    known = values(CUSTOMERS)
    asked = [Known(attributes=each) for each in known]
    figures, compiled_all, written_all = [], 0.0, 0.0
    rules = _compiled()
    types = {name: definition.type for name, definition in rules.catalogue.items()}
    for segment in rules.standing.segments:
        name, by_lambda = segment.name, LAMBDAS[segment.name]
        predicate = compile_condition(segment.when, currency=CURRENCY, types=types)
        for environment, attributes in zip(asked, known, strict=True):
            _same(f"condition {name} of {attributes}", predicate(environment), by_lambda(attributes))
        compiled, written = _measured(
            lambda predicate=predicate: [predicate(environment) for environment in asked],
            lambda by_lambda=by_lambda: [by_lambda(attributes) for attributes in known],
        )
        compiled_all, written_all = compiled_all + compiled, written_all + written
        figures.append(Figure(f"condition {name}, times the speed of a lambda", round(written / compiled, 2)))
    all_of_them = Figure(
        "conditions, times the speed of lambdas", round(written_all / compiled_all, 2), at_least=CONDITIONS_AT_LEAST
    )
    return [*figures, all_of_them]


def _compiled() -> Rules:
    """The conditions as the language reads them, each as a segment's."""
    segments = "".join(f"  {name}:\n    title: {name}\n    when: {text}\n" for name, text in YAML.items())
    rules = compile_rules({"attributes.yaml": CONDITIONS, "segments.yaml": f"segments:\n{segments}"})
    errors = [issue for issue in rules.issues if issue.severity == "error"]
    if errors:
        sys.exit("\n".join(map(str, errors)))
    return rules


def _same(what: str, compiled: object, written: object) -> None:
    if compiled != written:
        sys.exit(f"{what}: the compiled rules give {compiled}, by hand it is {written}")


def _measured(first: Callable[[], object], second: Callable[[], object]) -> tuple[float, float]:
    """The least seconds that each took, in turns, so that what else runs on the machine is shared."""
    best = [float("inf"), float("inf")]
    for _ in range(TURNS):
        for place, run in enumerate((first, second)):
            started = time.perf_counter()
            run()
            best[place] = min(best[place], time.perf_counter() - started)
    return best[0], best[1]


if __name__ == "__main__":
    sys.exit(main())
