"""A campaign in the simulation and on the real path: the same facts and rules give the same messages.

The real path is the activities of campaigns with PostgreSQL and a mailbox, asked as the workflow asks them, on a clock
that goes from one instant at which something is due to the next.
"""

import dataclasses
import random
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from temporalio.testing import ActivityEnvironment

from activities.campaign import RunCampaign
from activities.providers.mailbox import Mailbox
from engine.campaigns import runs
from engine.campaigns.wire import Batch, EndRequest, WaveRequest
from engine.composition import context
from engine.conditions.operands import microseconds
from engine.dispatch.standing import Standings
from engine.dispatch.versions import StoredVersions, publish
from engine.evaluation.run import Asked, evaluate
from engine.facts.pool import open_pool
from engine.journeys.campaign import Campaign, Wave
from engine.language.rules import Rules, load_rules
from engine.simulation.backtest import Window, worlds
from engine.standing.cut_offs import CutOffs
from tests.facts.shop import Shop, put
from tests.olist.test_replay import with_playbooks
from tests.simulation.test_same_as_real import END, POLICY, START, person

Line = tuple[str, str, str, str, str, datetime, str | None]
NAME = "summer"
CAMPAIGN = """
campaign: summer
title: Summer days
audience: {stage: {not_in: [lost]}, not: {segments: [key-keep]}}
freeze: FREEZE
waves:
  - id: preheat
    at: "2026-05-11T19:30:00Z"
    channel: [sms, email]
    template:
      {by: rfm_group, key-value: winter-preheat-regulars, key-develop: winter-preheat-regulars, default: winter-preheat}
  - {id: opening, at: "2026-05-12T18:00:00Z", within: 30h, channel: email, template: winter-opening}
  - id: last-call
    at: "2026-05-15T10:00:00Z"
    channel: email
    template: winter-last-call
    only_if: {stage: {not_in: [pre-churn]}}
drop_when: {did: {event: order.paid, within: 4d}}
capacity: {per_hour: 20}
controls: {purpose: marketing, holdout: 20%}
"""

UNTIL = END + timedelta(days=3)
"""All waves are over by then."""
ASKED_NOW = """
select id from customers c
 where %(begins)s or exists (select from messages m where m.customer_id = c.id and m.until <= %(at)s) order by id
"""


@pytest.fixture(params=["first", "each"])
def rules(request: pytest.FixtureRequest, tmp_path: Path) -> Rules:
    project = with_playbooks(tmp_path)
    (project / "rules" / "policy.yaml").write_text(POLICY)
    (project / "rules" / "campaigns" / "winter-days.yaml").unlink()
    (project / "rules" / "campaigns" / "summer.yaml").write_text(CAMPAIGN.replace("FREEZE", request.param))
    rules = load_rules(project / "rules")
    assert NAME in rules.campaigns, rules.issues
    return rules


@pytest.fixture
def shop(connection: psycopg.Connection[Any], rules: Rules) -> Shop:
    """A hundred people, some of whom were written to or asked not to be before the window."""
    shop, chance = Shop(connection), random.Random(7)
    publish(connection, rules)
    connection.execute("delete from customers")  # one of whom nothing is known, not even since when
    for number in range(100):
        person(shop, chance, f"p{number:02}")
        if chance.random() < 0.3:
            written_to(shop, rules.version, START - timedelta(hours=chance.randint(1, 60)))
        if chance.random() < 0.1:
            since = START + timedelta(hours=chance.randint(-20, 100))
            put(connection, "suppressions", customer_id=shop.customer, channel="email", reason="bounced", since=since)
    connection.commit()
    return shop


def written_to(shop: Shop, version: str, at: datetime) -> None:
    """A message of before the window, which caps count."""
    who, other = shop.customer, "newsletter"
    journey = put(
        shop.connection, "journeys", workflow_id=f"{other}/{who}", playbook=other, version=version, subject="customer",
        subject_id=who, occasion=1, customer_id=who, started_at=at, state="ended", outcome="ended", ended_at=at,
    )  # fmt: skip
    put(
        shop.connection, "messages", key=f"{other}/{who}/m", journey_id=journey, customer_id=who, playbook=other,
        step="m", iteration=1, channel="email", purpose="marketing", state="sent", due_at=at, at=at,
    )  # fmt: skip


class Real:
    """The activities on a clock of their own, asked in place of the workflow."""

    def __init__(self, url: str, rules: Rules, mailbox: Path) -> None:
        self.pool, self.rules, self.now = open_pool(url), rules, START
        versions = StoredVersions()
        shared = context(self.pool, rules, {"email": Mailbox(mailbox)}, versions)
        self.work = RunCampaign(dataclasses.replace(shared, now=lambda: self.now))
        self.standings = Standings(rules, versions, "EUR")

    async def run(self, campaign: Campaign) -> None:
        """From the first wave to the end."""
        self.go(campaign.waves[0].at)
        with self.pool.connection() as connection:
            runs.begin_due(connection, self.rules, self.now)
            (run,) = runs.untold(connection)
        for wave in campaign.waves:
            self.go(max(wave.at, self.now))
            await self.wave(wave, WaveRequest(run.id, run.campaign, run.version, wave.id))
        await ActivityEnvironment().run(self.work.end_campaign, EndRequest(run.id, run.campaign, "ended"))

    async def wave(self, wave: Wave, request: WaveRequest) -> None:
        """As the workflow leads it."""
        await ActivityEnvironment().run(self.work.plan_wave, request)
        after = 0
        while self.now < wave.ends:
            asked = dataclasses.replace(request, after=after)
            batch: Batch = await ActivityEnvironment().run(self.work.send_wave, asked)
            assert not batch.left
            after = batch.after or 0
            if batch.after is None and batch.until is None:
                return
            if batch.after is None and batch.until is not None:
                self.go(min(batch.until, wave.ends))
        await ActivityEnvironment().run(self.work.end_wave, request)

    def go(self, to: datetime) -> None:
        """The clock goes on, and whoever may be written to is judged as of then."""
        self.now = to
        with self.pool.connection() as connection:
            for row in connection.execute(ASKED_NOW, {"at": to, "begins": self.begins(to)}).fetchall():
                self.standings.reevaluate(connection, row[0], to, cause="flip", recorded_at=to)

    def begins(self, at: datetime) -> bool:
        """Whether a wave does, which may concern anybody."""
        return any(wave.at == at for wave in self.rules.campaigns[NAME].waves)

    def messages(self) -> set[Line]:
        """What became of each message."""
        query = """select c.key, m.step, m.channel, m.state, coalesce(m.reason, ''), m.at, m.template
                     from messages m join customers c on c.id = m.customer_id where m.playbook = %s"""
        with self.pool.connection() as connection:
            return {tuple(row) for row in connection.execute(query, (NAME,))}


def simulated(url: str, rules: Rules, cut_offs: CutOffs) -> list[Any]:
    """The same in memory."""
    campaigns = tuple(rules.campaigns.values())
    published = ((microseconds(START), cut_offs),)
    window = Window(url, rules, (), START, UNTIL, "EUR", published, campaigns=campaigns)
    with psycopg.connect(url, options="-c timezone=UTC") as connection:
        ids = [row[0] for row in connection.execute("select id from customers order by id")]
        return list(worlds(connection, window.compiled(), window, ids))


def lines(found: list[Any]) -> set[Line]:
    return {
        (
            str(world.history.person("key")),
            each.step,
            each.channel,
            each.state,
            each.reason or "",
            each.at,
            written(world, each),
        )
        for world in found
        for each in world.messages
    }


def written(world: Any, message: Any) -> str | None:
    """The wording of a message that was sent."""
    sent = [entry for entry in world.log if (entry.what, entry.journey) == ("send", message.journey)]
    return next((entry.more["template"] for entry in sent if entry.name == message.step and entry.more), None)


@pytest.mark.timeout(600)
async def test_three_waves_to_a_hundred_people_are_the_same(
    database: str, shop: Shop, rules: Rules, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One after the other, in the customers' order: who asks first gets a place.
    monkeypatch.setattr("activities.campaign.LANES", 1)
    begun = evaluate(Asked(database, rules, START - timedelta(microseconds=1), START, write=True))
    ours = simulated(database, rules, begun.cut_offs)
    real = Real(database, rules, tmp_path / "mailbox")
    try:
        await real.run(rules.campaigns[NAME])
        theirs = real.messages()
    finally:
        real.pool.close()
    found = lines(ours)
    assert sorted(found ^ theirs, key=str) == []
    reasons = Counter(line[4] for line in theirs)
    assert set(reasons) >= {"", "holdout", "global_holdout", "no_consent", "drop_when", "wave_over", "suppressed"}, (
        reasons
    )
    assert {line[6] for line in theirs} >= {"winter-preheat-regulars", "winter-preheat", "winter-last-call"}
