"""Attributes: what is known of a customer, declared as aggregations over facts."""

from collections.abc import Mapping as Dictionary
from dataclasses import dataclass

from pydantic import ValidationError

from engine.attributes.definition import AttributeDefinition, Example
from engine.attributes.examples import facts_of, read_value
from engine.attributes.relation import Relation
from engine.attributes.relations import PRODUCT_FIELDS, RELATIONS
from engine.conditions.ast import Condition
from engine.conditions.types import Type
from engine.language.attribute_models import (
    AGGREGATIONS,
    ASKING,
    DECIMALS,
    OF_EITHER,
    OF_PERSON,
    OF_ROWS,
    AttributeModel,
)
from engine.language.conditions import compile_condition
from engine.language.issues import Report, did_you_mean, one_of
from engine.language.located import Entry, Mapping, Scalar, found, is_nothing
from engine.language.model import Model
from engine.language.scope import Names, Scope, Typed, fields, typed_attributes
from engine.language.validate import mapping, validate
from engine.language.values import AttributeName

NUMBERS: tuple[Type, ...] = ("integer", "decimal", "money")
_ORDERED: tuple[Type, ...] = (*NUMBERS, "instant", "date")
_FITTING: Dictionary[str, tuple[Type, ...]] = {
    "age": ("date",),
    "sum": NUMBERS,
    "mean": NUMBERS,
    "min": _ORDERED,
    "max": _ORDERED,
    "distinct": ("string", "set"),
    "top": ("string", "set", "integer"),
    **dict.fromkeys(("days_since", "days_since_first", "interval", "median_interval", "hour", "weekday"), ("instant",)),
}
_RESULTS: Dictionary[str, tuple[Type, ...]] = {
    "count": ("integer",),
    "exists": ("boolean",),
    "none": ("boolean",),
    "distinct": ("set", "integer"),
    **dict.fromkeys(("age", "streak", "days_since", "days_since_first", "interval", "hour", "weekday"), ("integer",)),
    "share": ("decimal",),
    "median_interval": ("decimal",),
    "ratio": ("decimal", "integer", "money"),
}


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
    where, that = _row_condition(node, "where", relation, report), _row_condition(node, "that", relation, report)
    _check_options(node, aggregate.key, relation, report)
    if model is None or source is None:
        return None
    _check_type(node, aggregate, model.type, _field_type(source), report)
    definition = _build(entry.key, model, aggregate.key, source, {"where": where, "that": that})
    return definition.model_copy(update={"example": _example(node, model, definition, report)})


def _build(
    name: str, model: AttributeModel, aggregate: str, source: str, parts: Dictionary[str, object]
) -> AttributeDefinition:
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
            **parts,
            "within_seconds": None if model.within is None else model.within.seconds,
            "scale": model.scale,
            "by": model.by,
            "calendar": model.calendar or aggregate == "age",
        }
    )


def _checked_source(entry: Entry, report: Report) -> str | None:
    """`orders` or `orders.paid_at`, if there are such rows and such a field."""
    node = entry.value
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        at = entry.span if is_nothing(node) else node.span
        report.error(
            "RG203",
            at,
            found(node),
            "a relation such as orders" if entry.key in OF_ROWS else "a field such as orders.total",
        )
        return None
    name, dot, field = node.text.partition(".")
    relation = RELATIONS.get(name)
    if relation is None:
        report.error(
            "RG304", node.span, node.text, f"a relation: {one_of(RELATIONS, 12)}", did_you_mean(name, RELATIONS)
        )
        return None
    if entry.key in OF_PERSON and relation.at is not None:
        hint = f"did you mean last: {node.text}?" if entry.key == "value" else "such as customer.birthday"
        report.error("RG404", node.span, node.text, "a field of the customer", hint)
        return None
    if entry.key not in (*OF_PERSON, *OF_EITHER) and relation.at is None:
        report.error(
            "RG404",
            node.span,
            node.text,
            "rows of which a customer has many",
            "write value: for a field of the customer",
        )
        return None
    if entry.key in OF_ROWS:
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


def _row_condition(node: Mapping, key: str, relation: Relation | None, report: Report) -> object:
    where = node.get(key)
    if where is None or relation is None:
        return None
    return compile_condition(where, fields(f"a field of {relation.name}", row_names(relation)), report)


PRODUCT_NAMES: Names = {name: Typed(kind, title) for name, (kind, title) in PRODUCT_FIELDS.items()}
"""The fields of the scope `product.`."""


def row_names(relation: Relation) -> Names:
    """The fields of a relation's rows as names of conditions."""
    return {name: Typed(field.type, field.title) for name, field in relation.offered.items()}


def _check_options(node: Mapping, aggregate: str, relation: Relation | None, report: Report) -> None:
    """Keys that say nothing for this aggregation are refused, so that nobody trusts them."""
    of_one = aggregate in (*OF_PERSON, "ratio") or (relation is not None and relation.at is None)
    meaningless = {
        "where": of_one,
        "within": of_one,
        "that": aggregate not in ASKING,
        "by": aggregate not in ("first", "last"),
    }
    for key, refused in meaningless.items():
        entry = node.entry(key)
        if entry and refused:
            report.error("RG201", entry.span, f"{key} beside {aggregate}", f"{aggregate} without {key}")
    calendar = node.get("calendar")
    if isinstance(calendar, Scalar) and calendar.value is True and aggregate != "age":
        report.error("RG501", calendar.span, "calendar: true", "an attribute without it", "it is planned")
    if aggregate in ASKING and node.get("that") is None:
        report.error("RG202", node.span, "no key that", "the key that: what is asked of each row", "that: {paid: true}")
    by = node.get("by")
    if by is not None and relation is not None and not meaningless["by"]:
        name = by.text if isinstance(by, Scalar) else ""
        if name in relation.offered and relation.offered[name].type not in _ORDERED:
            kind = relation.offered[name].type
            report.error("RG404", by.span, f"{name}, of type {kind}", f"a field of type {one_of(_ORDERED)}")
        elif name not in relation.offered:
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
    results = _results(aggregate.key, field) or (declared,)
    stated = node.get("type")
    if declared not in results and stated is not None:
        hint = "" if len(results) > 1 else f"write type: {results[0]}"
        report.error("RG403", stated.span, declared, f"{one_of(results)}, which {aggregate.key} gives", hint)
    scale = node.entry("scale")
    if declared == "decimal" and aggregate.key in DECIMALS and scale is None:
        report.error("RG202", aggregate.span, "no key scale", "the key scale: digits after the point", "scale: 2")
    if scale and declared != "decimal":
        report.error("RG201", scale.span, f"scale beside type {declared}", "scale beside type decimal")


def _example(node: Mapping, model: AttributeModel, definition: AttributeDefinition, report: Report) -> Example | None:
    """The example, if its facts, value and rule can be read."""
    entry, written = node.entry("example"), model.example
    if entry is None or written is None:
        return None
    try:
        example = Example.model_validate(written.model_dump())
        facts_of(example.facts)
        if example.gives != "unknown":
            read_value(example.gives, model.type)
    except ValidationError:
        report.error("RG203", entry.span, "a list in a list, or a mapping in a row", "rows of plain values")
    except ValueError as error:
        report.error("RG203", entry.span, str(error), "facts by relation and field, and a value of the type")
    else:
        return example.model_copy(update={"condition": _example_rule(entry, definition, report)})
    return None


def _example_rule(example: Entry, definition: AttributeDefinition, report: Report) -> Condition | None:
    """The example's rule: it may name the attribute alone, as nothing else of the customer is told."""
    rule = example.value.get("rule") if isinstance(example.value, Mapping) else None
    if rule is None or is_nothing(rule):
        return None
    bare = typed_attributes({definition.name: definition})
    return compile_condition(rule, Scope("the attribute itself", "RG301", bare), report)


def _results(aggregate: str, field: Type | None) -> tuple[Type, ...]:
    """The types that an aggregation of a field can give; none where the field's is not known."""
    if aggregate in _RESULTS:
        return _RESULTS[aggregate]
    if field is None:
        return ()
    match aggregate:
        case "mean":
            return ("money",) if field == "money" else ("decimal", "integer")
        case "top":
            return ("string",) if field == "set" else (field,)
        case _:
            return (field,)
