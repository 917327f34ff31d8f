"""Files of standing as written: tags, segments, lifecycle, tiers, RFM and word lists."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, PlainValidator, WithJsonSchema

from engine.language.model import Model
from engine.language.values import (
    AttributePart,
    DurationText,
    Name,
    Percent,
    StandingPart,
    Text,
    ThresholdPart,
    refuse,
)

DIRECTIONS = ("support", "logistics", "discounts", "care")


def _read_benefit(value: object) -> str | int | bool:
    if isinstance(value, str | int | bool) and value != "":
        return value
    hint = f'quote it: "{value}"' if isinstance(value, Decimal) else ""
    raise refuse("RG203", "text, a whole number, true or false", hint)


_BENEFIT = {"anyOf": [{"type": "boolean"}, {"type": "integer"}, {"type": "string", "minLength": 1}]}
Benefit = Annotated[str | int | bool, PlainValidator(_read_benefit), WithJsonSchema(_BENEFIT)]


class TagModel(Model):
    """A tag: given while its condition holds, or by hand."""

    title: Text = Field(description="What people call it.")
    description: Text | None = Field(default=None, description="What exactly it says.")
    when: StandingPart = Field(default=None, description="Who has it.")
    by_hand: bool = Field(default=False, description="Given by people and playbooks only, in place of a condition.")
    expires: DurationText | None = Field(default=None, description="Lost so long after it was given, at the latest.")


class TagsFile(Model):
    """A file of tags: words that stick to customers."""

    tags: dict[Name, TagModel] = Field(description="Tags by name.")


class SegmentModel(Model):
    """A segment: the customers for whom its condition holds."""

    title: Text = Field(description="What people call it.")
    description: Text | None = Field(default=None, description="Who they are, and what they are wanted for.")
    when: StandingPart = Field(description="Who is in it.")
    used_by: Text | None = Field(
        default=None, description="Who uses it besides rules: reports, people, another system."
    )


class SegmentsFile(Model):
    """A file of segments: groups of customers."""

    segments: dict[Name, SegmentModel] = Field(description="Segments by name.")
    used_by: Text | None = Field(default=None, description="Who uses all of them besides rules: reports, people.")


class StageModel(Model):
    """One stage of the lifecycle."""

    title: Text = Field(description="What people call it.")
    description: Text | None = Field(default=None, description="Who is in it.")
    when: StandingPart = Field(description="Who is in it: each customer belongs to exactly one stage.")
    to: list[Name] | None = Field(default=None, description="Stages that may follow it; default: any.")


class LifecycleModel(Model):
    """The stages that divide all customers, earliest first."""

    stages: dict[Name, StageModel] = Field(description="Stages by name, earliest first.")


class LifecycleFile(Model):
    """The file of the lifecycle."""

    lifecycle: LifecycleModel = Field(description="The lifecycle: stages, of which each customer is in exactly one.")


class ReviewModel(Model):
    """The day of the year on which downgrades take effect."""

    month: int = Field(ge=1, le=12, description="The month, 1 to 12.")
    day: int = Field(ge=1, le=31, description="The day of the month.")


class BenefitsModel(Model):
    """What a tier gives, in four directions."""

    support: dict[Name, Benefit] = Field(default_factory=dict, description="adviser, return_days, priority_queue …")
    logistics: dict[Name, Benefit] = Field(default_factory=dict, description="free_shipping_from, express …")
    discounts: dict[Name, Benefit] = Field(default_factory=dict, description="launch_price, member_day …")
    care: dict[Name, Benefit] = Field(default_factory=dict, description="birthday, holidays, weather …")


class LevelModel(Model):
    """One tier."""

    title: Text = Field(description="What people call it.")
    description: Text | None = Field(default=None, description="Who is in it.")
    share: Percent | None = Field(default=None, description="Its own share of the customers; the last tier has none.")
    benefits: BenefitsModel = Field(default_factory=BenefitsModel, description="What it gives.")


class TiersModel(Model):
    """Tiers by the rank of an attribute."""

    rank_by: AttributePart = Field(description="The number by which customers are ranked.")
    base: StandingPart = Field(default=None, description="Who is ranked at all; all others are in the last tier.")
    grace: DurationText | None = Field(default=None, description="How long a tier is kept after the review.")
    review: ReviewModel | None = Field(default=None, description="When downgrades take effect; default: 1 January.")
    levels: dict[Name, LevelModel] = Field(description="Tiers by name, best first.")


class TiersFile(Model):
    """The file of the tiers."""

    tiers: TiersModel = Field(description="Ranks of customers, and what each brings.")


class HighModel(Model):
    """Where high begins: a fixed value, or a quantile of all customers in the base."""

    from_: ThresholdPart = Field(default=None, alias="from", description="High from this value on.")
    quantile: Percent | None = Field(default=None, description="High at or better than it; 50% is the median.")


class MeasureModel(Model):
    """One of R, F and M."""

    attribute: AttributePart = Field(description="The number that is measured.")
    high: HighModel = Field(description="Where high begins.")


class GroupModel(Model):
    """An RFM group."""

    title: Text = Field(description="What people call it.")
    recent: bool = Field(description="Bought lately.")
    frequent: bool = Field(description="Buys often.")
    valuable: bool = Field(description="Spends much.")
    advice: Text | None = Field(default=None, description="What to do for them.")


class RfmModel(Model):
    """Recency, frequency and monetary value: scores and groups."""

    base: StandingPart = Field(description="Who is measured; all others have no group.")
    recency: MeasureModel = Field(description="The time since the last order: the less, the better.")
    frequency: MeasureModel = Field(description="How often.")
    monetary: MeasureModel = Field(description="How much.")
    scores: int = Field(default=5, ge=2, le=10, description="Scores go from 1 to this, which is best.")
    groups: dict[Name, GroupModel] = Field(description="Groups by name.")


class RfmFile(Model):
    """The file of RFM."""

    rfm: RfmModel = Field(description="How recently, how often and for how much customers buy; the groups that follow.")


class WordListModel(Model):
    """Words that mean one thing when they stand in a review."""

    title: Text = Field(description="What the words mean.")
    description: Text | None = Field(default=None, description="More about it.")
    words: list[Text] = Field(description="Words and phrases, in any language; case does not matter.")


class WordsFile(Model):
    """A file of word lists."""

    words: dict[Name, WordListModel] = Field(description="Word lists by name.")
