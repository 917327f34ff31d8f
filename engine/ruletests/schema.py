"""The JSON Schema (draft 7) of test files, for editors: from the notation of facts and the names that rules declare."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from engine.attributes.relations import EVENT_SOURCES, RELATIONS
from engine.conditions.types import Type
from engine.contracts import fields_of
from engine.language.events import events_of
from engine.language.files import shipped_contracts
from engine.language.rules import Rules
from engine.language.schema import DRAFT, offered_names
from engine.language.schema_parts import OPERANDS, Json, closed, declared, described, equals, one_or_more, ref, words
from engine.language.scope import Names
from engine.language.tidy import draft_7
from engine.language.values import Currency, DurationText, Zone
from engine.ruletests import keys
from engine.ruletests.case import NAMES, SCORES, SETS
from engine.ruletests.expectations import NONE
from engine.ruletests.notation import NOTATIONS, Notation
from engine.ruletests.rows import MOST

_LENGTH = "[0-9]{1,9}(s|mo|m|h|d|w)"
_CLOCK = "T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
_INSTANT: Json = {"type": "string", "pattern": f"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}({_CLOCK})?$"}
_OFFSET: Json = {"type": "string", "pattern": f"^[+-]{_LENGTH}( +[+-]?{_LENGTH})*$"}


def schema_of_tests(rules: Rules) -> Json:
    """The schema of a project's test files."""
    names = offered_names(rules)
    shared = _explained({**keys.SETTINGS, **keys.FACTS})
    root = closed({**shared, "tests": {"description": keys.TESTS, **_by_name("test")}}, ["tests"])
    return {
        "$schema": DRAFT,
        "description": "Facts of customers, and what rules and playbooks must make of them.",
        **root,
        # As of when must stand at the top, or in each test.
        "if": {"not": {"required": ["at"]}},
        "then": {"properties": {"tests": {"additionalProperties": {"required": ["at"]}}}},
        "definitions": {
            **_values(),
            **_names(names),
            **_facts(),
            **_expectations(names),
            **_cut_offs(rules),
            **_playbooks(rules),
        },
    }


def _by_name(part: str) -> Json:
    return {"type": "object", "minProperties": 1, "additionalProperties": ref(part)}


def _explained(texts: Mapping[str, str]) -> dict[str, Json]:
    """Keys with what they say; the part of a key has its name."""
    return {key: {"description": text, "allOf": [ref(key)]} for key, text in texts.items()}


def _plain(annotation: Any) -> Json:  # noqa: ANN401 - an annotation
    schema: Json = draft_7(TypeAdapter(annotation).json_schema())
    return schema


def _values() -> dict[str, Json]:
    return {
        "at": {**_INSTANT, "examples": ["2026-06-01T12:00:00Z"]},
        "zone": _plain(Zone),
        "currency": _plain(Currency),
        "moment": {"anyOf": [_OFFSET, _INSTANT, {"const": 0}], "examples": ["-40d", "-30d +1s", "2026-03-01T22:30"]},
    }


def _names(names: Names) -> dict[str, Json]:
    """One name of each part of standing, and sets of them."""
    one = {f"each-{part}": declared(names.get(part)) for part in (*SETS, *NAMES)}
    return {**one, **{f"members-{part}": _members(ref(f"each-{part}")) for part in SETS}}


def _members(name: Json) -> Json:
    """All there must be; or some that must be, and some that must not."""
    some = {key: {"description": text, **_name_or_names(name)} for key, text in keys.MEMBERS.items()}
    return {"anyOf": [*_name_or_names(name)["anyOf"], {**closed(some), "minProperties": 1}]}


def _name_or_names(name: Json) -> Json:
    return {"anyOf": [name, {"type": "array", "items": name}]}


# --- facts ----------------------------------------------------------------------------------------------------------


def _facts() -> dict[str, Json]:
    many = {name: _rows(NOTATIONS[name]) for name in (*keys.ROWS, *keys.INSIDE)}
    tag = {key: {"description": text, "allOf": [ref("moment")]} for key, text in keys.HAND_TAG.items() if key != "tag"}
    named = {"tag": {"description": keys.HAND_TAG["tag"], "allOf": [ref("each-tags")]}, **tag}
    return {
        "customer": closed(_fields(NOTATIONS["customer"])),
        **many,
        "events": {"type": "array", "items": _event()},
        "hand_tags": {"type": "array", "items": {"anyOf": [ref("each-tags"), closed(named, ["tag"])]}},
        "before": _before(),
        "test": _case([*keys.SETTINGS, *keys.FACTS], ["expect"], keys.RESULTS),
        "variant": _case([*keys.SETTINGS, *keys.FACTS], [], {"expect": keys.RESULTS["expect"]}),
        "but": _by_name("variant"),
    }


def _case(parts: list[str], required: list[str], results: Mapping[str, str]) -> Json:
    texts = {**keys.SETTINGS, **keys.FACTS}
    return closed({**_explained({key: texts[key] for key in parts}), **_explained(results)}, required)


def _rows(notation: Notation) -> Json:
    row = closed({**_fields(notation), **_inside(notation), **_repeated(notation)})
    bare = [] if notation.main is None else [ref("moment")]
    return {"type": "array", "items": {"anyOf": [*bare, row]} if bare else row}


def _fields(notation: Notation) -> dict[str, Json]:
    """Fields by both of their names: the one that ends in `_at` is right too, and is not proposed."""
    of = RELATIONS[notation.relation].fields
    fields: dict[str, Json] = {}
    for name, (column, kind) in notation.fields.items():
        written = ref("zone") if name == "zone" else _written(kind)
        quiet = {"doNotSuggest": True} if name not in notation.keys else {}
        fields[name] = {**described(of[column].title), "allOf": [written], **quiet}
    return fields


def _written(kind: Type) -> Json:
    return ref("moment") if kind == "instant" else OPERANDS[kind]


def _inside(notation: Notation) -> dict[str, Json]:
    return _explained({name: keys.INSIDE[name] for name in notation.inside})


def _repeated(notation: Notation) -> dict[str, Json]:
    if "times" not in notation.keys:
        return {}
    times = {"type": "integer", "minimum": 1, "maximum": MOST}
    return {
        "times": {"description": keys.REPEATED["times"], **times},
        "every": {"description": keys.REPEATED["every"], **_plain(DurationText)},
    }


def _event() -> Json:
    """The fields follow from the kind; what a row of facts tells is written as that row."""
    told = (kind for kind in shipped_contracts() if kind not in EVENT_SOURCES or kind.startswith("site."))
    contracts = {kind: shipped_contracts()[kind] for kind in told}
    titles = events_of(contracts).titles
    kinds = {"description": "The kind of event.", **words(titles)}
    when = {"description": "When it happened.", "allOf": [ref("moment")]}
    order = {
        "description": "Of a playbook: the number of the event's order, where there are several.",
        "type": "string",
    }
    always = {"event": kinds, "at": when, "order": order, **_repeated(NOTATIONS["cases"])}
    by_kind = [
        {"if": equals("event", {"const": kind}), "then": closed({**_told(each), **{key: {} for key in always}})}
        for kind, each in contracts.items()
    ]
    return {"type": "object", "required": ["event", "at"], "properties": always, "allOf": by_kind}


def _told(contract: Mapping[str, Any]) -> dict[str, Any]:
    titles = {name: typed.title for name, typed in events_of({"told": contract}).fields["told"].items()}
    return {
        name: {**described(titles.get(name, "")), "allOf": [_written(kind)]}
        for name, kind in fields_of(contract).items()
    }


def _before() -> Json:
    sets = {name: _name_or_names(ref(f"each-{name}")) for name in SETS}
    ones = {name: {"allOf": [ref(f"each-{name}")]} for name in NAMES}
    at = {"description": keys.BEFORE_AT, "allOf": [ref("moment")]}
    return closed({"at": at, **sets, **ones}, ["at"])


# --- expectations and cut-offs --------------------------------------------------------------------------------------


def _expectations(names: Names) -> dict[str, Json]:
    nobody = {"const": NONE, "description": "There is none."}
    of = {
        **{name: ref(f"members-{name}") for name in SETS},
        **{name: {"anyOf": [ref(f"each-{name}"), nobody]} for name in NAMES},
        **dict.fromkeys(SCORES, OPERANDS["integer"]),
        "attributes": ref("attributes"),
    }
    of |= {"journey": ref("journey"), "journeys": {"type": "array", "items": ref("does")}}
    texts = {**keys.EXPECTATIONS, **keys.JOURNEYS}
    told = {key: {"description": text, "allOf": [of[key]]} for key, text in texts.items()}
    attributes = {
        name: {**described(typed.title), "anyOf": [_expected(typed.type), ref("unknown")]}
        for name, typed in names.items()
        if not typed.of_standing
    }
    return {
        "expect": {**closed(told), "minProperties": 1},
        "attributes": closed(attributes),
        "unknown": closed({"unknown": {"const": True, "description": "There is no value."}}, ["unknown"]),
    }


def _playbooks(rules: Rules) -> dict[str, Json]:
    """What only tests of playbooks say."""
    moments = [name for name in keys.ANSWERS if name not in ("failed", "answer")]
    answers: dict[str, Json] = {}
    for name in moments:
        answers[name] = {"description": keys.ANSWERS[name], "allOf": [ref("moment")]}
    answers["failed"] = {"description": keys.ANSWERS["failed"], "type": "string", "minLength": 1}
    answers["answer"] = {"description": keys.ANSWERS["answer"], "type": "object"}
    names = {name: plan.title for name, plan in sorted(rules.plans.items())}
    answer: Json = {**closed(answers), "minProperties": 1}
    return {
        "playbook": words(names) if names else {"type": "string"},
        "until": ref("moment"),
        "holdout": {"type": "boolean"},
        "arms": {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}},
        "answers": {"type": "object", "additionalProperties": answer},
        "journey": {"anyOf": [{"const": NONE, "description": "There is no journey."}, ref("does")]},
        "does": {"type": "array", "items": {"anyOf": [_does(what) for what in keys.DOES]}},
    }


def _does(what: str) -> Json:
    """One thing that a journey does, with what may be said of it."""
    name: Json = {"type": "string", "minLength": 1}
    if what in ("tag", "untag"):
        name = _name_or_names(ref("each-tags"))
    texts = {**keys.TOLD_TEXTS, **keys.WHEN}
    more = {key: {"description": texts[key], **_said(key)} for key in (*keys.TOLD[what], *keys.WHEN)}
    return closed({what: {"description": f"{keys.DOES[what].capitalize()}.", **name}, **more}, [what])


def _said(key: str) -> Json:
    if key in keys.WHEN or key in keys.INSTANTS_TOLD:
        return {"allOf": [ref("moment")]}
    return {"type": "integer"} if key == "amount" else {"type": "string", "minLength": 1}


def _expected(kind: Type) -> Json:
    return _members(OPERANDS["set"]) if kind == "set" else OPERANDS[kind]


def _cut_offs(rules: Rules) -> dict[str, Json]:
    parts: dict[str, Json] = {}
    if (tiers := rules.standing.tiers) is not None:
        least = {tier.name: {**described(tier.title), **_number(tiers.rank_by, rules)} for tier in tiers.tiers[:-1]}
        parts["tiers"] = {"description": keys.CUT_OFFS["tiers"], **closed(least, list(least))}
    if rules.standing.rfm is not None:
        parts["rfm"] = {"description": keys.CUT_OFFS["rfm"], **_rfm(rules)}
    return {"cut_offs": closed(parts)}


def _rfm(rules: Rules) -> Json:
    rfm = rules.standing.rfm
    measures = {name: getattr(rfm, name) for name in ("recency", "frequency", "monetary")}
    written = {}
    for name, measure in measures.items():
        number = _number(measure.attribute, rules)
        high = {"description": keys.MEASURE["high"], **number}
        scores = {"description": keys.MEASURE["scores"], **one_or_more(number)}
        written[name] = {"anyOf": [number, closed({"high": high, "scores": scores})]}
    return closed(written, [name for name, measure in measures.items() if measure.high_from is None])


def _number(attribute: str, rules: Rules) -> Json:
    return OPERANDS[rules.catalogue[attribute].type if attribute in rules.catalogue else "integer"]
