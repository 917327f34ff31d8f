"""A channel's limit: a token bucket in PostgreSQL, so that it holds over all workers.

The bucket is one instant, `next_at`: when the next message may leave if messages leave evenly. It lies in the past by
at most as much as the burst allows. Who finds no token near enough is told a turn in a queue, `queue_at`, and comes
back then; who comes anew while there is a queue lines up behind it, but for what everybody must be told.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg

from engine.policy import Limit

NEAR = timedelta(seconds=2)
"""How long a send waits in place for its token, where waits are real: longer ones are timers."""

_READ = "select next_at, queue_at from channel_limits where channel = %s for update"
_MAKE = "insert into channel_limits (channel, next_at, queue_at) values (%s, %s, %s) on conflict do nothing"
_WRITE = "update channel_limits set next_at = %s, queue_at = %s where channel = %s"


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
        urgent: it does not line up at all.
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
    next_at, queue_at = _read(connection, channel, moment - limit.apart * (limit.burst - 1), moment)
    turn = next_at if claim.returning or claim.urgent or claim.must else max(next_at, queue_at)
    if claim.must or turn <= moment + claim.near:
        connection.execute(_WRITE, (next_at + limit.apart, queue_at, channel))
        return Token(next_at)
    if claim.urgent:
        return Queued(next_at - claim.near / 2)
    turn = max(next_at, queue_at)
    connection.execute(_WRITE, (next_at, turn + limit.apart, channel))
    return Queued(turn - claim.near / 2)


def _read(
    connection: psycopg.Connection[Any], channel: str, full: datetime, moment: datetime
) -> tuple[datetime, datetime]:
    """The next token's instant, in a bucket that has been filling up until now, and the next turn of the queue."""
    row = connection.execute(_READ, (channel,)).fetchone()
    if row is None:
        connection.execute(_MAKE, (channel, full, moment))
        row = connection.execute(_READ, (channel,)).fetchone()
    if row is None:
        raise LookupError("a row that is there cannot be read")
    return max(row[0], full), max(row[1], moment)
