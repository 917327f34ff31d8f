"""Caps: how much one customer bears. Decided under the customer's lock from her own recent messages."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from engine.messages.reasons import INDEFINITE
from engine.policy import Cap, Policy


class Other(NamedTuple):
    """Another message of the customer's: one that counts (`until` is None), or one that waits for a later instant."""

    purpose: str
    channel: str
    at: datetime
    until: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Capped:
    """A cap without room, and the instant at which it has some, as far as is known now."""

    cap: Cap
    until: datetime


def look_back(policy: Policy) -> timedelta:
    """How far back messages can matter to a cap."""
    return timedelta(seconds=max((cap.per for cap in policy.caps), default=0))


def find_cap(policy: Policy, purpose: str, channel: str, moment: datetime, others: Iterable[Other]) -> Capped | None:
    """The cap that keeps a message back the longest; one that skips comes before all that delay.

    A place belongs first to messages of higher priority that already wait for an instant within the cap's time: they
    count as if they had left then.
    """
    if policy.transactional(purpose):
        return None
    known = [other for other in others if not policy.transactional(other.purpose)]
    found = [
        Capped(cap, until)
        for cap in policy.caps
        if concerns(cap, purpose, channel) and (until := _until(cap, policy, purpose, moment, known)) is not None
    ]
    return max(found, key=lambda capped: (capped.cap.do == "skip", capped.until), default=None)


def _until(cap: Cap, policy: Policy, purpose: str, moment: datetime, known: list[Other]) -> datetime | None:
    per = timedelta(seconds=cap.per)
    rank = policy.rank(purpose)
    instants = sorted(
        _instant(other)
        for other in known
        if concerns(cap, other.purpose, other.channel)
        and moment - per < _instant(other)
        and (other.until is None or (other.until < moment + per and policy.rank(other.purpose) < rank))
    )
    too_many = len(instants) - cap.at_most + 1
    return instants[too_many - 1] + per if too_many > 0 else None


def waits(reason: str | None) -> bool:
    """Whether a message held back for this reason keeps a place for itself."""
    return reason not in INDEFINITE


def _instant(other: Other) -> datetime:
    return other.at if other.until is None else other.until


def concerns(cap: Cap, purpose: str, channel: str) -> bool:
    """Whether a cap counts such messages."""
    return (not cap.purposes or purpose in cap.purposes) and (not cap.channels or channel in cap.channels)
