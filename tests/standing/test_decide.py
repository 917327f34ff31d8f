"""Tags expire, tiers are kept, stages are counted: what standing does over time."""

from datetime import UTC, datetime

import pytest

from engine.conditions.ast import Compare, Not
from engine.conditions.environment import Catalogue
from engine.conditions.operands import microseconds
from engine.standing.changes import changes
from engine.standing.cut_offs import CutOffs
from engine.standing.decide import Change, Decide, HandTag, Standing
from engine.standing.definition import (
    Lifecycle,
    Review,
    SegmentRule,
    StageRule,
    StandingRules,
    TagRule,
    TierRule,
    Tiers,
)
from engine.standing.order import CircleError, dependency_order

SECOND = 1_000_000
DAY = 86_400 * SECOND
TRUE = Compare(name="on", operator="eq", operand=True)
TYPES = Catalogue({"on": "boolean", "spend": "money"}, {}, "EUR")
TIERS = Tiers(
    rank_by="spend",
    grace=30 * 86_400,
    review=Review(month=1, day=15),
    tiers=tuple(
        TierRule(name=name, title=name, share=share)
        for name, share in (("gold", 1000), ("silver", 5000), ("plain", None))
    ),
)
CUT_OFFS = CutOffs((1000, 100))


def at(text: str) -> int:
    return microseconds(datetime.fromisoformat(text).replace(tzinfo=UTC))


def decide_all(rules, steps, cut_offs=None, **told):
    """Standing after each (instant, values)."""
    decide, standing, found = Decide(rules, TYPES), None, []
    for instant, values in steps:
        standing = decide(values, instant, cut_offs=cut_offs, previous=standing, **told).standing
        found.append(standing)
    return found


def test_a_tag_lapses_when_it_expires_and_is_given_anew_when_its_condition_comes_true_again():
    rules = StandingRules(tags=(TagRule(name="t", title="T", when=TRUE, expires=10),))
    on, off = {"on": True}, {"on": False}
    steps = [(0, on), (9, on), (10, on), (20, on), (21, off), (22, on), (31, on), (32, on)]
    found = decide_all(rules, [(second * SECOND, values) for second, values in steps])
    assert ["t" in each.tags for each in found] == [True, True, False, False, False, True, True, False]


def test_a_tag_without_expiry_is_there_while_its_condition_holds():
    rules = StandingRules(tags=(TagRule(name="t", title="T", when=TRUE),))
    found = decide_all(rules, [(0, {"on": True}), (DAY * 999, {"on": True}), (DAY * 1000, {"on": None})])
    assert ["t" in each.tags for each in found] == [True, True, False]


@pytest.mark.parametrize(("now", "there"), [(4, False), (5, True), (9, True), (10, False)])
def test_a_hand_tag_is_there_from_its_giving_until_it_expires_or_is_taken(now, there):
    for ends in ({"expires_at": 10}, {"removed_at": 10}, {"expires_at": 10, "removed_at": 99}):
        standing = Decide(StandingRules(), TYPES)({}, now, hand_tags=[HandTag("h", 5, **ends)]).standing
        assert ("h" in standing.tags) is there


def test_rules_see_hand_tags():
    segment = SegmentRule(name="s", title="S", when=Compare(name="tags", operator="has_any", operands=("h",)))
    rules = StandingRules(segments=(segment,))
    assert Decide(rules, TYPES)({}, 5, hand_tags=[HandTag("h", 5)]).standing.segments == {"s"}
    assert not Decide(rules, TYPES)({}, 4, hand_tags=[HandTag("h", 5)]).standing.segments


TIER_STEPS = [
    ("2025-03-01", 100, "silver"),  # by rank at first
    ("2025-04-01", 1000, "gold"),  # up at once
    ("2025-05-01", 10, "gold"),  # kept
    ("2026-01-14T23:59:59", 10, "gold"),
    ("2026-01-15", 10, "gold"),  # found lost by the review
    ("2026-02-13T23:59:59", 10, "gold"),  # kept through the grace
    ("2026-02-14", 10, "plain"),
    ("2026-03-01", 100, "silver"),
    ("2026-03-02", 10, "silver"),  # until the next review
    ("2027-01-15", 10, "silver"),
    ("2027-01-20", 150, "silver"),  # earned again within the grace
    ("2027-02-14", 10, "silver"),  # so it is kept until the review after
    ("2028-01-15", 10, "silver"),
    ("2028-02-14", 10, "plain"),
]


def test_tiers_go_up_at_once_and_down_only_after_a_review_and_its_grace():
    steps = [(at(day), {"spend": spend}) for day, spend, _ in TIER_STEPS]
    found = decide_all(StandingRules(tiers=TIERS), steps, CUT_OFFS)
    assert [each.tier for each in found] == [tier for _, _, tier in TIER_STEPS]


def test_until_when_a_lost_tier_is_kept_is_known_to_conditions_through_the_grace():
    warned = SegmentRule(name="warned", title="Warned", when=Compare(name="tier_ends_at", operator="known"))
    steps = [(at(day), {"spend": spend}) for day, spend, _ in TIER_STEPS[:7]]
    found = decide_all(StandingRules(tiers=TIERS, segments=(warned,)), steps, CUT_OFFS)
    assert [(each.tier_ends_at, "warned" in each.segments) for each in found[-5:]] == [
        (None, False),
        (None, False),
        (at("2026-02-14"), True),
        (at("2026-02-14"), True),
        (None, False),
    ]


def test_without_cut_offs_a_tier_stays_as_it_was():
    before = Standing(tier="gold", tier_ends_at=at("2026-02-14"), at=at("2026-01-16"))
    found = Decide(StandingRules(tiers=TIERS), TYPES)({"spend": 1}, at("2026-03-01"), previous=before).standing
    assert (found.tier, found.tier_ends_at) == ("gold", at("2026-02-14"))


def test_of_several_stages_the_first_counts_and_all_are_told():
    stages = (
        StageRule(name="one", title="1", when=TRUE),
        StageRule(name="two", title="2", when=TRUE),
        StageRule(name="three", title="3", when=Not(part=TRUE)),
    )
    decide = Decide(StandingRules(lifecycle=Lifecycle(stages=stages[:2])), TYPES)
    both, none = decide({"on": True}, 0), decide({"on": False}, 0)
    assert (both.standing.stage, both.stages) == ("one", ("one", "two"))
    assert (none.standing.stage, none.stages) == (None, ())


def test_a_stage_that_may_not_follow_is_kept_and_marked():
    stages = (
        StageRule(name="a", title="A", when=TRUE, to=("b",)),
        StageRule(name="b", title="B", when=TRUE, to=()),
        StageRule(name="c", title="C", when=TRUE),
    )
    rules = StandingRules(lifecycle=Lifecycle(stages=stages))

    def moved(before, after):
        return changes(Standing(stage=before), Standing(stage=after), rules)

    assert moved("a", "b") == (Change("stage", "a", "b"),)
    assert moved("a", "c") == (Change("stage", "a", "c", unexpected=True),)
    assert moved("b", "c")[0].unexpected
    assert not moved("c", "a")[0].unexpected
    assert not moved(None, "c")[0].unexpected
    assert moved("a", "a") == ()


def test_a_tier_rises_from_a_lower_one_or_from_none():
    rules = StandingRules(tiers=TIERS)

    def rises(before, after):
        return changes(Standing(tier=before), Standing(tier=after), rules)[0].rises

    assert rises("silver", "gold")
    assert rises(None, "gold")
    assert not rises("gold", "silver")
    assert not rises("gold", None)


def test_tags_and_segments_may_use_each_other_in_any_written_order():
    def has(kind, name):
        return Compare(name=kind, operator="has_any", operands=(name,))

    rules = StandingRules(
        tags=(
            TagRule(name="last", title="L", when=has("segments", "middle")),
            TagRule(name="first", title="F", when=TRUE),
        ),
        segments=(SegmentRule(name="middle", title="M", when=has("tags", "first")),),
        lifecycle=Lifecycle(stages=(StageRule(name="s", title="S", when=has("tags", "last")),)),
    )
    standing = Decide(rules, TYPES)({"on": True}, 0).standing
    assert (standing.tags, standing.segments, standing.stage) == ({"first", "last"}, {"middle"}, "s")
    order = dependency_order(rules)
    assert [order.index(each) for each in ("tag first", "segment middle", "tag last", "stage")] == [0, 1, 2, 3]


def test_parts_that_depend_on_each_other_are_shown_as_a_path():
    rules = StandingRules(
        tags=(TagRule(name="t", title="T", when=Compare(name="stage", operator="eq", operand="s")),),
        lifecycle=Lifecycle(
            stages=(StageRule(name="s", title="S", when=Compare(name="tags", operator="has_none", operands=("t",))),)
        ),
    )
    with pytest.raises(CircleError, match=r"stage -> tag t -> stage|tag t -> stage -> tag t"):
        Decide(rules, TYPES)
