"""The values that decide a change, as they are kept: of every type, and only those that its rule reads."""

from datetime import date
from decimal import Decimal

from engine.conditions.ast import All, Compare
from engine.standing.decide import Change, Standing
from engine.standing.definition import SegmentRule, StandingRules, TagRule
from engine.standing.evidence import Evidence
from tests.standing.shop_rules import RULES, compare

_TYPES = {"signed_up": "instant", "birthday": "date", "share": "decimal", "country": "string", "reachable": "boolean"}
_READS = All(
    parts=(
        compare("signed_up", gte=0),
        compare("birthday", known=True),
        compare("share", gte=1),
        Compare(name="country", operator="in", operands=("DE", "FR")),
        compare("reachable", eq=True),
        Compare(name="tags", operator="has_any", operands=("warm", "cold")),
        compare("stage", eq="active"),
    )
)


def test_every_type_is_ready_for_json_and_sets_are_what_the_rule_names():
    evidence = Evidence(StandingRules(segments=(SegmentRule(name="s", title="S", when=_READS),)), _TYPES)
    values = {
        "signed_up": 1_767_225_600_000_000,
        "birthday": date(2000, 2, 29),
        "share": Decimal("0.50"),
        "country": "DE",
        "reachable": True,
        "another": 7,
    }
    standing = Standing(tags=frozenset({"warm", "loyal"}), stage="active")
    assert evidence(Change("segment", None, "s"), values, standing) == {
        "signed_up": "2026-01-01T00:00:00+00:00",
        "birthday": "2000-02-29",
        "share": "0.50",
        "country": "DE",
        "reachable": True,
        "tags": ["warm"],
        "stage": "active",
    }


def test_a_loss_is_told_by_the_rule_that_was_lost_and_an_unknown_value_is_null():
    rule = TagRule(name="paid", title="Paid", when=compare("paid_orders", gte=1))
    evidence = Evidence(StandingRules(tags=(rule,)), {})
    assert evidence(Change("tag", "paid", None), {"paid_orders": None}, Standing()) == {"paid_orders": None}


def test_tiers_and_groups_are_told_by_what_ranks_them():
    evidence = Evidence(RULES, {})
    values = {"spend_365d": 990, "days_since_last_order": 3, "paid_orders_24mo": 2, "spend_24mo": 990}
    assert evidence(Change("tier", "senior", "vip"), values, Standing()) == {"spend_365d": 990}
    told = evidence(Change("rfm_group", None, "key-value"), values, Standing())
    assert {RULES.rfm.recency.attribute, RULES.rfm.frequency.attribute, RULES.rfm.monetary.attribute} <= set(told)


def test_a_tag_given_by_hand_has_no_rule_to_tell_of():
    assert Evidence(StandingRules(), {})(Change("tag", None, "credit-checked"), {}, Standing()) == {}
