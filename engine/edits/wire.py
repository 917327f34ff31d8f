"""What crosses the border to Temporal for an edit: names of ours, numbers and instants, never a customer's data."""

from dataclasses import dataclass, field

PREFIX = "edits"
"""The workflow's type, and its id's beginning: `edits/PLAYBOOK/NUMBER`."""


def workflow_id(playbook: str, edit: int) -> str:
    """The id of the workflow that carries out an edit."""
    return f"{PREFIX}/{playbook}/{edit}"


@dataclass(frozen=True)
class EditStart:
    """The workflow's input.

    Attributes:
        edit: its row.
        playbook: its name.
        grace: seconds after which it is looked once more for journeys that a worker began by the version before.
        after: where it goes on in a pass, after it has continued as new.
        looked: whether that last look is the one it is at.
    """

    edit: int
    playbook: str
    grace: float = 60.0
    after: int = 0
    looked: bool = False


@dataclass(frozen=True)
class EditRequest:
    """The next batch of an edit's journeys: those behind the journey `after`."""

    edit: int
    after: int = 0


@dataclass(frozen=True)
class EditBatch:
    """What came of one batch.

    Attributes:
        after: the last journey looked at; None if the pass is through.
        open: how many have not followed yet.
        counts: how many journeys of the edit are in each state.
        over: whether the edit is not to be carried out any more.
    """

    after: int | None = None
    open: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    over: bool = False

    def in_words(self) -> str:
        """How far it has come: `12 migrated, 3 told`."""
        return ", ".join(f"{count:,} {state}" for state, count in sorted(self.counts.items())) or "none yet"
