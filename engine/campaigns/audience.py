"""Who gets a wave: its audience becomes journeys without a workflow, and their messages are planned.

What has been written is not written again, so a worker may die anywhere in it and another begins anew.
"""

from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from engine.campaigns.wire import WaveRequest
from engine.dispatch.standing import Standings
from engine.explain.members import ASKED, judge
from engine.journeys.campaign import Campaign, Wave
from engine.policy import Policy

Connection = psycopg.Connection[Any]
Transaction = Callable[[Callable[[Connection], Any]], Any]

CHUNK = 500
_CUSTOMERS = "select id, key from customers where id > %s order by id limit %s"
_MEMBERS = """
insert into journeys (workflow_id, playbook, version, subject, subject_id, occasion, customer_id, started_at)
select format('%%s/customer-%%s/1', %(name)s::text, id), %(name)s, %(version)s, 'customer', id, 1, id, %(at)s
  from unnest(%(ids)s::bigint[]) as t (id) order by id
on conflict (playbook, subject, subject_id, occasion) do nothing
"""
# Whoever was dropped gets no further wave, also where the condition no longer holds.
_PLAN = """
insert into messages (key, journey_id, customer_id, playbook, step, iteration, channel, purpose, state, due_at, at)
select format('%%s/%%s/1/%%s', j.workflow_id, %(wave)s::text, %(channel)s::text), j.id, j.customer_id, j.playbook,
       %(wave)s, 1, %(channel)s, %(purpose)s, 'planned', %(at)s, %(at)s
  from journeys j
 where j.playbook = %(name)s and j.subject = 'customer' and j.state = 'running'
   and (%(ids)s::bigint[] is null or j.subject_id = any(%(ids)s))
   and not exists (select from messages m where m.journey_id = j.id
                    and (m.reason = 'drop_when' or (m.step = %(wave)s and m.iteration = 1)))
 order by j.id
"""
_FROZEN = "update campaign_runs set frozen_at = %s where id = %s"
_IS_FROZEN = "select frozen_at is not null from campaign_runs where id = %s"
_COUNT = "select count(*) from messages m join journeys j on j.id = m.journey_id where j.playbook = %s and m.step = %s"


def plan_wave(
    transaction: Transaction, standings: Standings, campaign: Campaign, policy: Policy, request: WaveRequest
) -> int:
    """Plans the messages of a wave and gives how many it has.

    Args:
        transaction: does what it is given in one transaction.
        standings: the rules of the campaign's version, compiled.
        campaign: the campaign.
        policy: the policy in force, for the channel a message is planned for.
        request: which wave of which run.
    """
    wave = campaign.wave(request.wave)
    values = _values(campaign, wave, policy)
    frozen = transaction(lambda connection: _first(connection, _IS_FROZEN, request.run))
    if frozen and campaign.freeze == "first":
        transaction(lambda connection: connection.execute(_PLAN, {**values, "ids": None}))
    else:
        _take(transaction, standings, campaign, wave, values)
        transaction(lambda connection: connection.execute(_FROZEN, (wave.at, request.run)))
    return int(transaction(lambda connection: _first(connection, _COUNT, campaign.name, wave.id)))


def _take(
    transaction: Transaction, standings: Standings, campaign: Campaign, wave: Wave, values: dict[str, Any]
) -> None:
    """The audience as of the wave's instant, which every attempt judges alike."""
    judging = transaction(
        lambda connection: judge(connection, standings, ASKED, wave.at, past=False, when=campaign.audience)
    )
    after = 0
    while True:

        def take(connection: Connection, after: int = after) -> int | None:
            people = dict(connection.execute(_CUSTOMERS, (after, CHUNK)).fetchall())
            ids: Sequence[int] = [each.id for each in judging.among(connection, people)]
            if ids:
                connection.execute(_MEMBERS, {**values, "ids": ids})
                connection.execute(_PLAN, {**values, "ids": ids})
            return max(people, default=None)

        last = transaction(take)
        if last is None:
            return
        after = last


def _values(campaign: Campaign, wave: Wave, policy: Policy) -> dict[str, Any]:
    configured = [channel for channel in wave.channels if channel in policy.channels]
    return {
        "name": campaign.name,
        "version": campaign.version,
        "wave": wave.id,
        "at": wave.at,
        "channel": (configured or wave.channels)[0],
        "purpose": campaign.controls.purpose,
    }


def _first(connection: Connection, query: str, *values: object) -> Any:  # noqa: ANN401 - a column
    row = connection.execute(query, values).fetchone()
    return row[0] if row else None
