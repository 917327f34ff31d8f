"""What became of everything in a replay, as a few small tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Summary:
    """One table."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]


_JOURNEYS = """
select playbook, count(*), count(*) filter (where state = 'ended'),
       count(*) filter (where state = 'stopped' and outcome <> 'replay-ended'),
       count(*) filter (where state = 'failed'), count(*) filter (where outcome = 'replay-ended')
  from journeys group by 1 order by 1
"""
_CHANNELS = """
select channel, count(*) filter (where state = 'sent'), count(*) filter (where state = 'skipped'),
       count(*) filter (where state not in ('sent', 'skipped'))
  from messages group by 1 order by 1
"""
_SKIPS = "select reason, count(*) from messages where state = 'skipped' group by 1 order by 2 desc, 1"
_CHANGES = """
select kind, coalesce("from", '-'), coalesce("to", '-'), count(*) from standing_changes
 where kind in ('stage', 'tier') and cause <> 'baseline' group by 1, 2, 3 order by 1, 4 desc, 2, 3
"""
_COUPONS = """
select pool, count(key), count(*) filter (where key is not null and redeemed_at is not null),
       count(*) filter (where customer_id is null)
  from coupons group by 1 order by 1
"""
_POINTS = "select kind, count(*), sum(points) from points_entries where key like '%%/%%' group by 1 order by 1"
_TABLES: tuple[tuple[str, tuple[str, ...], LiteralString], ...] = (
    ("journeys", ("playbook", "begun", "finished", "stopped", "failed", "open at the end"), _JOURNEYS),
    ("messages", ("channel", "sent", "skipped", "other"), _CHANNELS),
    ("why messages were skipped", ("reason", "messages"), _SKIPS),
    ("changes of stage and tier", ("what", "from", "to", "customers"), _CHANGES),
    ("coupons", ("pool", "given", "redeemed", "free"), _COUPONS),
    ("points", ("entries", "how many", "points"), _POINTS),
)


def summaries(connection: Connection) -> list[Summary]:
    """Journeys by playbook, messages by channel, skips by reason, changes of standing, coupons and points."""
    found = ((title, columns, connection.execute(query).fetchall()) for title, columns, query in _TABLES)
    return [Summary(title, columns, rows) for title, columns, rows in found if rows]
