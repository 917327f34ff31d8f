"""A channel's limit: a token bucket in PostgreSQL, so that it holds over all workers; `tokens.py` is the bucket."""

from datetime import datetime, timedelta
from typing import Any

import psycopg

from engine.messages.tokens import Bucket, Claim, Queued, Token
from engine.policy import Limit

NEAR = timedelta(seconds=2)
"""How long a send waits in place for its token, where waits are real: longer ones are timers."""

_READ = "select next_at, queue_at, urgent_at from channel_limits where channel = %s for update"
_MAKE = (
    "insert into channel_limits (channel, next_at, queue_at, urgent_at) values (%s, %s, %s, %s) on conflict do nothing"
)
_WRITE = "update channel_limits set next_at = %s, queue_at = %s, urgent_at = %s where channel = %s"


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
    kept = _read(connection, channel, Bucket.full(limit, moment))
    answer, bucket = kept.filled(limit, moment).ask(limit, moment, claim)
    connection.execute(_WRITE, (bucket.next_at, bucket.queue_at, bucket.urgent_at, channel))
    return answer


def _read(connection: psycopg.Connection[Any], channel: str, full: Bucket) -> Bucket:
    """The bucket as it was left, or a full one."""
    row = connection.execute(_READ, (channel,)).fetchone()
    if row is None:
        connection.execute(_MAKE, (channel, full.next_at, full.queue_at, full.urgent_at))
        row = connection.execute(_READ, (channel,)).fetchone()
    if row is None:
        raise LookupError("a row that is there cannot be read")
    return Bucket(*row)
