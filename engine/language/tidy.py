"""From pydantic's JSON Schema (2020-12) to draft 7, which editors know, and to what rules may say.

- `$defs` becomes `definitions`; a `$ref` with neighbours, which draft 7 ignores, becomes an `allOf`;
- null is never offered: a key with nothing after it is a mistake;
- our placeholders (`x-definition`, `x-enum`) become references and lists;
- titles are left out: pydantic makes them from the names of classes, and editors show one as the heading of everything
  that is inside.
"""

from collections.abc import Iterator
from typing import Any

from engine.language.values import zones

_PREFIX = "#/definitions/"


def draft_7(schema: Any) -> Any:  # noqa: ANN401 - any part of a JSON document
    """A schema, or a part of one, in draft 7."""
    if isinstance(schema, list):
        return [draft_7(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    part = _renamed(schema)
    if "x-enum" in part:
        part = {"anyOf": _zones(), **_without(part, "x-enum")}
    if "patternProperties" in part:
        part["additionalProperties"] = False
    return _referring(_without_null(part))


def _zones() -> list[dict[str, Any]]:
    """Each by itself, as editors show all values of an `enum`, and 600 are too many; described, so that they differ."""
    return [{"const": zone, "description": f"The clocks of {zone}."} for zone in sorted(zones())]


def _renamed(schema: dict[str, Any]) -> dict[str, Any]:
    part: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "$defs":
            part["definitions"] = {name: draft_7(each) for name, each in value.items()}
        elif key == "properties":
            part[key] = {name: draft_7(each) for name, each in value.items()}
        elif key == "$ref":
            part[key] = value.replace("#/$defs/", _PREFIX)
        elif key == "x-definition":
            part["$ref"] = _PREFIX + value
        elif not (key == "title" and isinstance(value, str)) and not (key == "default" and value is None):
            part[key] = draft_7(value)
    return part


def _without(part: dict[str, Any], left_out: str) -> dict[str, Any]:
    return {key: value for key, value in part.items() if key != left_out}


def _without_null(part: dict[str, Any]) -> dict[str, Any]:
    choices = [each for each in part.get("anyOf", ()) if each != {"type": "null"}]
    if "anyOf" not in part or len(choices) == len(part["anyOf"]):
        return part
    rest = _without(part, "anyOf")
    return {**choices[0], **rest} if len(choices) == 1 else {**rest, "anyOf": choices}


def _referring(part: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in part or len(part) == 1:
        return part
    rest = _without(part, "$ref")
    return {**rest, "allOf": [{"$ref": part["$ref"]}, *rest.get("allOf", ())]}


def references(schema: Any) -> Iterator[str]:  # noqa: ANN401 - any part of a JSON document
    """The names of definitions that a schema refers to."""
    if isinstance(schema, dict):
        if isinstance(target := schema.get("$ref"), str):
            yield target.removeprefix(_PREFIX)
        for value in schema.values():
            yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)
