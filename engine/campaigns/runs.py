"""Runs of campaigns: each name once. The row is the lasting guard, also when Temporal has forgotten the workflow."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row, tuple_row

from engine.campaigns.wire import Held
from engine.language.rules import Rules
from engine.messages.patience import after_pause

Connection = psycopg.Connection[Any]

_BEGIN = "insert into campaign_runs (campaign, version, started_at) values (%s, %s, %s) on conflict do nothing"
_UNTOLD = """
select id, campaign, version from campaign_runs where state = 'running' and told_at is null
 order by id for update skip locked
"""
_TOLD = "update campaign_runs set told_at = now() where id = %s"
_STIRRED = """
update campaign_runs r set seen_action = a.latest
  from (select r.id, max(a.id) as latest from campaign_runs r
          join actions a on a.journey_id is null and a.playbook in (r.campaign, '*')
         where r.state = 'running' and r.told_at is not null group by r.id) a
 where r.id = a.id and r.seen_action < a.latest returning r.campaign
"""
_RUNNING = "select campaign from campaign_runs where state = 'running' and told_at is not null order by id"
_CONTROLS = """
select playbook, state, at from playbook_controls where playbook in ('*', %s)
 order by state <> 'killed', playbook <> '*'
"""


@dataclass(frozen=True)
class Run:
    """A campaign under way, by the version it began with."""

    id: int
    campaign: str
    version: str


def begin_due(connection: Connection, rules: Rules, now: datetime) -> None:
    """Begins the campaigns whose first wave has come, unless all of it is past already; the caller commits."""
    for campaign in rules.campaigns.values():
        if campaign.starts and campaign.waves[0].at <= now < campaign.over:
            connection.execute(_BEGIN, (campaign.name, campaign.version, now))


def untold(connection: Connection) -> list[Run]:
    """Runs that Temporal may not know of, locked until the caller commits."""
    with connection.cursor(row_factory=class_row(Run)) as cursor:
        return cursor.execute(_UNTOLD).fetchall()


def mark_told(connection: Connection, run: int) -> None:
    """Temporal knows of the run."""
    connection.execute(_TOLD, (run,))


def stirred(connection: Connection) -> list[str]:
    """Campaigns that somebody has paused, resumed or killed since this was asked before; the caller commits."""
    return [row[0] for row in connection.execute(_STIRRED)]


def running(connection: Connection) -> list[str]:
    """Campaigns under way."""
    return [row[0] for row in connection.execute(_RUNNING)]


def states(connection: Connection) -> dict[str, str]:
    """The state of each campaign that has begun, by name."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        return dict(cursor.execute("select campaign, state from campaign_runs").fetchall())


def held(connection: Connection, rules: Rules, name: str, now: datetime) -> tuple[Held, datetime | None]:
    """Whether a campaign is paused or killed, by somebody or by the rules in force, and when to look again.

    A campaign that the rules no longer have runs to its end by its own version.
    """
    for _, state, since in connection.execute(_CONTROLS, (name,)):
        return ("killed", None) if state == "killed" else ("paused", after_pause(since, now))
    in_force = rules.campaigns.get(name)
    if in_force is not None and not in_force.starts:
        return "paused", after_pause(now, now)
    return "", None
