"""Coverage: which clauses of the rules tests decided both ways, and which ways of playbooks they took."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from engine.language.rules import Rules
from engine.ruletests.case import Outcome
from engine.ruletests.clauses import Clause, clauses
from engine.ruletests.places import Places
from engine.ruletests.way_coverage import CoveredWay, covered_ways
from engine.ruletests.words import clause_text


@dataclass(frozen=True, slots=True)
class Covered:
    """One clause: where it stands, and which ways tests decided it."""

    clause: Clause
    file: str
    line: int
    ways: frozenset[bool]

    @property
    def both(self) -> bool:
        """Whether it was decided both ways."""
        return len(self.ways) == 2

    @property
    def text(self) -> str:
        """The clause in words."""
        return self.clause.text if self.clause.condition is None else clause_text(self.clause.condition)

    @property
    def missing(self) -> str:
        """What no test shows, in words."""
        ways = {True: "it never decided by holding", False: "it never decided by failing"}
        return "no test decides it" if not self.ways else "".join(ways[way] for way in ways if way not in self.ways)


@dataclass(frozen=True, slots=True)
class Coverage:
    """All clauses of the rules and all ways through playbooks, by file and line."""

    clauses: tuple[Covered, ...]
    ways: tuple[CoveredWay, ...] = ()
    """Of all playbooks, likewise."""

    @property
    def both(self) -> int:
        """How many were decided both ways."""
        return sum(each.both for each in self.clauses)

    @property
    def hundredths(self) -> int:
        """The share of them in hundredths of a per cent, rounded down: 10000 only if all are. Of none, all are."""
        return 10_000 * self.both // len(self.clauses) if self.clauses else 10_000

    @property
    def taken(self) -> int:
        """How many ways tests took."""
        return sum(each.taken for each in self.ways)

    @property
    def hundredths_of_ways(self) -> int:
        """The share of them, likewise."""
        return 10_000 * self.taken // len(self.ways) if self.ways else 10_000

    def reaches(self, least: int) -> bool:
        """Whether so many per cent of the clauses and of the ways are covered."""
        return min(self.hundredths, self.hundredths_of_ways) >= least * 100

    def of(self, asked: Callable[[str], bool]) -> "Coverage":
        """That of some files alone, by their paths."""
        clauses = tuple(each for each in self.clauses if asked(each.file))
        return Coverage(clauses, tuple(each for each in self.ways if asked(each.file)))

    def by_file(self) -> dict[str, tuple[Covered, ...]]:
        """The clauses of each file."""
        files: dict[str, list[Covered]] = {}
        for each in self.clauses:
            files.setdefault(each.file, []).append(each)
        return {file: tuple(files[file]) for file in sorted(files)}


def coverage(rules: Rules, outcomes: Iterable[Outcome]) -> Coverage:
    """What tests covered of the rules; only tests that passed count."""
    outcomes, ways = tuple(outcomes), dict[str, set[bool]]()
    for outcome in outcomes:
        if outcome.passed:
            for key, verdicts in outcome.decided.items():
                ways.setdefault(key, set()).update(verdicts)
    places = Places(rules.files)
    found = [Covered(each, *places.of(each), frozenset(ways.get(each.key, ()))) for each in clauses(rules.standing)]
    of_clauses = tuple(sorted(found, key=lambda each: (each.file, each.line)))
    return Coverage(of_clauses, covered_ways(rules, outcomes))
