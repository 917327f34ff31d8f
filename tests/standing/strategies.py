"""Small shops in which much happens within seconds: rules of standing, facts of one customer, cut-offs, hand tags."""

from datetime import UTC, date, datetime

from hypothesis import strategies as st

from engine.attributes.definition import AttributeDefinition
from engine.attributes.facts import CustomerFacts
from engine.attributes.relations import RELATIONS
from engine.conditions.ast import Compare, Did
from engine.conditions.operands import microseconds
from engine.standing.cut_offs import CutOffs, MeasureCutOffs, RfmCutOffs
from engine.standing.decide import HandTag, Standing
from engine.standing.definition import (
    Lifecycle,
    Measure,
    Review,
    Rfm,
    RfmGroup,
    SegmentRule,
    StageRule,
    StandingRules,
    TagRule,
    TierRule,
    Tiers,
)
from tests.conditions.strategies import trees

SECOND = 1_000_000
DAY = 86_400 * SECOND
SPAN = 30
"""Seconds that are looked at one by one."""
REVIEW = datetime(2026, 1, 15, tzinfo=UTC)
NOW = microseconds(REVIEW) - 12 * SECOND
"""A review of the tiers, a birthday and a local midnight come 12 seconds later."""

PAID = Compare(name="paid", operator="eq", operand=True)


def _attribute(name: str, **declared: object) -> AttributeDefinition:
    return AttributeDefinition(**{"name": name, "title": name, "type": "integer", **declared})


ATTRIBUTES = {
    each.name: each
    for each in (
        _attribute("lately", aggregate="count", of="orders", where=PAID, within_seconds=5),
        _attribute("spent", aggregate="sum", of="orders.total", type="money", where=PAID, within_seconds=11),
        _attribute("orders", aggregate="count", of="orders", where=PAID),
        _attribute("since", aggregate="days_since", of="orders.placed_at", where=PAID),
        _attribute("since_first", aggregate="days_since_first", of="orders.placed_at"),
        _attribute("since_paid", aggregate="days_since", of="orders.paid_at", within_seconds=3 * 86_400),
        _attribute("each", aggregate="ratio", of="since_first", over="orders", type="decimal", scale=1),
        _attribute("age", aggregate="age", of="customer.birthday"),
    )
}
_COUNTS = st.sampled_from([0, 1, 2, 3])
_ORDERS = ["eq", "lt", "lte", "gt", "gte"]
_attribute_leaves = st.one_of(
    st.builds(
        Compare,
        name=st.sampled_from(["lately", "orders", "since", "since_first", "since_paid"]),
        operator=st.sampled_from(_ORDERS),
        operand=_COUNTS,
    ),
    st.builds(Compare, name=st.just("since"), operator=st.sampled_from(["in", "not_in"]), operands=st.just((1, 3))),
    st.builds(Compare, name=st.just("each"), operator=st.sampled_from(_ORDERS), operand=st.sampled_from(["0.5", "1"])),
    st.builds(
        Compare,
        name=st.just("spent"),
        operator=st.sampled_from(["gt", "lt"]),
        amounts=st.sampled_from([(("EUR", 0),), (("EUR", 300),)]),
    ),
    st.builds(Compare, name=st.just("age"), operator=st.just("gte"), operand=st.just(30)),
    st.builds(Compare, name=st.just("since_paid"), operator=st.sampled_from(["known", "unknown"])),
    st.builds(
        Did,
        event=st.just("order.paid"),
        within_seconds=st.sampled_from([None, 4, 9]),
        times=st.sampled_from([1, 2]),
    ),
)
_TAGS, _SEGMENTS = ("t0", "t1"), ("s0", "s1")
_tag_leaves = st.builds(
    Compare,
    name=st.just("tags"),
    operator=st.sampled_from(["has_any", "has_none"]),
    operands=st.sampled_from([("t0",), ("t1", "by-hand")]),
)
_late_leaves = st.one_of(
    _attribute_leaves,
    _tag_leaves,
    st.builds(Compare, name=st.just("tier"), operator=st.just("eq"), operand=st.sampled_from(["vip", "base"])),
    st.builds(Compare, name=st.just("rfm_group"), operator=st.just("eq"), operand=st.just("best")),
    st.builds(Compare, name=st.just("rfm_recency"), operator=st.just("gte"), operand=st.sampled_from([2, 3])),
)
_conditions = trees(_attribute_leaves)
_late_conditions = trees(_late_leaves)

TIERS = Tiers(
    rank_by="spent",
    base=Compare(name="spent", operator="gt", amounts=(("EUR", 0),)),
    grace=6,
    review=Review(month=1, day=15),
    tiers=(
        TierRule(name="vip", title="VIP", share=1000),
        TierRule(name="senior", title="Senior", share=5000),
        TierRule(name="base", title="Base", share=None),
    ),
)
RFM = Rfm(
    base=Compare(name="orders", operator="gte", operand=1),
    recency=Measure(attribute="since", quantile=5000),
    frequency=Measure(attribute="orders", high_from=2),
    monetary=Measure(attribute="spent", quantile=5000),
    scores=3,
    groups=(
        RfmGroup(name="best", title="Best", recent=True, frequent=True, valuable=True),
        RfmGroup(name="fresh", title="Fresh", recent=True, frequent=False, valuable=False),
        RfmGroup(name="gone", title="Gone", recent=False, frequent=False, valuable=False),
    ),
)


@st.composite
def rules(draw):
    """Tags, segments and stages over attributes, tiers, RFM and each other."""
    expiries = st.sampled_from([None, 3, 8])
    tags = [TagRule(name=name, title=name, when=draw(_conditions), expires=draw(expiries)) for name in _TAGS]
    segments = [SegmentRule(name=name, title=name, when=draw(_late_conditions)) for name in _SEGMENTS]
    stages = [StageRule(name=name, title=name, when=draw(_late_conditions)) for name in ("first", "second")]
    return StandingRules(
        tags=tuple(tags), segments=tuple(segments), lifecycle=Lifecycle(stages=tuple(stages)), tiers=TIERS, rfm=RFM
    )


_seconds = st.integers(-15, SPAN).map(lambda each: NOW + each * SECOND)
_instants = st.builds(lambda at, days: at - days * DAY, _seconds, st.sampled_from([0, 0, 0, 1, 2, 3]))
_maybe = st.none() | _instants


@st.composite
def orders(draw):
    """Rows of orders near the edges of windows and days."""
    number = draw(st.integers(0, 4))
    return [
        RELATIONS["orders"].row(
            draw(_instants),
            f"{each:03}",
            order_id=each,
            paid_at=draw(_maybe),
            cancelled_at=draw(st.none() | st.none() | _seconds),
            counts=True,
            total=draw(st.sampled_from([0, 150, 400])),
            currency="EUR",
        )
        for each in range(number)
    ]


def customer_facts(rows: list[tuple[object, ...]]) -> CustomerFacts:
    """The facts of somebody whose birthday is the day of the review."""
    person = RELATIONS["customer"].row(None, "c", birthday=date(1996, 1, 15))
    return CustomerFacts(1, "UTC", {"orders": rows, "customer": [person]})


cut_offs = st.sampled_from(
    [
        None,
        CutOffs(
            (350, 100),
            RfmCutOffs(
                MeasureCutOffs("less", 1, (2, 0)),
                MeasureCutOffs("more", 2, (2, 3)),
                MeasureCutOffs("more", 150, (150, 400)),
            ),
        ),
    ]
)
hand_tags = st.lists(
    st.builds(HandTag, st.sampled_from(["by-hand", "t0"]), _seconds, st.none() | _seconds, st.none() | _seconds),
    max_size=2,
)
previous = st.none() | st.builds(
    Standing,
    tier=st.sampled_from([None, "vip", "senior"]),
    stage=st.sampled_from([None, "first"]),
    given=st.dictionaries(st.sampled_from(_TAGS), st.sampled_from([NOW - 2 * SECOND, NOW - 9 * SECOND]), max_size=2),
    at=st.sampled_from([NOW - DAY, NOW - SECOND]),
)
