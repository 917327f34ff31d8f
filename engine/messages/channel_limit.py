"""A channel's limit: a token bucket in PostgreSQL, so that it holds over all workers.

The bucket is one instant, `next_at`: when the next message may leave if messages leave evenly. It lies in the past by
at most as much as the burst allows. Who finds no token near enough is told a turn in a queue and comes back then; who
comes anew while there is a queue lines up behind it. What everybody must be told has a queue of its own, `urgent_at`,
which goes first; all others are in `queue_at`. Each instant is that of the last turn given out, and one more.
"""

from dataclasses import dataclass
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
    next_at, queue_at, urgent_at = _read(connection, channel, moment - limit.apart * (limit.burst - 1), moment)
    ahead = next_at if claim.urgent else max(next_at, urgent_at)
    last = max(ahead, urgent_at if claim.urgent else queue_at)
    if claim.must or (ahead if claim.returning else last) <= moment + claim.near:
        connection.execute(_TAKE, (next_at + limit.apart, channel))
        return Token(next_at)
    connection.execute(_LINE_UP_FIRST if claim.urgent else _LINE_UP, (last + limit.apart, channel))
    return Queued(last - claim.near / 2)


def _read(
    connection: psycopg.Connection[Any], channel: str, full: datetime, moment: datetime
) -> tuple[datetime, datetime, datetime]:
    """The next token's instant, in a bucket that has been filling up until now, and the next turn of each queue."""
    row = connection.execute(_READ, (channel,)).fetchone()
    if row is None:
        connection.execute(_MAKE, (channel, full, moment, moment))
        row = connection.execute(_READ, (channel,)).fetchone()
    if row is None:
        raise LookupError("a row that is there cannot be read")
    return max(row[0], full), max(row[1], moment), max(row[2], moment)
