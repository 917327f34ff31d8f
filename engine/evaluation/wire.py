"""What crosses the border to Temporal for an evaluation that is split over workers: numbers of ours, nothing else."""

from dataclasses import dataclass

PREFIX = "evaluate"
"""The workflow's type, and its id's beginning: `evaluate/NUMBER`."""
BULK_QUEUE = "regulars-bulk"
"""The task queue of slices: a worker takes one at a time there, so that its journeys go on beside it."""

MOVED_ON = "moved_on"
"""The type of the failure that ends a run: other rules have come into force since it began."""


def workflow_id(run: int) -> str:
    """The id of a run's workflow."""
    return f"{PREFIX}/{run}"


@dataclass(frozen=True)
class EvaluationStart:
    """The workflow's input."""

    run: int
    slices: int


@dataclass(frozen=True)
class SliceRequest:
    """One slice of a run, or the run as a whole where no slice is named."""

    run: int
    slice: int = 0
