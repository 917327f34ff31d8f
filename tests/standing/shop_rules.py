"""The domain's stages, tiers and RFM, and some tags and segments, built in Python over the shipped attributes."""

from engine.conditions.ast import All, Compare, Condition, Did, Not
from engine.standing.definition import (
    Lifecycle,
    Measure,
    Rfm,
    RfmGroup,
    SegmentRule,
    StageRule,
    StandingRules,
    TagRule,
    TierRule,
    Tiers,
)

DAY = 86_400


def compare(name: str, **operators: object) -> Condition:
    """`compare("paid_orders", gte=2, lt=4)`; lists are operands of in and has_*."""
    parts = tuple(
        Compare(name=name, operator=operator, operands=tuple(value))
        if isinstance(value, list)
        else Compare(name=name, operator=operator, operand=value)
        for operator, value in operators.items()
    )
    return parts[0] if len(parts) == 1 else All(parts=parts)


def _stage(name: str, *parts: Condition, to: tuple[str, ...] | None = None) -> StageRule:
    return StageRule(name=name, title=name.title(), when=All(parts=parts), to=to)


_SINCE = "days_since_last_order"
LIFECYCLE = Lifecycle(
    stages=(
        _stage("prospect", compare("paid_orders", eq=0), to=("new",)),
        _stage("new", compare("paid_orders", eq=1), compare(_SINCE, lt=30), to=("active",)),
        _stage(
            "active",
            compare("paid_orders", gte=1),
            compare(_SINCE, lt=90),
            Not(part=All(parts=(compare("paid_orders", eq=1), compare(_SINCE, lt=30)))),
        ),
        _stage("sleeping", compare("paid_orders", gte=1), compare(_SINCE, gte=90, lt=180)),
        _stage("pre-churn", compare("paid_orders", gte=1), compare(_SINCE, gte=180, lt=365)),
        _stage("lost", compare("paid_orders", gte=1), compare(_SINCE, gte=365)),
    )
)
TIERS = Tiers(
    rank_by="spend_365d",
    base=compare("spend_365d", gt=0),
    grace=30 * DAY,
    tiers=(
        TierRule(name="supreme", title="Supreme VIP", share=1000),
        TierRule(name="vip", title="VIP", share=2500),
        TierRule(name="senior", title="Senior", share=5000),
        TierRule(name="ordinary", title="Ordinary", share=None),
    ),
)
_GROUPS = {
    "key-value": (True, True, True),
    "key-keep": (False, True, True),
    "key-develop": (True, False, True),
    "key-retain": (False, False, True),
    "potential": (True, True, False),
    "rfm-new": (True, False, False),
    "general-keep": (False, True, False),
    "rfm-lost": (False, False, False),
}
RFM = Rfm(
    base=compare("paid_orders_730d", gte=1),
    recency=Measure(attribute=_SINCE, quantile=5000),
    frequency=Measure(attribute="paid_orders_730d", high_from=2),
    monetary=Measure(attribute="spend_24mo", quantile=5000),
    groups=tuple(
        RfmGroup(name=name, title=name, recent=recent, frequent=frequent, valuable=valuable)
        for name, (recent, frequent, valuable) in _GROUPS.items()
    ),
)
TAGS = (
    TagRule(name="returning", title="Returning", when=compare("paid_orders", gte=2)),
    TagRule(name="just-bought", title="Just bought", when=compare(_SINCE, lt=30), expires=7 * DAY),
    TagRule(name="high-end", title="High end", when=compare("tier", **{"in": ["supreme", "vip"]})),
)
SEGMENTS = (
    SegmentRule(
        name="dormant-high-value",
        title="Dormant, high value",
        when=All(parts=(compare(_SINCE, gte=90, lt=365), compare("tags", has_any=["high-end"]))),
    ),
    SegmentRule(
        name="key-customers", title="Key customers", when=compare("rfm_group", **{"in": ["key-value", "key-keep"]})
    ),
    SegmentRule(name="visitors", title="Visitors", when=Did(event="site.visit", within_seconds=14 * DAY)),
)
RULES = StandingRules(tags=TAGS, segments=SEGMENTS, lifecycle=LIFECYCLE, tiers=TIERS, rfm=RFM)
