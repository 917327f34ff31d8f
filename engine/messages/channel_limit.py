"""A channel's limit: a token bucket in PostgreSQL, so that it holds over all workers.

The bucket is one instant, `next_at`: when the next message may leave if messages leave evenly. It lies in the past by
at most as much as the burst allows. Who finds no token near enough is told a turn in a queue and comes back then; who
comes anew while there is a queue lines up behind it. What everybody must be told has a queue of its own, `urgent_at`,
which goes first; all others are in `queue_at`. Each instant is that of the last turn given out, and one more.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import psycopg

from engine.policy import Limit

NEAR = timedelta(seconds=2)
"""How long a send waits in place for its token, where waits are real: longer ones are timers."""

_READ = "select next_at, queue_at, urgent_at from channel_limits where channel = %s for update"
_MAKE = (
    "insert into channel_limits (channel, next_at, queue_at, urgent_at) values (%s, %s, %s, %s) on conflict do nothing"
)
_TAKE = "update channel_limits set next_at = %s where channel = %s"
_LINE_UP = "update channel_limits set queue_at = %s where channel = %s"
_LINE_UP_FIRST = "update channel_limits set urgent_at = %s where channel = %s"


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
    """The instant of the next token, and of the next turn of each queue."""

    next_at: datetime
    queue_at: datetime
    urgent_at: datetime

    @classmethod
    def full(cls, limit: Limit, moment: datetime) -> "Bucket":
        """One that has been filling up until now."""
        return cls(moment - limit.apart * (limit.burst - 1), moment, moment)

    def filled(self, limit: Limit, moment: datetime) -> "Bucket":
        """It as of a later moment."""
        full = self.full(limit, moment)
        return Bucket(
            max(self.next_at, full.next_at), max(self.queue_at, full.queue_at), max(self.urgent_at, full.urgent_at)
        )


def take(
    connection: psycopg.Connection[Any], channel: str, limit: Limit, moment: datetime, claim: Claim
) -> Token | Queued:
    """Takes a token or a turn in the queue. The channel's row stays locked until the caller commits.

    Args:
        connection: in the caller's transaction, which locks nothing else any more.
        channel: whose limit.
        limit: the limit.
        moment: the instant of the decision.
        claim: who asks.
    """
    bucket = _read(connection, channel, limit, moment)
    after, answer = claimed(bucket, limit, moment, claim)
    if after.next_at != bucket.next_at:
        connection.execute(_TAKE, (after.next_at, channel))
    elif claim.urgent:
        connection.execute(_LINE_UP_FIRST, (after.urgent_at, channel))
    else:
        connection.execute(_LINE_UP, (after.queue_at, channel))
    return answer


def claimed(bucket: Bucket, limit: Limit, moment: datetime, claim: Claim) -> tuple[Bucket, Token | Queued]:
    """A token or a turn in the queue, and the bucket after that."""
    ahead = bucket.next_at if claim.urgent else max(bucket.next_at, bucket.urgent_at)
    last = max(ahead, bucket.urgent_at if claim.urgent else bucket.queue_at)
    if claim.must or (ahead if claim.returning else last) <= moment + claim.near:
        return replace(bucket, next_at=bucket.next_at + limit.apart), Token(bucket.next_at)
    line = "urgent_at" if claim.urgent else "queue_at"
    return replace(bucket, **{line: last + limit.apart}), Queued(last - claim.near / 2)


def _read(connection: psycopg.Connection[Any], channel: str, limit: Limit, moment: datetime) -> Bucket:
    full = Bucket.full(limit, moment)
    row = connection.execute(_READ, (channel,)).fetchone()
    if row is None:
        connection.execute(_MAKE, (channel, full.next_at, full.queue_at, full.urgent_at))
        row = connection.execute(_READ, (channel,)).fetchone()
    if row is None:
        raise LookupError("a row that is there cannot be read")
    return Bucket(*row).filled(limit, moment)
