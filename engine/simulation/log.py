"""What happens in a world, in order: what journeys do and wait for, and how they end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

What = Literal[
    "begins", "waits", "held", "sent", "skipped", "failed", "task", "tag", "untag", "coupon", "points", "webhook",
    "call", "update", "move", "start", "ends", "stopped", "fails",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that a journey does or meets. `name` is the step's, or the outcome's or trigger's."""

    journey: int
    at: datetime
    what: What
    name: str
    told: Mapping[str, object] = field(default_factory=dict)
    """More about it: channel, template, reason, until, team, ..."""
