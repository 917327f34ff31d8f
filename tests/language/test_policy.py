"""What the policy's bounds and times of peace become."""

from datetime import timedelta

from engine.language.rules import compile_rules
from engine.policy import Blackout, Cap, Capacity, Holidays, Limit

POLICY = """
policy:
  purposes: {must: {consent: none}, news: {consent: opt_in}}
  channels:
    email: {provider: mailbox, limit: {count: 5, per: 1m, burst: 2}}
    sms: {provider: mailbox}
  priorities: [must]
  caps: [{at_most: 2, per: 7d, purposes: [news], do: skip}]
  capacities: {sms: {per_hour: 3}, care: {per_day: 4, playbooks: [shown]}}
  holidays: {countries: [DE], days: [2026-12-24]}
  blackout: [{from: 2026-12-25, to: 2026-12-26}]
  weekdays: [monday]
  holds: [{while: {did: {event: order.paid, within: 1d}}, do: skip}]
  holdout: 2.5%
  mode: test
  test_recipients: [anna@shop.example]
"""
PLAYBOOK = """
playbook: shown
title: Shown
for: order
status: test
start: {event: order.placed}
controls: {purpose: PURPOSE, holdout: 10%}
steps: [end]
"""


def compiled(purpose="news"):
    return compile_rules({"policy.yaml": POLICY, "playbooks/shown.yaml": PLAYBOOK.replace("PURPOSE", purpose)})


def test_every_bound_and_time_of_peace_reaches_the_engine():
    rules = compiled()
    assert rules.sound
    policy = rules.policy
    assert policy.channels["email"].limit == Limit(count=5, seconds=60, burst=2)
    assert policy.channels["email"].limit.apart == timedelta(seconds=12)
    assert policy.caps == (Cap(at_most=2, per=7 * 86400, purposes=("news",), do="skip"),)
    assert policy.holidays == Holidays(countries=("DE",), days=("2026-12-24",))
    assert policy.blackout == (Blackout(first="2026-12-25", last="2026-12-26"),)
    assert (policy.weekdays, policy.holdout, policy.mode) == (("monday",), 250, "test")
    assert policy.test_recipients == ("anna@shop.example",)
    assert policy.holds[0].condition["kind"] == "did"
    assert [policy.rank(purpose) for purpose in ("must", "news", "other")] == [0, 1, 1]


def test_a_capacity_that_is_named_like_a_channel_is_that_channels():
    capacities = compiled().policy.capacities
    assert capacities["sms"] == Capacity(per_hour=3, channels=("sms",))
    assert capacities["care"] == Capacity(per_day=4, playbooks=("shown",))
    assert capacities["care"].concerns("news", "email", "shown")
    assert not capacities["care"].concerns("news", "email", "other")


def test_a_playbook_in_test_starts_and_has_its_holdout():
    plan = compiled().plans["shown"]
    assert plan.starts
    assert plan.controls.holdout == 1000


def test_what_everybody_must_be_told_has_no_holdout():
    issues = compiled("must").issues
    assert [(issue.code, issue.line) for issue in issues] == [("RG209", 7)]
