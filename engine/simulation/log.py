"""What a simulation says has happened, in order."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, NamedTuple

What = Literal[
    "send",
    "task",
    "tag",
    "untag",
    "coupon",
    "points",
    "call",
    "webhook",
    "update",
    "move",
    "start",
    "end",
    "stop",
    "fail",
]
Became = Literal["done", "skipped", "failed"]


_NOTHING: Mapping[str, object] = {}


class Entry(NamedTuple):
    """One thing that a journey did, or how it ended.

    Attributes:
        at: the logical instant.
        playbook: whose journey.
        journey: its number in the simulation, from 1.
        what: the kind of step, or how the journey ended.
        name: the step; of a tag the tag; of an end, stop or failure the outcome.
        state: what became of it.
        reason: why it was skipped or failed.
        more: template and channel of a message, title and team of a task, points.
    """

    at: datetime
    playbook: str
    journey: int
    what: What
    name: str
    state: Became = "done"
    reason: str | None = None
    more: Mapping[str, object] = _NOTHING


Edge = tuple[str, int, int]
"""A playbook's way from one instruction to another; from -1: where its journeys begin."""
STOP = -2
"""In place of both instructions: the way out by a stop."""
