"""What the workflows by hand are given and answer."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class About:
    """Which playbook, for which order, from when on."""

    playbook: str
    order: int
    started: datetime


@dataclass(frozen=True)
class Told:
    """What has come: an event, or (without a kind) the instant that was waited for."""

    at: datetime
    kind: str = ""


@dataclass(frozen=True)
class Standing:
    """Until when it waits; none when it is over."""

    due: datetime | None


@dataclass(frozen=True)
class Sent:
    """Whether a message left, or until when it is kept back."""

    until: datetime | None


@dataclass(frozen=True)
class Facts:
    """An order as of an instant."""

    cancelled: bool
    delivered: bool
    promised: datetime | None
    score: int | None
    orders: int
    spent: int
