"""A test of a playbook, as data: what the world answers, and what journeys must do in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.language.issues import Span
from engine.simulation.answers import Answers
from engine.simulation.history import ToldEvent
from engine.simulation.log import What

QUIET: frozenset[What] = frozenset({"begins", "waits", "held"})
"""What a test may pass over: it is compared where the test names one of its kind."""


@dataclass(frozen=True, slots=True)
class Instants:
    """When something must happen: at an instant, or not before one and before another; microseconds since the epoch."""

    at: int | None = None
    after: int | None = None
    before: int | None = None

    def met_by(self, found: int) -> bool:
        """Whether an instant is one of them."""
        if self.at is not None and found != self.at:
            return False
        return (self.after is None or found >= self.after) and (self.before is None or found < self.before)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing that a journey must do. `name` empty: of any step; `told`: more about it, instants as microseconds."""

    what: What
    name: str
    at: Span
    instants: Instants = Instants()
    told: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A test of a playbook beside its facts.

    Attributes:
        playbook: the one under test; with it run those that it starts by a step.
        journeys: what each of its journeys must do, in the order in which they begin.
        told: events that no row of facts tells.
        answers: what the world outside answers, by step.
        until: where the clock stops, in microseconds; None: when all is over.
        arms: which arm of each experiment the first subject gets.
        holdout: whether the customer is in the playbook's holdout.
        span: of what is expected.
    """

    playbook: str
    journeys: tuple[tuple[Wanted, ...], ...]
    told: tuple[ToldEvent, ...]
    answers: Answers
    until: int | None
    holdout: bool
    arms: Mapping[str, str]
    span: Span
