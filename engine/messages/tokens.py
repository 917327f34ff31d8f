"""A token bucket as data: what a channel's limit gives to whoever asks, and what the bucket is after it.

The bucket is one instant, `next_at`: when the next message may leave if messages leave evenly. It lies in the past by
at most as much as the burst allows. Who finds no token near enough is told a turn in a queue and comes back then; who
comes anew while there is a queue lines up behind it. What everybody must be told has a queue of its own, `urgent_at`,
which goes first; all others are in `queue_at`. Each instant is that of the last turn given out, and one more.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from engine.policy import Limit


@dataclass(frozen=True, slots=True)
class Token:
    """A token: the message may leave at this instant, at once if it has passed."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Queued:
    """No token is near; the message has its turn at about this instant."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """Who asks for a token.

    Attributes:
        near: how far ahead the token may lie.
        returning: the message has had its turn in the queue.
        urgent: it lines up before all that is not.
        must: it takes the next token however far ahead, because it may have left already.
    """

    near: timedelta
    returning: bool = False
    urgent: bool = False
    must: bool = False


@dataclass(frozen=True, slots=True)
class Bucket:
    """A channel's bucket."""

    next_at: datetime
    queue_at: datetime
    urgent_at: datetime

    @classmethod
    def full(cls, limit: Limit, moment: datetime) -> "Bucket":
        """One of which nothing has been taken for long."""
        return cls(moment - limit.apart * (limit.burst - 1), moment, moment)

    def filled(self, limit: Limit, moment: datetime) -> "Bucket":
        """The same, which has been filling up until a moment."""
        least = Bucket.full(limit, moment)
        return Bucket(max(self.next_at, least.next_at), max(self.queue_at, moment), max(self.urgent_at, moment))

    def ask(self, limit: Limit, moment: datetime, claim: Claim) -> tuple[Token | Queued, "Bucket"]:
        """A token or a turn in the queue, and the bucket after it."""
        ahead = self.next_at if claim.urgent else max(self.next_at, self.urgent_at)
        last = max(ahead, self.urgent_at if claim.urgent else self.queue_at)
        if claim.must or (ahead if claim.returning else last) <= moment + claim.near:
            return Token(self.next_at), replace(self, next_at=self.next_at + limit.apart)
        turn = last + limit.apart
        after = replace(self, urgent_at=turn) if claim.urgent else replace(self, queue_at=turn)
        return Queued(last - claim.near / 2), after
