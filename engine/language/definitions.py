"""The shared parts of the JSON Schemas: conditions with the names that complete, triggers, steps."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter

from engine.attributes.relations import RELATIONS, SCOPES
from engine.conditions.types import Type
from engine.language.attribute_models import AGGREGATIONS, AttributeModel
from engine.language.attributes import PRODUCT_NAMES, row_names
from engine.language.changes import KINDS as KINDS_OF_CHANGE
from engine.language.changes import RISING
from engine.language.conditions import COUPON_STATES, OPERATORS, STATES, TASK_STATES, DidModel
from engine.language.own import NO_ACTIVITIES, OwnActivities
from engine.language.schema_parts import OPERANDS, Json, declared, described, equals, one_or_more, ref, words
from engine.language.scope import Names, Typed
from engine.language.standing.names import CHANGES as CHANGED
from engine.language.steps.block import FAILURE, BesideModel
from engine.language.steps.first import WayModel
from engine.language.steps.kind import StepKind
from engine.language.steps.registry import KINDS
from engine.language.steps.update import update_schema
from engine.language.steps.wait_for import WaitForModel
from engine.language.tidy import draft_7
from engine.language.triggers import KINDS as TRIGGERS
from engine.language.triggers import (
    START_KINDS,
    Events,
    GoalModel,
    StartModel,
    StartTriggerModel,
    TriggerModel,
)
from engine.language.values import AttributeName, DurationText

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
_BLOCKS = {
    "then": "Steps that are taken if the condition holds.",
    "got": "Steps that are taken when it has happened in time.",
    "steps": "Steps that are taken in each round.",
    "else": "Steps that are taken otherwise; without them the journey goes on.",
}
_BY_NAME: Json = {"type": "object", "minProperties": 1, "additionalProperties": ref("steps")}
_OTHERS: Mapping[str, Json] = {"cases": _BY_NAME, "arms": _BY_NAME, "within": ref("duration")}
_LISTS = ("in", "not_in", "has_any", "has_all", "has_none")


def definitions(attributes: Names, events: Events, own: OwnActivities = NO_ACTIVITIES) -> dict[str, Json]:
    """All shared parts by name."""
    scoped = {head: row_names(RELATIONS[SCOPES[head]]) for head in SCOPES}
    scoped["product"] = PRODUCT_NAMES
    scoped["trigger"] = _of_triggers(events)
    customer = {
        **attributes,
        **{f"{head}.{name}": each for head, names in scoped.items() for name, each in names.items()},
    }
    return {
        **{f"compare-{kind}": _compare(kind, OPERANDS[kind]) for kind in OPERATORS},
        **{f"each-{name}": declared(typed) for name, typed in attributes.items() if typed.choices},
        "condition": _condition("condition", customer, asks_history=True),
        "standing-condition": _condition("standing-condition", attributes, asks_history=True, asks_steps=False),
        **{f"rows-{name}": _condition(f"rows-{name}", row_names(each)) for name, each in RELATIONS.items()},
        **{f"told-{kind}": _condition(f"told-{kind}", names) for kind, names in events.fields.items()},
        **{f"past-{kind}": _condition(f"past-{kind}", names) for kind, names in events.history.items()},
        "instant": OPERANDS["instant"],
        "plain": {"type": ["object", "array", "string", "number", "boolean"]},
        "attribute": _open(words({name: each.title for name, each in attributes.items()})),
        "value-of": _open(words({name: each.title for name, each in customer.items()})),
        **_sources(),
        **_triggers(events, attributes),
        **_steps(own),
        **_calls(own),
    }


def _of_triggers(events: Events) -> Names:
    """The fields of all events: a file's schema does not know which of them starts a playbook."""
    found: dict[str, Typed] = {}
    for kind in sorted(events.fields):
        for name, typed in events.fields[kind].items():
            if name not in found or typed.type == "set":
                found[name] = typed
    return found


def _open(choices: Json) -> Json:
    """Words that complete, where others may be right too: what a file declares is not known to its schema."""
    return {"anyOf": [*choices["anyOf"], _plain(AttributeName)]}


def _of_model(model: type[BaseModel]) -> Json:
    """A model's schema without what the model says of itself: the key under which it stands tells more."""
    schema: Json = draft_7(model.model_json_schema(by_alias=True))
    own = schema.pop("definitions", {})
    kept: Json = _inlined({key: value for key, value in schema.items() if key not in ("description", "$schema")}, own)
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


def _compare(kind: Type, operand: Json) -> Json:
    """What may follow a name of a type: a value, a list or operators."""
    bare = [operand, *([one_or_more(operand)] if any(name in OPERATORS[kind] for name in _LISTS) else [])]
    operators = {name: {"description": _MEANINGS[name], **_operand(kind, name, operand)} for name in OPERATORS[kind]}
    return {
        "anyOf": [
            *bare,
            {"type": "object", "additionalProperties": False, "minProperties": 1, "properties": operators},
        ]
    }


def _operand(kind: Type, operator: str, operand: Json) -> Json:
    if operator in ("known", "unknown"):
        return {"type": "boolean"}
    return {"anyOf": [operand, one_or_more(operand)]} if operator in _LISTS or kind == "money" else operand


def _condition(own: str, names: Names, *, asks_history: bool = False, asks_steps: bool = True) -> Json:
    """A condition over some names; several entries, and lists, mean all of them."""
    several = {"anyOf": [one_or_more(ref(own)), ref(own)]}
    properties: Json = {
        "all": {"description": "All of these hold.", **several},
        "any": {"description": "At least one of these holds.", **several},
        "not": {"description": "This does not hold.", "allOf": [ref(own)]},
    }
    if asks_history:
        properties |= {
            "did": {
                "description": "The customer had such an event, by what is known as of this moment.",
                "allOf": [ref("did")],
            },
            "did_not": {
                "description": "The customer had no such event, by what is known as of this moment.",
                "allOf": [ref("did")],
            },
        }
    for name, typed in names.items():
        compared = _compare(typed.type, ref(f"each-{name}")) if typed.choices else ref(f"compare-{typed.type}")
        properties[name] = {**described(typed.title), "allOf": [compared]}
    mapping: Json = {"type": "object", "additionalProperties": False, "minProperties": 1, "properties": properties}
    choices = [mapping, one_or_more(ref(own))]
    return {"anyOf": [*choices, ref("step-condition")] if asks_history and asks_steps else choices}


def _step_condition(own: OwnActivities) -> Json:
    states = {
        name: {"type": "boolean", "description": f"Whether it was {name}."}
        for name in dict.fromkeys((*STATES, *COUPON_STATES, *TASK_STATES))
    }
    step = {"type": "string", "description": "The id of an earlier send, call, coupon or task of this playbook."}
    answered: dict[str, list[Json]] = {}
    for each in own.by_name.values():
        for name, typed in each.outputs.items():
            operand = declared(typed) if typed.choices else OPERANDS[typed.type]
            told = {"description": f"What {each.name} answers.", **_compare(typed.type, operand)}
            answered.setdefault(name, []).append(told)
    fields = {name: of[0] if len(of) == 1 else {"anyOf": of} for name, of in answered.items() if name not in states}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["step"],
        "minProperties": 2,
        "properties": {"step": step, **states, **fields},
    }


def _asked(model: type[BaseModel], key: str, condition: str) -> Json:
    """A model's key whose condition follows from what stands beside it: an editor shows the text that is nearest."""
    return {"description": model.model_fields[key].description, "allOf": [ref(condition)]}


# --- attributes -----------------------------------------------------------------------------------------------------


def _sources() -> dict[str, Json]:
    """Relations and fields, and the condition over rows that fits the relation beside it."""
    many = {name: each for name, each in RELATIONS.items() if each.at is not None}
    per_relation = [
        {
            "if": {"anyOf": [_reads(key, name) for key in AGGREGATIONS]},
            "then": {"properties": {key: _asked(AttributeModel, key, f"rows-{name}") for key in ("where", "that")}},
        }
        for name in many
    ]
    person = _field_titles(set(RELATIONS) - set(many))
    return {
        "relation": words({name: each.title for name, each in many.items()}),
        "field": words({**_field_titles(many), **person}),
        "customer-field": words(person),
        "ordering": {"type": "string", "minLength": 1},
        "row-condition": {"type": ["object", "array"]},
        "attribute-by-relation": {"allOf": per_relation},
    }


def _field_titles(relations: Iterable[str]) -> dict[str, str]:
    return {
        f"{name}.{field}": each.title for name in sorted(relations) for field, each in RELATIONS[name].offered.items()
    }


def _reads(aggregation: str, relation: str) -> Json:
    return equals(aggregation, {"type": "string", "pattern": f"^{relation}(\\.|$)"})


# --- triggers -------------------------------------------------------------------------------------------------------


def _triggers(events: Events, names: Names) -> dict[str, Json]:
    titles = {kind: f"{events.titles[kind]} (about the {events.subjects[kind]})" for kind in sorted(events.fields)}
    parts: dict[str, type[BaseModel]] = {
        "trigger": TriggerModel,
        "start-trigger": StartTriggerModel,
        "start": StartModel,
        "goal": GoalModel,
        "wait-for": WaitForModel,
        "way": WayModel,
    }
    with_where = {name: _by_event(model, "told", events) for name, model in parts.items()}
    starting = dict.fromkeys(("start", "start-trigger"), START_KINDS)
    return {
        **{
            name: {**schema, "oneOf": [{"required": [kind]} for kind in starting.get(name, TRIGGERS)]}
            for name, schema in with_where.items()
        },
        "stop": ref("trigger"),
        "first": {"type": "array", "minItems": 1, "items": ref("way")},
        "triggers": one_or_more(ref("trigger")),
        "start-triggers": one_or_more(ref("start-trigger")),
        "change": _change(KINDS_OF_CHANGE, names),
        "rise": _change(RISING, names),
        "event": words(titles),
        "where": {"type": ["object", "array"]},
        "did": _by_event(DidModel, "past", events),
    }


def _change(kinds: Iterable[str], names: Names) -> Json:
    """One part of standing, and which: names that are declared complete."""
    properties = {}
    for kind in kinds:
        typed = names.get(CHANGED[kind])
        name = ref(f"each-{CHANGED[kind]}") if typed and typed.choices else OPERANDS["string"]
        properties[kind] = {**described(typed.title if typed else ""), "anyOf": [name, one_or_more(name)]}
    return {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": properties,
    }


def _by_event(model: type[BaseModel], fields: str, events: Events) -> Json:
    """A model's schema, in which the fields of a `where` follow from the event beside it."""
    rules = [
        {
            "if": equals("event", {"const": kind}),
            "then": {"properties": {"where": _asked(model, "where", f"{fields}-{kind}")}},
        }
        for kind in sorted(events.fields)
    ]
    return {**_of_model(model), "allOf": rules}


# --- steps ----------------------------------------------------------------------------------------------------------


def _steps(own: OwnActivities) -> dict[str, Json]:
    by = {
        "type": "object",
        "required": ["by", "default"],
        "minProperties": 3,
        "properties": {
            "by": {"description": "The attribute whose value chooses.", "allOf": [ref("attribute")]},
            "default": {"type": "string", "description": "For every other value, and for none."},
        },
        "additionalProperties": {"type": "string", "minLength": 1},
    }
    bare_end = {"const": "end", "description": KINDS["end"].title}
    return {
        "step-condition": _step_condition(own),
        "duration": _plain(DurationText),
        "template": {"anyOf": [{"type": "string", "minLength": 1}, by]},
        "parallel": _BY_NAME,
        "steps": one_or_more(ref("step")),
        "step": {"anyOf": [bare_end, *(_step(kind) for kind in KINDS.values())]},
    }


def _calls(own: OwnActivities) -> dict[str, Json]:
    """The project's activities by name, and what each is given: it follows from the name beside it."""
    named = words({name: f"{each.title} {each.description}".strip() for name, each in sorted(own.by_name.items())})
    ways = [
        {
            "if": equals("activity", {"const": name}),
            "then": {"properties": {"with": {"description": each.title, "allOf": [ref(f"given-{name}")]}}},
        }
        for name, each in sorted(own.by_name.items())
    ]
    return {
        "activity": named if own.by_name else OPERANDS["string"],
        "call-input": {"type": "object"},
        "update-fields": {**_looking_up(update_schema()), "minProperties": 1},
        **{f"given-{name}": _looking_up(each.given) for name, each in own.by_name.items()},
        "call-by-activity": {"allOf": ways} if ways else {},
    }


def _looking_up(schema: Mapping[str, Any]) -> Json:
    """An object of this schema: each key as a value, or as an attribute that is looked up."""
    looked_up = {
        "type": "object",
        "additionalProperties": False,
        "required": ["attribute"],
        "properties": {
            "attribute": {"description": "The attribute whose value is given.", "allOf": [ref("attribute")]}
        },
    }
    properties = {
        name: {**described(str(part.get("description", ""))), "anyOf": [_alone(part, schema), looked_up]}
        for name, part in schema.get("properties", {}).items()
    }
    required = {"required": list(schema["required"])} if schema.get("required") else {}
    return {"type": "object", "additionalProperties": False, **required, "properties": properties}


def _alone(part: Any, root: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any part of a schema
    """A part of an activity's schema with what it refers to in place; what refers to itself is left open."""

    def inlined(part: Any, within: tuple[str, ...]) -> Any:  # noqa: ANN401 - as above
        match part:
            case {"$ref": str(reference)}:
                name = reference.rpartition("/")[2]
                return {} if name in within else inlined(root.get("$defs", {}).get(name, {}), (*within, name))
            case dict():
                return {key: inlined(value, within) for key, value in part.items() if key != "title"}
            case list():
                return [inlined(value, within) for value in part]
            case _:
                return part

    return draft_7(inlined(part, ()))


def _step(kind: StepKind) -> Json:
    blocks = {name: {"description": _BLOCKS[name], "allOf": [ref("steps")]} for name in kind.blocks}
    beside = {name: each for name, each in _of_model(BesideModel)["properties"].items() if name in kind.beside}
    others = {name: {"description": kind.title, **_OTHERS[name]} for name in kind.other}
    instead = {"description": "Steps for when it fails for good, in place of a failed journey."}
    failure = {FAILURE: {**instead, "allOf": [ref("steps")]}} if kind.fails else {}
    return {
        "type": "object",
        "additionalProperties": False,
        # By itself: beside the properties an editor would propose all that is required once more, as an "object".
        "allOf": [{"required": [kind.name, *kind.required]}],
        "properties": {kind.name: {"description": kind.title, **_value(kind)}, **beside, **others, **blocks, **failure},
    }


def _value(kind: StepKind) -> Json:
    if kind.definition or kind.model is None:
        return {"allOf": [ref(kind.definition or kind.name)]}
    model = _of_model(kind.model)
    if kind.by is not None:
        model = {**model, "allOf": [ref(kind.by)]}
    return {"anyOf": [draft_7(dict(kind.shorthand)), model]} if kind.shorthand else model
