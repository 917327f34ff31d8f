"""Where a journey stands, as data: all that the interpreter knows besides the plan."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from engine.journeys.inputs import Told

Awaiting = Literal["answer", "timer", "event", "release", "join", "moved"]


@dataclass(frozen=True, slots=True)
class Position:
    """The instruction a journey stands at and what it waits for there.

    `answer`: a command is being carried out. `timer`: a wait step. `event`: a wait_for step. `release`: a send that may
    not leave before `due`. `join`: branches that go on by themselves. `moved`: the step it waited at is gone; it goes
    on with this one at `due`.
    """

    index: int
    awaiting: Awaiting
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """A round of the repetition that begins at an instruction, from 1, and when it began."""

    index: int
    number: int
    began: datetime


class State(NamedTuple):
    """A journey's state. `now` is logical time: the latest instant the journey has lived through."""

    started_at: datetime
    now: datetime
    position: Position | None = None
    arrived_at: datetime | None = None
    """When the journey arrived at the present step: what a deferred send was due at."""
    outcomes: tuple[tuple[str, str], ...] = ()
    reasons: tuple[tuple[str, str], ...] = ()
    """Why a step was skipped, failed or left in doubt, for people who read the journey."""
    finished: bool = False
    subject: str = ""
    rounds: tuple[Round, ...] = ()
    """The repetitions that the journey is in, the outermost first."""
    branches: tuple["State", ...] = ()
    """What goes on at once, each with a clock and a place of its own."""
    joined: bool = False
    """Of a branch: it has come to its end."""
    path: tuple[tuple[int, int], ...] = ()
    """The latest way: from which instruction to which it went; from -1 where it began. For whoever watches."""
    pending: tuple[Told, ...] = ()
    """Of a branch: what it was told while a command of its own was out."""

    def arrived(self, path: tuple[tuple[int, int], ...]) -> "State":
        """The same, come this way just now; `_replace` costs thrice as much, and this is done at each step."""
        since, now, position, _, *between, _, pending = self
        return State._make((since, now, position, now, *between, path, pending))

    def standing(self, position: Position) -> "State":
        """The same at another position; likewise."""
        return State._make((self.started_at, self.now, position, *self[3:]))

    def outcome(self, step: str) -> str | None:
        """What has become of a step, if it has been taken."""
        return dict(self.outcomes).get(step)
