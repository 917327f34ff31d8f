"""The shared parts of the JSON Schemas: conditions with the names that complete, triggers, steps."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter

from engine.attributes.relations import RELATIONS, SCOPES
from engine.conditions.types import Type
from engine.language.attribute_models import AGGREGATIONS
from engine.language.attributes import row_names
from engine.language.changes import KINDS as KINDS_OF_CHANGE
from engine.language.changes import RISING
from engine.language.conditions import LATER_STATES, OPERATORS, STATES, DidModel
from engine.language.scope import SUBJECT_SCOPES, Names
from engine.language.standing.names import CHANGES as CHANGED
from engine.language.steps.block import FAILURE, BesideModel
from engine.language.steps.first import WayModel
from engine.language.steps.kind import StepKind
from engine.language.steps.registry import KINDS
from engine.language.tidy import draft_7
from engine.language.triggers import CHANGES, Events, GoalModel, StartModel, TriggerModel, WaitForModel
from engine.language.values import AttributeName, DurationText

Json = dict[str, Any]
_OPERANDS: Mapping[Type, Json] = {
    "integer": {"type": "integer"},
    "decimal": {"type": "number"},
    "boolean": {"type": "boolean"},
    "string": {"type": "string", "minLength": 1},
    "instant": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    "set": {"type": "string", "minLength": 1},
    "money": {
        "anyOf": [{"type": "string", "pattern": "^-?[0-9]{1,15}(\\.[0-9]{1,3})? [A-Z]{3}$"}, {"const": 0}],
        "examples": ["500 EUR"],
    },
}
_MEANINGS = {
    "eq": "Is exactly this.",
    "lt": "Is less, or earlier.",
    "lte": "Is at most this.",
    "gt": "Is more, or later.",
    "gte": "Is at least this.",
    "in": "Is one of these.",
    "not_in": "Is known, and none of these.",
    "has_any": "Has at least one of these.",
    "has_all": "Has all of these.",
    "has_none": "Has none of these.",
    "known": "Whether a value is known at all.",
    "unknown": "Whether no value is known.",
}
_BY_NAME: Json = {"type": "object", "minProperties": 1, "additionalProperties": {"$ref": "#/definitions/steps"}}
_OTHERS: Mapping[str, Json] = {"cases": _BY_NAME, "arms": _BY_NAME, "within": {"$ref": "#/definitions/duration"}}
_LISTS = ("in", "not_in", "has_any", "has_all", "has_none")


def definitions(attributes: Names, events: Events) -> dict[str, Json]:
    """All shared parts by name."""
    scoped = {head: row_names(RELATIONS[SCOPES[head]]) for head in SUBJECT_SCOPES["order"]}
    customer = {
        **attributes,
        **{f"{head}.{name}": each for head, names in scoped.items() for name, each in names.items()},
    }
    return {
        **{f"compare-{kind}": _compare(kind) for kind in OPERATORS},
        "condition": _condition("condition", customer, asks_history=True),
        "standing-condition": _condition("standing-condition", attributes, asks_history=True, asks_steps=False),
        **{f"rows-{name}": _condition(f"rows-{name}", row_names(each)) for name, each in RELATIONS.items()},
        **{f"told-{kind}": _condition(f"told-{kind}", names) for kind, names in events.fields.items()},
        **{f"past-{kind}": _condition(f"past-{kind}", names) for kind, names in events.history.items()},
        "instant": _OPERANDS["instant"],
        "plain": {"type": ["object", "array", "string", "number", "boolean"]},
        "attribute": _open(_choices({name: each.title for name, each in attributes.items()})),
        **_sources(),
        **_triggers(events, attributes),
        **_steps(),
    }


def _ref(name: str) -> Json:
    return {"$ref": f"#/definitions/{name}"}


def _choices(titles: Mapping[str, str]) -> Json:
    """One of several words, each with what it means."""
    return {"anyOf": [{"const": name, "description": title} for name, title in titles.items()]}


def _open(choices: Json) -> Json:
    """Words that complete, where others may be right too: what a file declares is not known to its schema."""
    return {"anyOf": [*choices["anyOf"], _plain(AttributeName)]}


def _of_model(model: type[BaseModel]) -> Json:
    schema: Json = draft_7(model.model_json_schema(by_alias=True))
    own = schema.pop("definitions", {})
    kept: Json = _inlined({key: value for key, value in schema.items() if key not in ("title", "$schema")}, own)
    return kept


def _inlined(part: Any, own: Json) -> Any:  # noqa: ANN401 - any part of a schema
    """The part with a model's own definitions in place of references to them; shared ones stay references."""
    match part:
        case {"$ref": str(reference)} if (name := reference.rpartition("/")[2]) in own:
            beside = {key: value for key, value in part.items() if key != "$ref"}
            return {**_inlined(own[name], own), **beside}
        case dict():
            return {key: _inlined(value, own) for key, value in part.items()}
        case list():
            return [_inlined(value, own) for value in part]
        case _:
            return part


def _plain(annotation: Any) -> Json:  # noqa: ANN401 - an annotation
    """The schema of one of our types of values."""
    schema: Json = draft_7(TypeAdapter(annotation).json_schema())
    return schema


# --- conditions -----------------------------------------------------------------------------------------------------


def _compare(kind: Type, choices: Iterable[str] | None = None) -> Json:
    """What may follow a name of a type: a value, a list or operators. `choices` are all values there are."""
    operand = {"enum": sorted(choices)} if choices else _OPERANDS[kind]
    listed = {"type": "array", "minItems": 1, "items": operand}
    bare = [operand, *([listed] if any(name in OPERATORS[kind] for name in _LISTS) else [])]
    operators = {name: {"description": _MEANINGS[name], **_operand(kind, name, operand)} for name in OPERATORS[kind]}
    return {
        "anyOf": [
            *bare,
            {"type": "object", "additionalProperties": False, "minProperties": 1, "properties": operators},
        ]
    }


def _operand(kind: Type, operator: str, operand: Json) -> Json:
    listed = {"type": "array", "minItems": 1, "items": operand}
    if operator in ("known", "unknown"):
        return {"type": "boolean"}
    return {"anyOf": [operand, listed]} if operator in _LISTS or kind == "money" else operand


def _condition(own: str, names: Names, *, asks_history: bool = False, asks_steps: bool = True) -> Json:
    """A condition over some names; several entries, and lists, mean all of them."""
    several = {"anyOf": [{"type": "array", "minItems": 1, "items": _ref(own)}, _ref(own)]}
    properties: Json = {
        "all": {"description": "All of these hold.", **several},
        "any": {"description": "At least one of these holds.", **several},
        "not": {"description": "This does not hold.", "allOf": [_ref(own)]},
    }
    if asks_history:
        properties |= {
            "did": {"description": "The customer had such an event.", "allOf": [_ref("did")]},
            "did_not": {"description": "The customer had no such event.", "allOf": [_ref("did")]},
        }
    for name, typed in names.items():
        compared = _compare(typed.type, typed.choices) if typed.choices else _ref(f"compare-{typed.type}")
        properties[name] = {"description": typed.title, "allOf": [compared]}
    mapping: Json = {"type": "object", "additionalProperties": False, "minProperties": 1, "properties": properties}
    choices = [mapping, {"type": "array", "minItems": 1, "items": _ref(own)}]
    return {"anyOf": [*choices, _ref("step-condition")] if asks_history and asks_steps else choices}


def _step_condition() -> Json:
    states = {
        name: {"type": "boolean", "description": f"Whether it was {name}."}
        for name in STATES
        if name not in LATER_STATES
    }
    step = {"type": "string", "description": "The id of an earlier send of this playbook."}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["step"],
        "minProperties": 2,
        "properties": {"step": step, **states},
    }


# --- attributes -----------------------------------------------------------------------------------------------------


def _sources() -> dict[str, Json]:
    """Relations and fields, and the condition over rows that fits the relation beside it."""
    many = {name: each for name, each in RELATIONS.items() if each.at is not None}
    per_relation = [
        {
            "if": {"anyOf": [_reads(key, name) for key in AGGREGATIONS]},
            "then": {"properties": {"where": _ref(f"rows-{name}"), "that": _ref(f"rows-{name}")}},
        }
        for name in many
    ]
    person = _field_titles(set(RELATIONS) - set(many))
    return {
        "relation": _choices({name: each.title for name, each in many.items()}),
        "field": _choices({**_field_titles(many), **person}),
        "customer-field": _choices(person),
        "ordering": {"type": "string", "minLength": 1},
        "row-condition": {"type": ["object", "array"]},
        "attribute-by-relation": {"allOf": per_relation},
    }


def _field_titles(relations: Iterable[str]) -> dict[str, str]:
    return {
        f"{name}.{field}": each.title for name in sorted(relations) for field, each in RELATIONS[name].offered.items()
    }


def _reads(aggregation: str, relation: str) -> Json:
    pattern = {"type": "string", "pattern": f"^{relation}(\\.|$)"}
    return {"required": [aggregation], "properties": {aggregation: pattern}}


# --- triggers -------------------------------------------------------------------------------------------------------


def _triggers(events: Events, names: Names) -> dict[str, Json]:
    titles = {kind: f"About the {events.subjects[kind]}." for kind in sorted(events.fields)}
    parts: dict[str, type[BaseModel]] = {
        "trigger": TriggerModel,
        "start": StartModel,
        "goal": GoalModel,
        "wait-for": WaitForModel,
        "way": WayModel,
    }
    with_where = {name: _by_event(_of_model(model), "told", events) for name, model in parts.items()}
    one_kind = [{"required": [kind]} for kind in ("event", *CHANGES, "any")]
    return {
        **{name: {**schema, "oneOf": one_kind} for name, schema in with_where.items()},
        "stop": _ref("trigger"),
        "first": {"type": "array", "minItems": 1, "items": _ref("way")},
        "triggers": {"type": "array", "minItems": 1, "items": _ref("trigger")},
        "change": _change(KINDS_OF_CHANGE, names),
        "rise": _change(RISING, names),
        "event": _choices(titles),
        "where": {"type": ["object", "array"]},
        "did": _by_event(_of_model(DidModel), "past", events),
    }


def _change(kinds: Iterable[str], names: Names) -> Json:
    """One part of standing, and which: names that are declared complete."""
    properties = {}
    for kind in kinds:
        typed = names.get(CHANGED[kind])
        name = _one_of_declared(typed.choices if typed else None)
        listed = {"type": "array", "minItems": 1, "items": name}
        properties[kind] = {"description": typed.title if typed else "", "anyOf": [name, listed]}
    return {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": properties,
    }


def _one_of_declared(choices: Iterable[str] | None) -> Json:
    return {"enum": sorted(choices)} if choices else {"type": "string", "minLength": 1}


def _by_event(schema: Json, fields: str, events: Events) -> Json:
    """The fields of a `where` follow from the event beside it."""
    rules = [
        {
            "if": {"required": ["event"], "properties": {"event": {"const": kind}}},
            "then": {"properties": {"where": _ref(f"{fields}-{kind}")}},
        }
        for kind in sorted(events.fields)
    ]
    return {**schema, "allOf": rules}


# --- steps ----------------------------------------------------------------------------------------------------------


def _steps() -> dict[str, Json]:
    by = {
        "type": "object",
        "required": ["by", "default"],
        "minProperties": 3,
        "properties": {
            "by": {"description": "The attribute whose value chooses.", "allOf": [_ref("attribute")]},
            "default": {"type": "string", "description": "For every other value, and for none."},
        },
        "additionalProperties": {"type": "string", "minLength": 1},
    }
    bare_end = {"const": "end", "description": KINDS["end"].title}
    return {
        "step-condition": _step_condition(),
        "duration": _plain(DurationText),
        "template": {"anyOf": [{"type": "string", "minLength": 1}, by]},
        "parallel": _BY_NAME,
        "steps": {"type": "array", "minItems": 1, "items": _ref("step")},
        "step": {"anyOf": [bare_end, *(_step(kind) for kind in KINDS.values())]},
    }


def _step(kind: StepKind) -> Json:
    blocks = {name: {"description": "Steps.", "allOf": [_ref("steps")]} for name in kind.blocks}
    beside = {name: each for name, each in _of_model(BesideModel)["properties"].items() if name in kind.beside}
    others = {name: {"description": kind.title, **_OTHERS[name]} for name in kind.other}
    instead = {"description": "Steps for when it fails for good, in place of a failed journey."}
    failure = {FAILURE: {**instead, "allOf": [_ref("steps")]}} if kind.fails else {}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [kind.name, *kind.required],
        "properties": {kind.name: {"description": kind.title, **_value(kind)}, **beside, **others, **blocks, **failure},
    }


def _value(kind: StepKind) -> Json:
    if kind.definition or kind.model is None:
        return {"allOf": [_ref(kind.definition or kind.name)]}
    model = {key: value for key, value in _of_model(kind.model).items() if key != "description"}
    return {"anyOf": [draft_7(dict(kind.shorthand)), model]} if kind.shorthand else model
