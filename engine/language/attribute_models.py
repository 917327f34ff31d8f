"""Attributes as written: the models of their declarations."""

from typing import Any

from pydantic import ConfigDict, Field

from engine.attributes.definition import Aggregate
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

OF_ROWS = ("count", "exists", "none")
OF_FIELD = ("sum", "min", "max", "first", "last", "distinct", "days_since")
AGGREGATIONS: tuple[Aggregate, ...] = ("value", *OF_ROWS, *OF_FIELD, "ratio")  # type: ignore[assignment]  # literals all


class RatioModel(Model):
    """One attribute divided by another."""

    of: AttributePart = Field(description="The attribute that is divided.")
    over: AttributePart = Field(description="The attribute that it is divided by.")


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
    count: RelationPart = Field(default=None, description="How many rows there are: orders.")
    exists: RelationPart = Field(default=None, description="Whether there is a row.")
    none: RelationPart = Field(default=None, description="Whether there is no row.")
    sum: FieldPart = Field(default=None, description="The sum of a field: payments.amount.")
    min: FieldPart = Field(default=None, description="The smallest value of a field.")
    max: FieldPart = Field(default=None, description="The largest value of a field.")
    first: FieldPart = Field(default=None, description="A field of the first row.")
    last: FieldPart = Field(default=None, description="A field of the last row.")
    distinct: FieldPart = Field(
        default=None, description="The different values of a field, or (type integer) their number."
    )
    days_since: FieldPart = Field(default=None, description="Whole days (24 h) since the latest row's instant.")
    ratio: RatioModel | None = Field(default=None, description="One attribute divided by another.")
    where: RowConditionPart = Field(default=None, description="Only rows for which this holds.")
    within: DurationText | None = Field(
        default=None, description="Only rows of the last so long, up to the instant of asking."
    )
    scale: int | None = Field(default=None, ge=0, le=9, description="Digits after the point of a decimal.")
    by: OrderingPart = Field(default=None, description="The field that orders rows for first and last.")
    calendar: bool = Field(default=False, description="Turns at the customer's local midnight.")


class AttributesFile(Model):
    """A file of attributes: what is known of each customer."""

    attributes: dict[AttributeName, AttributeModel] = Field(description="Attributes by name.")
