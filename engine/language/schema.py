"""JSON Schemas (draft 7) of rule files, for editors: generated from the models, with the names that a project has."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from engine.language.attribute_models import AttributesFile
from engine.language.campaigns import CampaignModel
from engine.language.definitions import definitions
from engine.language.events import events_of
from engine.language.files import shipped_contracts
from engine.language.own import NO_ACTIVITIES, OwnActivities
from engine.language.playbooks import PlaybookModel
from engine.language.policy import PolicyFile
from engine.language.pools import CouponsFile
from engine.language.responses import ResponsesFile
from engine.language.rules import Rules
from engine.language.schema_parts import told
from engine.language.scope import Names, Typed
from engine.language.standing.models import (
    LifecycleFile,
    RfmFile,
    SegmentsFile,
    TagsFile,
    TiersFile,
    WordsFile,
)
from engine.language.tidy import draft_7, references

DRAFT = "http://json-schema.org/draft-07/schema#"
MODELS: Mapping[str, type[BaseModel]] = {
    "attributes": AttributesFile,
    "tags": TagsFile,
    "segments": SegmentsFile,
    "lifecycle": LifecycleFile,
    "tiers": TiersFile,
    "rfm": RfmFile,
    "words": WordsFile,
    "coupons": CouponsFile,
    "policy": PolicyFile,
    "playbook": PlaybookModel,
    "campaign": CampaignModel,
    "responses": ResponsesFile,
}


def schemas(attributes: Names, own: OwnActivities = NO_ACTIVITIES) -> dict[str, dict[str, Any]]:
    """The schema of each kind of file, for a project with these attributes and activities of its own."""
    parts = definitions(attributes, events_of(shipped_contracts()), own)
    return {kind: _schema(model, parts) for kind, model in MODELS.items()}


def project_schemas(rules: Rules) -> dict[str, str]:
    """The texts of the schemas that offer a project's own names, by the name of their file."""
    made = schemas(offered_names(rules), rules.own)
    return {f"{kind}.schema.json": as_text(schema) for kind, schema in made.items()}


def offered_names(rules: Rules) -> Names:
    """What conditions may name, with the texts that editors show of each name and of each of its values."""
    own = {name: Typed(each.type, told(each.title, each.description)) for name, each in rules.catalogue.items()}
    meanings = _meanings(rules)
    return {**own, **{name: replace(each, meanings=meanings.get(name, {})) for name, each in rules.names.items()}}


def _meanings(rules: Rules) -> dict[str, dict[str, str]]:
    """What each tag, segment, stage, tier and group is, by the name of the part of standing that holds it."""
    standing = rules.standing
    levels = standing.tiers.tiers if standing.tiers else ()
    groups = standing.rfm.groups if standing.rfm else ()
    return {
        "tags": {**rules.hand_tags, **{tag.name: told(tag.title, tag.description) for tag in standing.tags}},
        "segments": {each.name: told(each.title, each.description) for each in standing.segments},
        "stage": {
            each.name: told(each.title, each.description)
            for each in (standing.lifecycle.stages if standing.lifecycle else ())
        },
        "tier": {each.name: each.title for each in levels},
        "rfm_group": {each.name: each.title for each in groups},
    }


def _schema(model: type[BaseModel], parts: Mapping[str, Any]) -> dict[str, Any]:
    """One kind's schema, with those of the shared parts that it needs."""
    root = draft_7(model.model_json_schema(by_alias=True))
    own = root.pop("definitions", {})
    known = {**parts, **own}
    listed: dict[str, Any] = {}
    wanted = list(references(root))
    while wanted:
        name = wanted.pop()
        if name in known and name not in listed:
            listed[name] = known[name]
            wanted += references(known[name])
    return {"$schema": DRAFT, **root, "definitions": {name: listed[name] for name in sorted(listed)}}


def as_text(schema: Mapping[str, Any]) -> str:
    """The file's text."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
