"""Campaigns: what a sound one compiles to, and what is refused beside the golden mistakes."""

from datetime import UTC, datetime, timedelta

import pytest

from engine.language.rules import compile_rules
from tests.language.shop import SHOP

HEAD = "campaign: winter\ntitle: Winter days\naudience: {country: DE}\ncontrols: {purpose: service}\n"
WAVES = """waves:
  - {id: preheat, at: "2027-12-01T09:00:00Z", channel: email, template: unpaid}
  - {id: opening, at: "2027-12-08T09:00:00+01:00", channel: email, template: unpaid, within: 2d, title: The opening}
  - {id: last, at: "2027-12-20T09:00:00Z", channel: email, template: unpaid, within: 30d}
"""
TEXT = HEAD + WAVES


def compiled(text, **more):
    return compile_rules({**SHOP, "campaigns/winter.yaml": text, **more})


def codes(rules):
    return [(issue.code, issue.line) for issue in rules.issues if issue.severity == "error"]


def day(*numbers, hour=9):
    return datetime(2027, 12, *numbers, hour, tzinfo=UTC)


def test_each_wave_ends_when_the_next_begins_or_sooner_and_the_last_after_a_week_or_as_it_says():
    rules = compiled(TEXT)
    assert codes(rules) == []
    waves = rules.campaigns["winter"].waves
    assert [(wave.id, wave.at, wave.ends) for wave in waves] == [
        ("preheat", day(1), day(8, hour=8)),
        ("opening", day(8, hour=8), day(10, hour=8)),
        ("last", day(20), day(20) + timedelta(days=30)),
    ]
    assert rules.campaigns["winter"].over == waves[-1].ends
    assert [wave.label for wave in waves] == ["preheat", "The opening", "last"]
    short = compiled(TEXT.replace(", within: 30d", "")).campaigns["winter"]
    assert short.waves[-1].ends == day(27)


def test_a_customers_part_of_it_is_a_plan_with_a_send_for_each_wave():
    rules = compiled(TEXT.replace("purpose: service", "purpose: marketing, holdout: 10%"))
    plan = rules.plan("winter")
    assert plan is not None
    assert (plan.subject, plan.version, plan.controls.holdout) == ("customer", rules.version, 1000)
    assert [step.id for step in plan.code] == ["preheat", "opening", "last", "end"]
    assert plan.start.any == ()
    assert "winter" not in rules.plans


def test_its_capacity_is_among_the_policys_and_is_of_its_messages_alone():
    rules = compiled(f"{TEXT}capacity: {{per_day: 300}}\n")
    capacity = rules.policy.capacities["winter"]
    assert (capacity.per_day, capacity.per_hour, capacity.playbooks) == (300, None, ("winter",))
    assert compiled(TEXT).policy.capacities.keys() == rules.policy.capacities.keys() - {"winter"}


def test_a_capacity_of_the_policy_may_name_a_campaign():
    policy = SHOP["policy.yaml"] + "  capacities:\n    support: {per_day: 10, playbooks: [winter]}\n"
    assert codes(compiled(TEXT, **{"policy.yaml": policy})) == []
    assert [code for code, _ in codes(compiled(TEXT, **{"policy.yaml": policy.replace("[winter]", "[winer]")}))] == [
        "RG322"
    ]


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        (TEXT.replace("campaign: winter", "campaign: reminder"), "RG309", 1),
        (TEXT.replace("campaign: winter", "campaign: campaign"), "RG310", 1),
        (HEAD + "waves: []\n", "RG211", 5),
        (TEXT + "capacity: {}\n", "RG202", 9),
        (TEXT.replace("purpose: service", "purpose: transactional, holdout: 10%"), "RG209", 4),
        (TEXT.replace("{country: DE}", "{order.total: {gte: 1 EUR}}"), "RG311", 3),
    ],
)
def test_what_is_wrong_is_told_at_its_place_and_disables_the_campaign(text, code, line):
    policy = SHOP["policy.yaml"].replace("service: {", "transactional: {consent: none}\n    service: {", 1)
    reminder = "playbook: reminder\ntitle: R\nfor: order\nstart: {event: order.placed}\n"
    rules = compiled(text, **{"policy.yaml": policy, "playbooks/reminder.yaml": f"{reminder}steps: [end]\n"})
    assert (code, line) in codes(rules)
    assert rules.campaigns == {}
    assert any(name.startswith("campaign ") for name in rules.disabled)


def test_of_two_with_one_name_neither_runs():
    rules = compiled(TEXT, **{"campaigns/another.yaml": f"{TEXT}capacity: {{per_day: 300}}\n"})
    assert [code for code, _ in codes(rules)] == ["RG309"]
    assert rules.campaigns == {}
    assert "winter" not in rules.policy.capacities


def test_a_capacity_that_the_policy_has_already_is_refused():
    policy = SHOP["policy.yaml"] + "  capacities:\n    winter: {per_day: 10}\n"
    rules = compiled(f"{TEXT}capacity: {{per_day: 300}}\n", **{"policy.yaml": policy})
    assert [code for code, _ in codes(rules)] == ["RG309"]
    assert rules.policy.capacities["winter"].per_day == 10
