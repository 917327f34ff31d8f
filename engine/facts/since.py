"""What of a subject's happenings counts for a journey of it."""

from dataclasses import dataclass
from datetime import datetime

ONCE = (
    "order.placed", "order.paid", "order.packed", "order.shipped", "order.delivered", "order.cancelled",
    "shipment.shipped", "shipment.out_for_delivery", "shipment.delivered", "shipment.lost", "case.opened",
)  # fmt: skip
"""What happens to one order, parcel or case once: of that one it counts also from before a journey began."""


@dataclass(frozen=True)
class Occurrence:
    """An event of the subject and its instant."""

    event: str
    at: datetime


@dataclass(frozen=True)
class Since:
    """When a journey began and the kind of event that started it, which does not count as a later one of its kind."""

    at: datetime
    started_by: str | None = None

    def counts(self, kind: str, at: datetime, subject: str) -> bool:
        """Whether something of a kind, at an instant, counts for a journey of such a subject, being about that one."""
        if kind in ONCE and kind.partition(".")[0] == subject:
            return True
        return at > self.at or (at == self.at and kind != self.started_by)


def change_name(kind: str, before: str | None, after: str | None) -> str:
    """A change of standing as journeys name what stopped them: `stage active -> sleeping`, `segment -> dormant`."""
    return " ".join(part for part in (kind, before, "->", after) if part)
