"""Pieces that the JSON Schemas are made of: operands by type, words that complete with what they mean."""

from collections.abc import Collection, Mapping
from typing import Any

from engine.conditions.types import Type
from engine.language.scope import Typed

Json = dict[str, Any]
_TEXT: Json = {"type": "string", "minLength": 1}
OPERANDS: Mapping[Type, Json] = {
    "integer": {"type": "integer"},
    "decimal": {"type": "number"},
    "boolean": {"type": "boolean"},
    "string": _TEXT,
    "instant": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    "set": _TEXT,
    "money": {
        "anyOf": [{"type": "string", "pattern": "^-?[0-9]{1,15}(\\.[0-9]{1,3})? [A-Z]{3}$"}, {"const": 0}],
        "examples": ["500 EUR"],
    },
}
"""How a value of each type is written."""


def ref(name: str) -> Json:
    """A reference to a shared part."""
    return {"$ref": f"#/definitions/{name}"}


def words(meanings: Mapping[str, str]) -> Json:
    """One of several words, each with what it means: editors complete them, and tell of each what it is."""
    return {"anyOf": [{"const": word, "description": meaning or word} for word, meaning in meanings.items()]}


def described(text: str) -> Json:
    """A description, if there is one."""
    return {"description": text} if text else {}


def declared(typed: Typed | None) -> Json:
    """A name that rules declare; any text where they declare none, or where it is not known which."""
    if typed is None or not typed.choices:
        return _TEXT
    return words({name: typed.meanings.get(name, "") for name in sorted(typed.choices)})


def one_or_more(item: Json) -> Json:
    """A list of items that is not empty.

    A list has no properties: that it says so makes it differ from the single item beside it in an `anyOf`. Editors take
    two undescribed choices for one another, and then show the description of neither.
    """
    return {"type": "array", "minItems": 1, "items": item, "properties": {}}


def closed(properties: Mapping[str, Json], required: Collection[str] = ()) -> Json:
    """A mapping with these keys and no others."""
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "additionalProperties": False, **needed, "properties": dict(properties)}


def equals(key: str, value: Json) -> Json:
    """Whether a key is there with such a value: written without `required`, which editors take for a proposal."""
    return {"not": {"properties": {key: {"not": value}}}}


def told(title: str, description: str | None) -> str:
    """Title and description in one text, as hover and completion show it."""
    return f"{title}. {description}" if description else title
