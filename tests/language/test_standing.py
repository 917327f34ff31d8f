"""Tags, segments, lifecycle, tiers, RFM and word lists: from files to rules."""

import pytest

from engine.conditions.ast import Compare
from engine.journeys.plan import ChangeTrigger, EventTrigger
from engine.language.rules import compile_rules
from engine.standing.definition import Measure, Review
from tests.language.shop import SHOP, playbook

STANDING = {
    "tags.yaml": """\
tags:
  quiet: {title: Quiet, when: {segments: regulars, days_since_last_order: {gte: 90}}, expires: 30d}
  returning: {title: Returning, description: Two or more., when: {paid_orders: {gte: 2}}}
  guest: {title: Guest, by_hand: true}
""",
    "segments.yaml": """\
segments:
  regulars: {title: Regulars, when: [{tags: [returning, guest]}, {stage: customer}]}
  best: {title: Best, used_by: reports, when: {tier: gold, rfm_group: key-value, rfm_monetary: 5}}
""",
    "lifecycle.yaml": """\
lifecycle:
  stages:
    prospect: {title: Prospect, when: {paid_orders: 0}, to: [customer]}
    customer: {title: Customer, when: {paid_orders: {gte: 1}}}
""",
    "tiers.yaml": """\
tiers:
  rank_by: spend_24mo
  base: {spend_24mo: {gt: 0}}
  grace: 30d
  review: {month: 2, day: 29}
  levels:
    gold: {title: Gold, share: 10%, benefits: {support: {adviser: true, return_days: 30}, care: {birthday: gift}}}
    silver: {title: Silver, share: 12.5%}
    rest: {title: Rest}
""",
    "rfm.yaml": """\
rfm:
  base: {paid_orders: {gte: 1}}
  recency: {attribute: days_since_last_order, high: {quantile: 50%}}
  frequency: {attribute: paid_orders, high: {from: 2}}
  monetary: {attribute: spend_24mo, high: {from: 500 EUR}}
  groups:
"""
    + "".join(
        f"    {name}: {{title: G, recent: {r}, frequent: {f}, valuable: {v}}}\n"
        for name, (r, f, v) in {
            "key-value": ("true", "true", "true"),
            "b": ("true", "true", "false"),
            "c": ("true", "false", "true"),
            "d": ("true", "false", "false"),
            "e": ("false", "true", "true"),
            "f": ("false", "true", "false"),
            "g": ("false", "false", "true"),
            "h": ("false", "false", "false"),
        }.items()
    ),
    "words.yaml": "words: {size: {title: Size, words: [size, too small]}}",
}
ALL = {**SHOP, **STANDING}


def test_every_kind_becomes_a_rule_of_standing():
    rules = compile_rules(ALL)
    assert rules.issues == ()
    standing = rules.standing
    assert [(tag.name, tag.expires) for tag in standing.tags] == [("quiet", 30 * 86400), ("returning", None)]
    assert standing.tags[1].description == "Two or more."
    assert [stage.to for stage in standing.lifecycle.stages] == [("customer",), None]
    assert standing.tiers.base == Compare(name="spend_24mo", operator="gt", operand=0)
    assert [(tier.name, tier.share) for tier in standing.tiers.tiers] == [
        ("gold", 1000),
        ("silver", 2250),
        ("rest", None),
    ]
    assert standing.tiers.review == Review(month=2, day=29)
    assert standing.tiers.tiers[0].benefits.support == {"adviser": True, "return_days": 30}
    assert standing.rfm.recency == Measure(attribute="days_since_last_order", quantile=5000)
    assert standing.rfm.frequency == Measure(attribute="paid_orders", high_from=2)
    assert standing.rfm.monetary == Measure(attribute="spend_24mo", high_from=50000)
    assert rules.words == {"size": ("size", "too small")}
    assert rules.hand_tags == {"guest": "Guest"}


def test_each_part_is_decided_after_what_it_names():
    order = list(compile_rules(ALL).standing.order)
    for before, after in [
        ("tag returning", "segment regulars"),
        ("stage", "segment regulars"),
        ("segment regulars", "tag quiet"),
        ("tier", "segment best"),
        ("rfm", "segment best"),
    ]:
        assert order.index(before) < order.index(after)


def test_files_may_be_split_and_lie_in_folders():
    files = {**ALL, "tags/more.yaml": "tags: {more: {title: More, when: {tags: returning}}}"}
    assert [tag.name for tag in compile_rules(files).standing.tags] == ["quiet", "returning", "more"]


def test_one_bad_rule_is_disabled_with_its_dependents_and_all_others_run():
    broken = STANDING["tags.yaml"].replace("paid_orders: {gte: 2}", "paid_orders: {gte: two}")
    rules = compile_rules({**ALL, "tags.yaml": broken})
    assert rules.disabled == ("segment regulars", "tag quiet", "tag returning")
    assert [issue.code for issue in rules.issues if issue.severity == "error"] == ["RG401"]
    assert [segment.name for segment in rules.standing.segments] == ["best"]
    assert "reminder" in rules.plans


@pytest.mark.parametrize("kind", ["lifecycle", "tiers", "rfm"])
def test_a_fault_in_what_divides_everybody_disables_all_of_it(kind):
    rules = compile_rules({**ALL, f"{kind}.yaml": STANDING[f"{kind}.yaml"].replace("title:", "titel:", 1)})
    assert kind in rules.disabled
    assert getattr(rules.standing, kind) is None


def test_of_two_tags_with_one_name_neither_counts():
    rules = compile_rules({**ALL, "tags_more.yaml": "tags: {returning: {title: Again, when: {country: DE}}}"})
    assert "RG309" in [issue.code for issue in rules.issues]
    assert "tag returning" in rules.disabled
    assert "returning" not in [tag.name for tag in rules.standing.tags]


def test_an_unreadable_file_disables_who_uses_it_without_a_flood_of_unknown_names():
    rules = compile_rules({**ALL, "tags.yaml": "tags: ["})
    assert {issue.code for issue in rules.issues} == {"RG103", "RG313"}
    assert [segment.name for segment in rules.standing.segments] == ["best"]


def test_rules_of_a_circle_are_disabled_and_all_others_run():
    circle = """\
tags:
  one: {title: One, when: {tags: two}}
  two: {title: Two, when: {not: {tags: {has_any: [three]}}}}
  three: {title: Three, when: {tags: one}}
  after: {title: After, when: {tags: one}}
"""
    rules = compile_rules({**ALL, "tags_circle.yaml": circle})
    found = [issue for issue in rules.issues if issue.code == "RG312"]
    assert [issue.found for issue in found] == ["tag one → tag two → tag three → tag one"]
    assert (found[0].line, found[0].column) == (2, 34)
    assert set(rules.disabled) == {"tag one", "tag two", "tag three", "tag after"}
    assert len(rules.standing.tags) == 2


def test_an_attribute_cannot_take_a_name_of_standing():
    rules = compile_rules(
        {**ALL, "attributes_more.yaml": "attributes: {tier: {title: T, type: integer, count: orders}}"}
    )
    assert [issue.code for issue in rules.issues] == ["RG310"]
    assert "attribute tier" in rules.disabled


def test_a_playbook_is_started_stopped_and_woken_by_changes_of_standing():
    head = (
        "for: customer\nstart: {any: [{enters: {segment: best}}, {rises_to: {tier: [gold, silver]}}]}\n"
        "stop: {leaves: {stage: customer}}\ngoal: {enters: {rfm_group: key-value}, within: 7d}\n"
    )
    rules = compile_rules({**playbook("  - wait_for: {enters: {tag: quiet}, within: 7d}\n", head), **STANDING})
    assert rules.issues == ()
    plan = rules.plans["tried"]
    assert plan.start.any == (
        ChangeTrigger(change="enters", kind="segment", names=("best",)),
        ChangeTrigger(change="rises_to", kind="tier", names=("gold", "silver")),
    )
    assert plan.stop == (ChangeTrigger(change="leaves", kind="stage", names=("customer",)),)
    assert plan.goal.any[0].kind == "rfm_group"
    assert plan.code[0].any == (ChangeTrigger(change="enters", kind="tag", names=("quiet",)),)


def test_an_order_is_not_started_by_a_change_of_its_customer_but_may_be_stopped_by_one():
    started = playbook("  - wait: 1d\n", "for: order\nstart: {enters: {segment: best}}\n")
    assert [issue.code for issue in compile_rules({**started, **STANDING}).issues] == ["RG314"]
    stopped = playbook("  - wait: 1d\n", "for: order\nstart: {event: order.placed}\nstop: {enters: {tag: quiet}}\n")
    rules = compile_rules({**stopped, **STANDING})
    assert rules.issues == ()
    assert rules.plans["tried"].start.any == (EventTrigger(event="order.placed"),)


def test_a_playbook_that_names_a_faulty_segment_is_disabled_with_it():
    broken = {**STANDING, "segments.yaml": STANDING["segments.yaml"].replace("rfm_monetary: 5", "rfm_monetary: five")}
    head = "for: customer\nstart: {enters: {segment: best}}\n"
    rules = compile_rules({**playbook("  - wait: 1d\n", head), **broken})
    assert {"segment best", "playbook tried"} <= set(rules.disabled)


def test_a_segment_that_something_names_is_not_idle():
    idle = compile_rules({**ALL, "segments.yaml": STANDING["segments.yaml"].replace("used_by: reports, ", "")})
    assert [(issue.code, issue.found, issue.severity) for issue in idle.issues] == [("RG705", "best", "warning")]
    head = "for: customer\nstart: {enters: {segment: best}}\n"
    assert compile_rules({**playbook("  - wait: 1d\n", head), **dict(idle.files)}).sound


def test_the_order_of_files_does_not_change_what_they_say():
    forward = compile_rules(ALL)
    backward = compile_rules(dict(reversed(ALL.items())))
    assert forward.standing == backward.standing
    assert forward.version == backward.version
