"""What has become of messages since the shop's midnight."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from engine.operations.counted import count_messages

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Today:
    """Messages by what has become of them since an instant; `skipped` by reason."""

    since: datetime
    sent: int
    failed: int
    deferred: int
    skipped: Mapping[str, int]


def midnight(now: datetime, zone: str) -> datetime:
    """The instant at which the present day began in a zone, in UTC."""
    local = now.astimezone(ZoneInfo(zone))
    return local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)


def read_today(connection: Connection, since: datetime) -> Today:
    """Counts the messages that came into their present state since an instant."""
    states: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for each in count_messages(connection, since):
        states[each.state] += each.count
        if each.reason is not None:
            reasons[each.reason] += each.count
    return Today(since, states["sent"], states["failed"], states["deferred"], dict(reasons.most_common()))
