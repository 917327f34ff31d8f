"""What gives a customer a standing: tags, segments, lifecycle stages, tiers and RFM groups, as data.

`engine.language` builds these from `rules/`; `engine.standing.decide` applies them.
Names that rules may use like attributes: `tags`, `segments` (sets), `stage`, `tier`, `rfm_group` (strings),
`rfm_recency`, `rfm_frequency`, `rfm_monetary` (integers 1 to 5, 5 is best).
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from engine.conditions.ast import Condition

Split = Literal["fixed", "quantile"]


class Part(BaseModel):
    """Common configuration: immutable and closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TagRule(Part):
    """A tag that a customer has while the condition holds, and `expires` seconds after it was given at the latest."""

    name: str
    title: str
    when: Condition
    description: str = ""
    expires: int | None = None


class SegmentRule(Part):
    """The customers for whom the condition holds."""

    name: str
    title: str
    when: Condition
    description: str = ""


class StageRule(Part):
    """One stage of the lifecycle. `to`: stages that may follow it; none given: any."""

    name: str
    title: str
    when: Condition
    description: str = ""
    to: tuple[str, ...] | None = None


class Lifecycle(Part):
    """Stages that divide all customers: each is in exactly one. Order is the operator's, earliest first."""

    stages: tuple[StageRule, ...]


class Benefits(Part):
    """What a tier gives, in the four directions; values are the shop's own words or numbers by name."""

    support: dict[str, str | int | bool] = {}
    logistics: dict[str, str | int | bool] = {}
    discounts: dict[str, str | int | bool] = {}
    care: dict[str, str | int | bool] = {}


class TierRule(Part):
    """One tier. `share`: cumulative from the top, in basis points (10 % = 1000); the last has none: the rest."""

    name: str
    title: str
    share: int | None
    benefits: Benefits = Benefits()


class Review(Part):
    """The day of the year on which downgrades take effect, in the shop's zone."""

    month: int
    day: int


class Tiers(Part):
    """Tiers by rank of an attribute, best first. Who has none of it (`base` does not hold) is in the last tier.

    `grace` in seconds: how long a tier is kept after the review found it lost.
    """

    rank_by: str
    base: Condition | None = None
    tiers: tuple[TierRule, ...]
    grace: int = 0
    review: Review = Review(month=1, day=1)


class Measure(Part):
    """One of R, F, M: its attribute, and where high begins: a fixed value, or a quantile in basis points."""

    attribute: str
    high_from: int | None = None
    """fixed: F is high from 2 orders on."""
    quantile: int | None = None
    """5000: the median, at or better than it is high."""


class RfmGroup(Part):
    """A group by whether recent, frequent and high in value."""

    name: str
    title: str
    recent: bool
    frequent: bool
    valuable: bool
    advice: str = ""


class Rfm(Part):
    """RFM over the customers for whom `base` holds; others have no group and no scores."""

    base: Condition
    recency: Measure
    frequency: Measure
    monetary: Measure
    scores: int = 5
    groups: tuple[RfmGroup, ...]


class StandingRules(Part):
    """All of it, in an order in which each is decided after what it uses."""

    tags: tuple[TagRule, ...] = ()
    segments: tuple[SegmentRule, ...] = ()
    lifecycle: Lifecycle | None = None
    tiers: Tiers | None = None
    rfm: Rfm | None = None
    order: tuple[str, ...] = ()
    """`stage`, `tier`, `rfm`, `tag NAME`, `segment NAME`, sorted by dependency."""
