"""Campaigns on the real servers: who gets which wave, once, and what a pause, a stop and a slow provider do to it."""

import pytest

from activities.providers.mailbox import Mailbox
from activities.providers.provider import Retryable
from engine.campaigns import runs
from engine.campaigns.wire import Counts, workflow_id
from tests.workflows.campaigning import (
    NAME,
    Hand,
    act,
    campaign_rules,
    campaigning,
    far,
    over,
    people,
    run_of,
    told,
    wave,
)
from tests.workflows.rules import POLICY
from tests.workflows.running import mails, summaries, until, words
from tests.workflows.shop import now


def addressed(mailbox):
    return sorted(mail["To"].partition("@")[0] for mail in mails(mailbox))


async def test_each_customer_gets_each_wave_once_and_who_bought_meanwhile_no_further_one(open_shop, namespace, mailbox):
    shop = open_shop(
        campaign_rules(
            wave("preheat", -1, template="{by: country, DE: hello, default: hello}"),
            wave("opening", 6),
            wave("last-call", 10, only_if="{orders: 0}"),
            more="drop_when: {orders: {gte: 1}}\n",
        )
    )
    people(shop, "ann", "ben", "cid")
    people(shop, "dan", country="FR")
    async with campaigning(shop, namespace, mailbox) as running:
        await until(lambda: len(mails(mailbox)) == 3, "the first wave")
        people(shop, "eve")  # too late: the audience is taken at the first wave
        shop.pay("N-ben")
        assert await over(running) == "ended"
        history = await running.client.get_workflow_handle(workflow_id(NAME)).fetch_history()
    assert told(shop) == {
        ("preheat", "ann"): ("sent", None),
        ("preheat", "ben"): ("sent", None),
        ("preheat", "cid"): ("sent", None),
        ("opening", "ann"): ("sent", None),
        ("opening", "ben"): ("skipped", "drop_when"),
        ("opening", "cid"): ("sent", None),
        ("last-call", "ann"): ("sent", None),
        ("last-call", "cid"): ("sent", None),
    }
    assert addressed(mailbox) == ["ann"] * 3 + ["ben"] + ["cid"] * 3
    outcomes = shop.rows("select outcome from journeys where playbook = %s order by id", NAME)
    assert [row["outcome"] for row in outcomes] == ["ended", "dropped", "ended"]
    assert (run_of(shop)["state"], run_of(shop)["wave"]) == ("ended", None)
    assert "Zenobia" not in words(history)
    assert "example.net" not in words(history)
    assert ("ACTIVITY_TASK_SCHEDULED", "preheat: sending") in summaries(history)


async def test_a_campaign_that_is_paused_sends_nothing_and_goes_on_at_once_when_it_is_resumed(
    open_shop, namespace, mailbox
):
    shop = open_shop(campaign_rules(wave("opening", 3)))
    people(shop, "ann", "ben")
    act(shop, "pause")
    async with campaigning(shop, namespace, mailbox) as running:
        await far(running, "paused")
        assert mails(mailbox) == []
        assert {state for state, _ in told(shop).values()} == {"planned"}
        act(shop, "resume")
        assert await over(running) == "ended"
    assert addressed(mailbox) == ["ann", "ben"]


async def test_a_campaign_that_is_killed_while_it_waits_for_a_far_wave_is_over_at_once(open_shop, namespace, mailbox):
    shop = open_shop(campaign_rules(wave("preheat", -1), wave("opening", 86400)))
    people(shop, "ann")
    async with campaigning(shop, namespace, mailbox) as running:
        await until(lambda: len(mails(mailbox)) == 1, "the first wave")
        act(shop, "kill")
        assert await over(running) == "killed"
    assert run_of(shop)["state"] == "killed"
    assert shop.row("select state, outcome from journeys where playbook = %s", NAME) == {
        "state": "cancelled",
        "outcome": "killed",
    }


async def test_a_campaign_cancelled_in_temporal_ends_and_settles_what_it_held_back(open_shop, namespace, mailbox):
    shop = open_shop(campaign_rules(wave("opening", -1), more="capacity: {per_day: 1}\n"))
    people(shop, "ann", "ben")
    async with campaigning(shop, namespace, mailbox) as running:
        await until(lambda: ("deferred", "capacity_reached") in told(shop).values(), "the full day")
        await until(lambda: len(mails(mailbox)) == 1, "the first message")
        await running.client.get_workflow_handle(workflow_id(NAME)).cancel()
        assert await over(running) == "cancelled"
    assert sorted(told(shop).values(), key=str) == [("sent", None), ("skipped", "cancelled")]
    assert shop.row("select sum(promised) as promised, sum(used) as used from capacity_use") == {
        "promised": 0,
        "used": 1,
    }


async def test_a_name_runs_once_and_a_draft_never(open_shop, namespace, mailbox):
    shop = open_shop(campaign_rules(wave("opening", -1)))
    people(shop, "ann")
    async with campaigning(shop, namespace, mailbox) as running:
        assert await over(running) == "ended"
        people(shop, "ben")
    with shop.pool.connection() as connection:
        runs.begin_due(connection, shop.rules, now())
    assert addressed(mailbox) == ["ann"]
    assert len(shop.rows("select from campaign_runs")) == 1

    for other in ("status: draft\n", "status: paused\n"):
        rules = campaign_rules(wave("opening", -1), more=other)
        with shop.pool.connection() as connection:
            connection.execute("delete from campaign_runs")
            runs.begin_due(connection, rules, now())
        assert shop.rows("select from campaign_runs") == []


async def test_a_wave_that_was_over_before_it_could_begin_is_left_out(open_shop, namespace, mailbox):
    shop = open_shop(campaign_rules(wave("preheat", -86400, within="1h"), wave("opening", -2), more="freeze: first\n"))
    people(shop, "ann")
    async with campaigning(shop, namespace, mailbox) as running:
        assert await over(running) == "ended"
    assert told(shop) == {("opening", "ann"): ("sent", None)}


async def test_with_freeze_each_every_wave_has_an_audience_of_its_own(open_shop, mailbox):
    shop = open_shop(
        campaign_rules(wave("preheat", -3600), wave("opening", -1), audience="{orders: 0}", more="freeze: each\n")
    )
    people(shop, "ann", "ben")
    times = "placed_at = now() - interval '2 hours', paid_at = now() - interval '30 minutes'"
    shop.execute(f"update orders set {times} where number = 'N-ben'")
    hand = Hand(shop, mailbox)
    assert await hand.plan("preheat") == 2  # as of the wave's instant ben had not paid
    await hand.send("preheat")
    people(shop, "eve")
    assert await hand.plan("opening") == 2
    await hand.send("opening")
    assert {name for name, _ in told(shop)} == {"preheat", "opening"}
    assert {key for name, key in told(shop) if name == "opening"} == {"ann", "eve"}


async def test_planning_again_after_a_kill_plans_nobody_twice_and_an_empty_audience_is_no_fault(open_shop, mailbox):
    shop = open_shop(campaign_rules(wave("opening", -1)))
    hand = Hand(shop, mailbox)
    assert await hand.plan("opening") == 0
    assert await hand.send("opening") == await hand.send("opening")
    shop.execute("update campaign_runs set frozen_at = null")
    people(shop, "ann", "ben")
    assert await hand.plan("opening") == 2
    shop.execute("update campaign_runs set frozen_at = null")
    assert await hand.plan("opening") == 2
    assert len(told(shop)) == 2


async def test_who_cannot_or_must_not_be_reached_is_skipped_with_the_reason(open_shop, mailbox):
    shop = open_shop(campaign_rules(wave("opening", -1), more="controls: {purpose: marketing, holdout: 50%}\n"))
    people(shop, "ann", "ben", "cid", "dan", "eve", "fay")
    people(shop, "gus", email=None)
    shop.execute(
        """insert into consents (customer_id, purpose, channel, granted, at)
           select id, 'marketing', 'email', true, now() - interval '1 day' from customers where key <> 'fay'"""
    )
    hand = Hand(shop, mailbox)
    await hand.plan("opening")
    batch = await hand.send("opening")
    reasons = {key: reason for (_, key), (_, reason) in told(shop).items()}
    assert set(reasons.values()) <= {None, "holdout", "no_consent", "no_address"}
    sent = sorted(key for key, reason in reasons.items() if reason is None)
    assert addressed(mailbox) == sent
    assert batch.so_far == Counts(sent=len(sent), skipped=7 - len(sent))
    assert {reasons[key] for key in ("fay", "gus")} <= {"holdout", "no_consent", "no_address"}
    assert batch.until is None


async def test_what_no_longer_fits_when_it_could_leave_is_not_sent(open_shop, mailbox):
    """What is held back is asked again: whoever bought meanwhile is dropped, also when her turn comes later."""
    shop = open_shop(
        campaign_rules(wave("opening", -1), more="capacity: {per_hour: 1}\ndrop_when: {orders: {gte: 1}}\n")
    )
    people(shop, "ann", "ben", "cid")
    hand = Hand(shop, mailbox)
    await hand.plan("opening")
    first = await hand.send("opening")
    assert (first.so_far.sent, first.so_far.waiting, first.after) == (1, 2, None)
    assert first.until > now()
    waiting = sorted(key for (_, key), (state, _) in told(shop).items() if state == "deferred")
    shop.pay(f"N-{waiting[0]}")
    shop.execute("update messages set until = now() where state = 'deferred'")
    second = await hand.send("opening")
    assert told(shop)["opening", waiting[0]] == ("skipped", "drop_when")
    assert second.so_far.waiting == 1
    await hand.end("opening")
    assert told(shop)["opening", waiting[1]] == ("skipped", "wave_over")
    assert shop.row("select sum(promised) as promised, sum(used) as used from capacity_use") == {
        "promised": 0,
        "used": 1,
    }


class Away:
    """A provider that is away for a while, for all or for some."""

    def __init__(self, box, refuses):
        self.box, self.refuses, self.asked = box, refuses, []
        self.name, self.takes_idempotency_key = box.name, box.takes_idempotency_key

    async def deliver(self, message, key, before_commit):
        self.asked.append(message.recipient)
        if self.refuses(message):
            raise Retryable("server_unreachable")
        return await self.box.deliver(message, key, before_commit)


async def test_a_provider_that_is_away_is_not_asked_for_everybody_and_gets_them_later(open_shop, mailbox):
    shop = open_shop(campaign_rules(wave("opening", -1)))
    people(shop, *(f"c{number:02}" for number in range(20)))
    provider = Away(mailbox, lambda _: True)
    hand = Hand(shop, provider)
    await hand.plan("opening")
    batch = await hand.send("opening")
    assert (batch.after, batch.done, batch.left) == (None, Counts(), len(provider.asked))
    assert len(provider.asked) < 20
    assert batch.until is not None
    provider.refuses = lambda message: message.recipient.startswith("c07")
    batch = await hand.send("opening")
    assert (batch.so_far.sent, batch.left) == (19, 1)
    await hand.end("opening")
    assert told(shop)["opening", "c07"] == ("failed", "retries_used_up")


async def test_a_fault_of_one_customer_is_no_fault_of_the_others(open_shop, mailbox):
    shop = open_shop(campaign_rules(wave("opening", -1)))
    people(shop, "ann", "ben", "cid")

    def breaks(message):
        if message.recipient.startswith("ben"):
            raise ValueError("strange")
        return False

    hand = Hand(shop, Away(mailbox, breaks))
    await hand.plan("opening")
    batch = await hand.send("opening")
    assert addressed(mailbox) == ["ann", "cid"]
    assert batch.left == 1


async def test_a_capacity_of_the_policy_is_shared_by_playbooks_and_campaigns(open_shop, mailbox):
    policy = POLICY + f"  capacities:\n    support: {{per_hour: 2, playbooks: [payment-reminder, {NAME}]}}\n"
    shop = open_shop(campaign_rules(wave("opening", -1), policy=policy))
    people(shop, "ann", "ben", "cid")
    hand = Hand(shop, mailbox)
    await hand.plan("opening")
    batch = await hand.send("opening")
    assert (batch.so_far.sent, batch.so_far.waiting) == (2, 1)


async def test_batches_go_on_where_the_one_before_ended(open_shop, mailbox, monkeypatch):
    monkeypatch.setattr("engine.campaigns.wave.BATCH", 4)
    shop = open_shop(campaign_rules(wave("opening", -1)))
    people(shop, *(f"c{number:02}" for number in range(10)))
    hand = Hand(shop, mailbox)
    await hand.plan("opening")
    after, sent = 0, []
    while True:
        batch = await hand.send("opening", after)
        sent.append(batch.done.sent)
        if batch.after is None:
            break
        after = batch.after
    assert sent == [4, 4, 2]
    assert len(mails(mailbox)) == 10


@pytest.mark.parametrize("which", ["*", NAME])
async def test_a_pause_holds_from_the_next_message_on(open_shop, mailbox, which):
    shop = open_shop(campaign_rules(wave("opening", -1)))
    people(shop, *(f"c{number:02}" for number in range(20)))

    def pauses(message):
        if not shop.rows("select from actions"):
            act(shop, "pause", which)
        return False

    hand = Hand(shop, Away(Mailbox(mailbox.directory), pauses))
    await hand.plan("opening")
    batch = await hand.send("opening")
    assert 0 < len(mails(mailbox)) < 20
    held = await hand.send("opening", batch.after or 0)
    assert (held.held, held.done) == ("paused", Counts())
    act(shop, "resume", which)
    assert (await hand.send("opening")).until is None
    assert len(mails(mailbox)) == 20
