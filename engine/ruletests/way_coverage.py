"""Coverage of playbooks: of all ways through them, which did tests take."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from engine.journeys.plan import Plan
from engine.language.issues import Report
from engine.language.located import Mapping, Scalar
from engine.language.reader import read
from engine.language.rules import Rules, is_test
from engine.language.steps.numbering import number
from engine.language.steps.registry import KINDS
from engine.ruletests.case import Outcome
from engine.simulation.ways import STOPS, Way, ways_of


@dataclass(frozen=True, slots=True)
class CoveredWay:
    """One way through a playbook: where its step stands, what it is called, and whether a test took it."""

    playbook: str
    way: Way
    file: str
    line: int
    label: str
    taken: bool

    @property
    def text(self) -> str:
        """The way in words."""
        shown = f"{self.way} ({self.label})" if self.label else str(self.way)
        return f"{shown}: no test {'reaches it' if not self.way.way else 'goes this way'}"


def covered_ways(rules: Rules, outcomes: Iterable[Outcome]) -> tuple[CoveredWay, ...]:
    """All ways of all sound playbooks, by file and line; only tests that passed count."""
    taken = {way for outcome in outcomes if outcome.passed for way in outcome.ways}
    places = _places(rules)
    found = (each for plan in rules.plans.values() for each in _of(plan, taken, *places.get(plan.playbook, ("", {}))))
    return tuple(sorted(found, key=lambda each: (each.file, each.line)))


def _of(plan: Plan, taken: set[tuple[str, Way]], file: str, lines: dict[str, int]) -> Iterator[CoveredWay]:
    labels = {step.id: step.label for step in plan.code}
    for way in ways_of(plan):
        line = lines.get(way.step) or lines.get(way.step.partition("/")[0], 0)
        yield CoveredWay(plan.playbook, way, file, line, labels.get(way.step, ""), (plan.playbook, way) in taken)


def _places(rules: Rules) -> dict[str, tuple[str, dict[str, int]]]:
    """The file of each playbook, and the lines of its steps."""
    found = {}
    for path, text in rules.files.items():
        tree = read(text, Report(path)) if path.endswith((".yaml", ".yml")) and not is_test(path) else None
        named = tree.get("playbook") if isinstance(tree, Mapping) else None
        if isinstance(tree, Mapping) and isinstance(named, Scalar):
            steps, stop = tree.get("steps"), tree.entry("stop")
            ids = number(steps, KINDS, Report(path)).ids
            stops = {} if stop is None else {STOPS: stop.span.line}
            found[named.text] = (path, {name: span.line for span, name in ids.items()} | stops)
    return found
