"""JSON Schemas (draft 7) of the rule files, for editors: generated from the models, with the names that a project has.

`python -m engine.language.schema` writes them into `schemas/rules/`; with `--check` it only tells whether they are
stale. `--rules DIR --output DIR` makes them for another project, whose attributes then complete in its editors.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from engine.language.attribute_models import AttributesFile
from engine.language.campaigns import CampaignModel
from engine.language.definitions import definitions
from engine.language.events import events_of
from engine.language.files import SCHEMAS, shipped_contracts
from engine.language.playbooks import PlaybookModel
from engine.language.policy import PolicyFile
from engine.language.rules import Rules, load_rules
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

_DRAFT = "http://json-schema.org/draft-07/schema#"
MODELS: Mapping[str, type[BaseModel]] = {
    "attributes": AttributesFile,
    "tags": TagsFile,
    "segments": SegmentsFile,
    "lifecycle": LifecycleFile,
    "tiers": TiersFile,
    "rfm": RfmFile,
    "words": WordsFile,
    "policy": PolicyFile,
    "playbook": PlaybookModel,
    "campaign": CampaignModel,
}


def schemas(attributes: Names) -> dict[str, dict[str, Any]]:
    """The schema of each kind of file, for a project with these attributes."""
    parts = definitions(attributes, events_of(shipped_contracts()))
    return {kind: _schema(kind, model, parts) for kind, model in MODELS.items()}


def project_schemas(rules: Rules) -> dict[str, str]:
    """The texts of the schemas that offer a project's own names, by the name of their file."""
    own = {name: Typed(each.type, _hover(each.title, each.description)) for name, each in rules.catalogue.items()}
    made = schemas({**own, **rules.names})
    return {f"{kind}.schema.json": as_text(schema) for kind, schema in made.items()}


def _schema(kind: str, model: type[BaseModel], parts: Mapping[str, Any]) -> dict[str, Any]:
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
    title = {"$schema": _DRAFT, "title": f"Regulars: {kind}"}
    rest = {key: value for key, value in root.items() if key != "title"}
    return {**title, **rest, "definitions": {name: listed[name] for name in sorted(listed)}}


def as_text(schema: Mapping[str, Any]) -> str:
    """The file's text."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Writes the schemas, or tells whether they are stale."""
    options = _options(arguments)
    stale = []
    for name, text in project_schemas(load_rules(options.rules)).items():
        path = options.output / name
        if path.is_file() and path.read_text("utf-8") == text:
            continue
        stale.append(path)
        if not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    verb = "stale: run python -m engine.language.schema" if options.check else "written"
    for path in stale:
        sys.stdout.write(f"{path}: {verb}\n")
    return 1 if stale and options.check else 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m engine.language.schema", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is stale")
    parser.add_argument("--rules", type=Path, default=SCHEMAS.parent / "rules", help="whose attributes to offer")
    parser.add_argument("--output", type=Path, default=SCHEMAS / "rules", help="where the schemas go")
    return parser.parse_args(arguments)


def _hover(title: str, description: str) -> str:
    return f"{title}. {description}".strip() if description else title


if __name__ == "__main__":
    sys.exit(main())
