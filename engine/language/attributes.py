"""Attributes: what is known of a customer, declared as aggregations over facts."""

from collections.abc import Mapping as Dictionary
from dataclasses import dataclass
from typing import Any

from pydantic import ConfigDict, Field

from engine.attributes.definition import Aggregate, AttributeDefinition
from engine.attributes.relation import Relation
from engine.attributes.relations import RELATIONS
from engine.conditions.types import Type
from engine.language.conditions import compile_condition
from engine.language.issues import Report, did_you_mean, one_of
from engine.language.located import Entry, Mapping, Node, Scalar, found
from engine.language.model import Model
from engine.language.scope import Names, Typed, fields
from engine.language.validate import mapping, validate
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

_NUMBERS: tuple[Type, ...] = ("integer", "decimal", "money")
_OF_ROWS = ("count", "exists", "none")
_OF_FIELD = ("sum", "min", "max", "first", "last", "distinct", "days_since")
_FITTING: Dictionary[str, tuple[Type, ...]] = {
    "sum": _NUMBERS,
    "min": (*_NUMBERS, "instant", "date"),
    "max": (*_NUMBERS, "instant", "date"),
    "distinct": ("string", "set"),
    "days_since": ("instant", "date"),
}
_RESULTS: Dictionary[str, tuple[Type, ...]] = {
    "count": ("integer",),
    "exists": ("boolean",),
    "none": ("boolean",),
    "distinct": ("set", "integer"),
    "days_since": ("integer",),
    "ratio": ("decimal", "integer", "money"),
}


AGGREGATIONS: tuple[Aggregate, ...] = ("value", *_OF_ROWS, *_OF_FIELD, "ratio")  # type: ignore[assignment]  # literals all


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


@dataclass(frozen=True, slots=True)
class Declared:
    """An attribute as written: its definition if it is sound, and where it stands."""

    name: str
    entry: Entry
    report: Report
    definition: AttributeDefinition | None


def compile_attributes(root: Mapping, report: Report) -> list[Declared]:
    """Reads all attributes of a file; unsound ones have no definition.

    Ratios still need `check_ratios` once all files are read.
    """
    for entry in root:
        if entry.key != "attributes":
            report.error("RG201", entry.span, entry.key, "attributes alone in their file")
    holder = root.entry("attributes")
    node = mapping(holder.value, report, "attributes by name", holder.span) if holder else None
    if node is None:
        return []
    if not node.entries:
        report.error("RG211", node.span, "no attributes", "at least one attribute")
    return [_declared(entry, report) for entry in node]


def _declared(entry: Entry, report: Report) -> Declared:
    report.rule = f"attribute {entry.key}"
    before = report.faults
    validate(
        _Named, Mapping(entry.span, (Entry("name", entry.span, Scalar(entry.span, entry.key, entry.key)),)), report
    )
    definition = _definition(entry, report)
    sound = report.faults == before
    report.rule = ""
    return Declared(entry.key, entry, report, definition if sound else None)


class _Named(Model):
    name: AttributeName


def _definition(entry: Entry, report: Report) -> AttributeDefinition | None:
    node = mapping(entry.value, report, "an attribute: title, type and one aggregation", entry.span)
    if node is None:
        return None
    model = validate(AttributeModel, node, report, at=entry.span)
    aggregations = [each for each in node if each.key in AGGREGATIONS]
    if len(aggregations) != 1:
        at = aggregations[1].span if aggregations else entry.span
        given = " and ".join(each.key for each in aggregations[:3]) or "no aggregation"
        report.error("RG210", at, given, f"one of {one_of(AGGREGATIONS, 12)}")
        return None
    aggregate = aggregations[0]
    source = aggregate.key if aggregate.key == "ratio" else _checked_source(aggregate, report)
    relation = RELATIONS[source.partition(".")[0]] if source and aggregate.key != "ratio" else None
    where = _where(node, relation, report)
    _check_options(node, aggregate.key, relation, report)
    if model is None or source is None:
        return None
    _check_type(node, aggregate, model.type, _field_type(source), report)
    return _build(entry.key, model, aggregate.key, source, where)


def _build(name: str, model: AttributeModel, aggregate: str, source: str, where: object) -> AttributeDefinition:
    ratio = model.ratio
    return AttributeDefinition.model_validate(
        {
            "name": name,
            "title": model.title,
            "type": model.type,
            "unit": model.unit,
            "description": (model.description or "").strip(),
            "aggregate": aggregate,
            "of": source if ratio is None else str(ratio.of),
            "over": None if ratio is None else str(ratio.over),
            "where": where,
            "within_seconds": None if model.within is None else model.within.seconds,
            "scale": model.scale,
            "by": model.by,
            "calendar": model.calendar,
        }
    )


def _checked_source(entry: Entry, report: Report) -> str | None:
    """`orders` or `orders.paid_at`, if there are such rows and such a field."""
    node = entry.value
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        at = entry.span if found(node) == "nothing" else node.span
        report.error(
            "RG203",
            at,
            found(node),
            "a relation such as orders" if entry.key in _OF_ROWS else "a field such as orders.total",
        )
        return None
    name, dot, field = node.text.partition(".")
    relation = RELATIONS.get(name)
    if relation is None:
        report.error(
            "RG304", node.span, node.text, f"a relation: {one_of(RELATIONS, 12)}", did_you_mean(name, RELATIONS)
        )
        return None
    if entry.key == "value" and relation.at is not None:
        report.error("RG404", node.span, node.text, "a field of the customer", f"did you mean last: {node.text}?")
    if entry.key != "value" and relation.at is None:
        report.error(
            "RG404",
            node.span,
            node.text,
            "rows of which a customer has many",
            "write value: for a field of the customer",
        )
    if entry.key in _OF_ROWS:
        if dot:
            report.error("RG404", node.span, node.text, f"rows without a field: {name}", f"did you mean {name}?")
        return name
    return node.text if _has_field(node, relation, field, report) else None


def _has_field(node: Scalar, relation: Relation, field: str, report: Report) -> bool:
    if field in relation.offered:
        return True
    known = relation.offered
    hint = (
        did_you_mean(field, known).replace("mean ", f"mean {relation.name}.")
        if field
        else f"such as {relation.name}.{next(iter(known))}"
    )
    report.error("RG303", node.span, node.text, f"a field of {relation.name}: {one_of(known, 12)}", hint)
    return False


def _field_type(source: str) -> Type | None:
    name, _, field = source.partition(".")
    return RELATIONS[name].offered[field].type if name in RELATIONS and field in RELATIONS[name].offered else None


def _where(node: Mapping, relation: Relation | None, report: Report) -> object:
    where = node.get("where")
    if where is None or relation is None:
        return None
    return compile_condition(where, fields(f"a field of {relation.name}", row_names(relation)), report)


def row_names(relation: Relation) -> Names:
    """The fields of a relation's rows as names of conditions."""
    return {name: Typed(field.type, field.title) for name, field in relation.offered.items()}


def _check_options(node: Mapping, aggregate: str, relation: Relation | None, report: Report) -> None:
    """Keys that say nothing for this aggregation are refused, so that nobody trusts them."""
    meaningless = {
        "where": aggregate in ("value", "ratio"),
        "within": aggregate in ("value", "ratio"),
        "by": aggregate not in ("first", "last"),
    }
    for key, refused in meaningless.items():
        entry = node.entry(key)
        if entry and refused:
            report.error("RG201", entry.span, f"{key} beside {aggregate}", f"{aggregate} without {key}")
    by = node.get("by")
    if by is not None and relation is not None and not meaningless["by"]:
        name = by.text if isinstance(by, Scalar) else ""
        if name not in relation.offered:
            hint = did_you_mean(name, relation.offered)
            report.error(
                "RG303", by.span, found(by), f"a field of {relation.name}: {one_of(relation.offered, 12)}", hint
            )


def _check_type(node: Mapping, aggregate: Entry, declared: Type, field: Type | None, report: Report) -> None:
    """Whether the aggregation can be taken of its field, and gives the declared type."""
    if field is not None and field not in _FITTING.get(aggregate.key, (field,)):
        wanted = one_of(_FITTING[aggregate.key])
        report.error(
            "RG404", aggregate.value.span, f"{found(aggregate.value)}, of type {field}", f"a field of type {wanted}"
        )
        return
    results = _RESULTS.get(aggregate.key, (field,) if field else (declared,))
    stated = node.get("type")
    if declared not in results and stated is not None:
        hint = "" if len(results) > 1 else f"write type: {results[0]}"
        report.error("RG403", stated.span, declared, f"{one_of(results)}, which {aggregate.key} gives", hint)
    scale = node.entry("scale")
    if declared == "decimal" and aggregate.key == "ratio" and scale is None:
        report.error("RG202", aggregate.span, "no key scale", "the key scale: digits after the point", "scale: 2")
    if scale and declared != "decimal":
        report.error("RG201", scale.span, f"scale beside type {declared}", "scale beside type decimal")


def check_ratios(declared: Dictionary[str, Declared]) -> frozenset[str]:
    """Checks what ratios name, over all files.

    Returns:
        Names of attributes that are disabled by it.
    """
    disabled: set[str] = set()
    for attribute in declared.values():
        definition = attribute.definition
        if definition is None or definition.aggregate != "ratio":
            continue
        attribute.report.rule = f"attribute {attribute.name}"
        before = attribute.report.faults
        _check_ratio(attribute, declared)
        if attribute.report.faults > before:
            disabled.add(attribute.name)
        attribute.report.rule = ""
    return _with_dependents(disabled, declared)


def _check_ratio(attribute: Declared, declared: Dictionary[str, Declared]) -> None:
    node = attribute.entry.value
    ratio = node.get("ratio") if isinstance(node, Mapping) else None
    for key in ("of", "over"):
        part = ratio.get(key) if isinstance(ratio, Mapping) else None
        if part is not None:
            _check_part(attribute, part, declared)


def _check_part(attribute: Declared, part: Node, declared: Dictionary[str, Declared]) -> None:
    name = part.text if isinstance(part, Scalar) else ""
    report = attribute.report
    if name not in declared:
        report.error("RG301", part.span, found(part), "an attribute", did_you_mean(name, declared))
        return
    definition = declared[name].definition
    if definition is None:
        report.warning("RG313", part.span, name, "a sound attribute", "correct it first: it has errors of its own")
    elif definition.type not in _NUMBERS:
        report.error(
            "RG404", part.span, f"{name}, of type {definition.type}", f"an attribute of type {one_of(_NUMBERS)}"
        )
    elif circle := _circle(attribute.name, name, declared):
        report.error("RG312", part.span, " → ".join(circle), "attributes that do not depend on themselves")


def _circle(start: str, name: str, declared: Dictionary[str, Declared]) -> list[str]:
    """The way from an attribute back to itself, through ratios of ratios."""
    ways = [[start, name]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        if way[-1] == start:
            return way
        definition = declared[way[-1]].definition if way[-1] in declared else None
        if definition is None or definition.aggregate != "ratio" or way[-1] in seen:
            continue
        seen.add(way[-1])
        ways += [[*way, after] for after in (definition.of, definition.over) if after]
    return []


def _with_dependents(disabled: set[str], declared: Dictionary[str, Declared]) -> frozenset[str]:
    """Ratios of disabled attributes are disabled too."""
    ratios = [each.definition for each in declared.values() if each.definition and each.definition.aggregate == "ratio"]
    while more := {each.name for each in ratios if {each.of, each.over} & disabled} - disabled:
        disabled |= more
    return frozenset(disabled)
