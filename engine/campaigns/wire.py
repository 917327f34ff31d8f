"""What crosses the border to Temporal for a campaign: names of ours, numbers and instants, never a customer's data."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

PREFIX = "campaign"
"""The workflow's type, and its id's beginning: `campaign/NAME`."""

Held = Literal["", "paused", "killed"]


def workflow_id(name: str) -> str:
    """The id of a campaign's workflow."""
    return f"{PREFIX}/{name}"


@dataclass(frozen=True)
class WaveTimes:
    """A wave as the workflow needs it: everything else is read from the campaign's version."""

    id: str
    label: str
    at: datetime
    ends: datetime


@dataclass(frozen=True)
class CampaignStart:
    """The workflow's input. `wave` is where it goes on after it has continued as new."""

    run: int
    name: str
    version: str
    waves: list[WaveTimes]
    wave: int = 0


@dataclass(frozen=True)
class WaveRequest:
    """One wave of a run. `after`: of a batch, the last message that was looked at in this pass."""

    run: int
    name: str
    version: str
    wave: str
    after: int = 0


@dataclass(frozen=True)
class Counts:
    """How many messages of a wave are in each state."""

    planned: int = 0
    sent: int = 0
    skipped: int = 0
    waiting: int = 0
    failed: int = 0

    @property
    def all(self) -> int:
        """All of them."""
        return self.planned + self.sent + self.skipped + self.waiting + self.failed

    def in_words(self, of: int) -> str:
        """How far a wave of so many messages has come: `3 of 9 sent, 1 held back`."""
        parts = [f"{self.sent:,} of {of:,} sent"]
        parts += [f"{self.skipped:,} skipped"] if self.skipped else []
        parts += [f"{self.waiting:,} held back"] if self.waiting else []
        parts += [f"{self.failed:,} failed or in doubt"] if self.failed else []
        return ", ".join(parts)

    def plus(self, other: "Counts") -> "Counts":
        """Both together."""
        return Counts(
            self.planned + other.planned,
            self.sent + other.sent,
            self.skipped + other.skipped,
            self.waiting + other.waiting,
            self.failed + other.failed,
        )


@dataclass(frozen=True)
class Batch:
    """What came of one batch.

    Attributes:
        after: the last message looked at; None if the pass is through.
        done: what became of the messages of this batch.
        left: messages that could not be handed over now; they are tried again in the next pass.
        held: whether somebody has paused or killed the campaign.
        until: when to look again; of a pass that is through, when the next message may leave. None: nothing is open.
        so_far: after a pass, of all messages of the wave.
    """

    after: int | None = None
    done: Counts = field(default_factory=Counts)
    left: int = 0
    held: Held = ""
    until: datetime | None = None
    so_far: Counts | None = None


@dataclass(frozen=True)
class EndRequest:
    """The end of a run: `ended`, or `killed` by somebody, or `cancelled` in Temporal."""

    run: int
    name: str
    state: Literal["ended", "killed", "cancelled"]
    wave: str | None = None
