"""What a test of rules is, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.attributes.facts import CustomerFacts
from engine.conditions.environment import Happening
from engine.conditions.types import Value
from engine.language.issues import Span
from engine.ruletests.scenario import Scenario
from engine.simulation.ways import Way
from engine.standing.cut_offs import CutOffs
from engine.standing.decide import HandTag, Standing

SETS = ("tags", "segments")
NAMES = ("stage", "tier", "rfm_group")
SCORES = ("rfm_recency", "rfm_frequency", "rfm_monetary")


@dataclass(frozen=True, slots=True)
class Members:
    """What is expected of a set: exactly these, or some that must be in it and some that must not."""

    exact: frozenset[str] | None = None
    includes: frozenset[str] = frozenset()
    excludes: frozenset[str] = frozenset()

    def met_by(self, found: frozenset[str]) -> bool:
        """Whether a set is as expected."""
        if self.exact is not None:
            return found == self.exact
        return self.includes <= found and self.excludes.isdisjoint(found)

    def concerns(self, name: str) -> bool:
        """Whether anything is said of a member."""
        return self.exact is not None or name in self.includes or name in self.excludes

    def turned(self) -> "Members | None":
        """What must be in must not, and the other way; None for an exact set, which has no opposite."""
        return None if self.exact is not None else Members(None, self.excludes, self.includes)


@dataclass(frozen=True, slots=True)
class Expected:
    """One expectation: of `tags`, `segments`, `stage`, a score, or `attribute NAME`. None: unknown, or none."""

    what: str
    value: Value | Members
    at: Span


@dataclass(frozen=True, slots=True)
class Case:
    """One test. `at` in microseconds since the epoch; `currency` is the reporting one."""

    name: str
    file: str
    span: Span
    at: int
    currency: str | None
    facts: CustomerFacts
    expected: tuple[Expected, ...]
    cut_offs: CutOffs | None = None
    previous: Standing | None = None
    hand_tags: tuple[HandTag, ...] = ()
    events: tuple[tuple[str, Happening], ...] = ()
    """Those that the facts do not tell, with their kind."""
    scenario: Scenario | None = None
    """Of a test of a playbook: what journeys must do from `at` on."""


class Line(NamedTuple):
    """A line of what a journey was expected to do and of what it did, in words, and whether they are the same."""

    expected: str
    found: str
    same: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """One expectation that was not met, and why: the deciding clauses, in words, or both sides line by line."""

    what: str
    at: Span
    expected: str
    found: str
    why: tuple[str, ...] = ()
    table: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a test, and which clauses it decided, and which way."""

    case: Case
    differences: tuple[Difference, ...] = ()
    decided: Mapping[str, frozenset[bool]] = field(default_factory=dict)
    ways: frozenset[tuple[str, Way]] = frozenset()
    """Ways of playbooks that journeys took."""

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.differences
