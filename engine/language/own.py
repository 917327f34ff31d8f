"""Activities of a project's own, as rules know them: what each takes and gives, for checking and for editors."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.conditions.types import Type
from engine.language.issues import Report, Span
from engine.language.scope import Names, Typed
from engine.own import Idempotency

_PREFIX = "activities/"
_TYPES: Mapping[str, Type] = {"integer": "integer", "boolean": "boolean", "string": "string"}


@dataclass(frozen=True, slots=True)
class Declared:
    """One activity. `given` is the JSON Schema of what it takes; times in seconds."""

    name: str
    title: str
    description: str
    file: str
    line: int
    example: str
    idempotency: Idempotency
    timeout: int
    first_pause: int
    longest_pause: int
    attempts: int
    given: Mapping[str, Any]
    answer: Mapping[str, Any]

    @property
    def outputs(self) -> Names:
        """The fields of its answer that conditions can ask for: whole numbers, texts, true and false."""
        named = self.answer.get("properties", {})
        typed = {name: _typed(resolved(each, self.answer)) for name, each in named.items()}
        return {name: each for name, each in typed.items() if each is not None}


@dataclass(frozen=True)
class OwnActivities:
    """Sound activities by name; `incomplete` tells that a file with others could not be used."""

    by_name: Mapping[str, Declared] = field(default_factory=dict)
    incomplete: bool = False


NO_ACTIVITIES = OwnActivities()


def is_declaration(path: str) -> bool:
    """Whether a file among those of rules tells of an activity."""
    return path.startswith(_PREFIX) and path.endswith(".json")


def read_own(files: Mapping[str, str]) -> tuple[OwnActivities, list[Report]]:
    """The activities that a version of rules can call, and what is wrong with others."""
    found: dict[str, Declared] = {}
    reports: list[Report] = []
    for path in sorted(filter(is_declaration, files)):
        told = json.loads(files[path])
        if "failed" not in told:
            found[told["name"]] = Declared(**told)
            continue
        at = Span(told["line"], 1, told["line"], 2)
        report = Report(told["file"], rule=f"activities of {told['file'].rpartition('/')[2]}")
        report.error("RG324", at, told["failed"], "a module that declares activities", "`docs/own-activity.md`")
        reports.append(report)
    return OwnActivities(found, incomplete=bool(reports)), reports


def resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of a JSON Schema without references and without the choice of null."""
    if "$ref" in schema:
        return resolved(root.get("$defs", {}).get(schema["$ref"].rpartition("/")[2], {}), root)
    choices = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    return resolved(choices[0], root) if len(choices) == 1 else schema


def takes_nothing(schema: Mapping[str, Any]) -> bool:
    """Whether a part of a JSON Schema admits that nothing is known."""
    return any(each.get("type") == "null" for each in schema.get("anyOf", ()))


def _typed(schema: Mapping[str, Any]) -> Typed | None:
    kind = schema.get("type")
    if not isinstance(kind, str) or kind not in _TYPES or "format" in schema:
        return None
    listed = schema.get("enum", [schema["const"]] if "const" in schema else None)
    words = frozenset(listed) if kind == "string" and listed else None
    return Typed(_TYPES[kind], schema.get("title", ""), choices=words, unlisted="RG204" if words else "")
