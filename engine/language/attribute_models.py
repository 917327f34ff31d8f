"""Attributes as written: the models of their declarations."""

from typing import Any, get_args

from pydantic import ConfigDict, Field

from engine.attributes.definition import Aggregate, OfField, OfPerson, OfRows
from engine.conditions.types import Type
from engine.language.model import Model
from engine.language.values import (
    AttributeName,
    AttributePart,
    CustomerFieldPart,
    DurationText,
    FieldPart,
    OrderingPart,
    RelationPart,
    RowConditionPart,
    Text,
)

OF_PERSON: tuple[OfPerson, ...] = get_args(OfPerson)
OF_ROWS: tuple[OfRows, ...] = get_args(OfRows)
OF_FIELD: tuple[OfField, ...] = get_args(OfField)
OF_EITHER = ("days_since",)
"""Of rows, or of an instant of the customer's own."""
ASKING = ("share", "streak")
"""What asks `that` of each row."""
DECIMALS = ("ratio", "share", "mean", "median_interval")
"""What can give a decimal, whose digits must be declared."""
AGGREGATIONS: tuple[Aggregate, ...] = (*OF_PERSON, *OF_ROWS, *OF_FIELD, "ratio")


class RatioModel(Model):
    """One attribute divided by another."""

    of: AttributePart = Field(description="The attribute that is divided.")
    over: AttributePart = Field(description="The attribute that it is divided by.")


class ExampleModel(Model):
    """A few facts, the value that follows from them, and a rule that asks for it."""

    facts: dict[str, list[dict[str, object]]] = Field(
        default_factory=dict, description="Rows by relation: {orders: [{placed_at: -40d, paid_at: -40d}]}."
    )
    words: dict[str, list[str]] = Field(default_factory=dict, description="Word lists, for attributes of texts.")
    gives: object = Field(description="The value, or unknown.")
    rule: dict[str, object] | None = Field(
        default=None, description="A rule that asks for the attribute, and for nothing else: {paid_orders: {gte: 2}}."
    )
    holds: bool = Field(default=True, description="Whether that rule holds where the attribute has this value.")


def _one_aggregation(schema: dict[str, Any]) -> None:
    """What pydantic's fields alone cannot say in the JSON Schema."""
    schema["oneOf"] = [{"required": [name]} for name in AGGREGATIONS]
    schema["allOf"] = [{"x-definition": "attribute-by-relation"}]


class AttributeModel(Model):
    """One attribute: its title and type, and exactly one aggregation."""

    model_config = ConfigDict(json_schema_extra=_one_aggregation)

    title: Text = Field(description="What it is called in lists and in the editor.")
    type: Type = Field(description="What kind of value it has.")
    unit: Text | None = Field(default=None, description="What a number counts: days, orders, points.")
    description: Text | None = Field(
        default=None, description="What exactly it says, for whoever writes rules with it."
    )
    value: CustomerFieldPart = Field(default=None, description="A field of the customer: customer.country.")
    age: CustomerFieldPart = Field(default=None, description="Completed years since a date: customer.birthday.")
    count: RelationPart = Field(default=None, description="How many rows there are: orders.")
    exists: RelationPart = Field(default=None, description="Whether there is a row.")
    none: RelationPart = Field(default=None, description="Whether there is no row.")
    share: RelationPart = Field(default=None, description="The part of the rows for which `that` holds.")
    streak: RelationPart = Field(
        default=None, description="How many of the latest rows, without a break, `that` holds for."
    )
    sum: FieldPart = Field(default=None, description="The sum of a field: payments.amount.")
    mean: FieldPart = Field(default=None, description="The mean of a field: reviews.score.")
    min: FieldPart = Field(default=None, description="The smallest value of a field.")
    max: FieldPart = Field(default=None, description="The largest value of a field.")
    first: FieldPart = Field(default=None, description="A field of the first row.")
    last: FieldPart = Field(default=None, description="A field of the last row.")
    distinct: FieldPart = Field(
        default=None, description="The different values of a field, or (type integer) their number."
    )
    top: FieldPart = Field(default=None, description="The most frequent value of a field: lines.category.")
    days_since: FieldPart = Field(default=None, description="Whole days (24 h) since the latest row's instant.")
    days_since_first: FieldPart = Field(default=None, description="Whole days since the earliest row's instant.")
    interval: FieldPart = Field(default=None, description="Whole days between the last two rows' instants.")
    median_interval: FieldPart = Field(
        default=None, description="The median of the days between successive rows' instants."
    )
    hour: FieldPart = Field(default=None, description="The most frequent hour, 0 to 23, by the customer's clock.")
    weekday: FieldPart = Field(default=None, description="The most frequent weekday, 1 (Monday) to 7.")
    ratio: RatioModel | None = Field(default=None, description="One attribute divided by another.")
    where: RowConditionPart = Field(default=None, description="Only rows for which this holds.")
    that: RowConditionPart = Field(default=None, description="Of share and streak: what is asked of each row.")
    within: DurationText | None = Field(
        default=None, description="Only rows of the last so long, up to the instant of asking."
    )
    example: ExampleModel | None = Field(
        default=None, description="A few facts and the value that follows; shown in the reference, and tested."
    )
    scale: int | None = Field(default=None, ge=0, le=9, description="Digits after the point of a decimal.")
    by: OrderingPart = Field(default=None, description="The field that orders rows for first and last.")
    calendar: bool = Field(default=False, description="Turns at the customer's local midnight.")


class AttributesFile(Model):
    """A file of attributes: what is known of each customer."""

    attributes: dict[AttributeName, AttributeModel] = Field(description="Attributes by name.")
