"""What a step gives to whomever it calls: literal values, and attributes whose values are looked up then."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from engine.conditions.types import Type
from engine.language.conditions import typed_name
from engine.language.issues import Report, Span, closest, did_you_mean, one_of
from engine.language.located import Entry, Node, Scalar, Sequence, found, plain
from engine.language.located import Mapping as LocatedMapping
from engine.language.own import resolved
from engine.language.scope import Scope

FITTING: Mapping[Type, frozenset[str]] = {
    "integer": frozenset({"integer", "number"}),
    "decimal": frozenset({"number", "string"}),
    "boolean": frozenset({"boolean"}),
    "string": frozenset({"string"}),
    "instant": frozenset({"string"}),
    "date": frozenset({"string"}),
    "set": frozenset({"array"}),
    "money": frozenset({"integer"}),
}
"""As which types of JSON a value of each of our types is given."""
_WORDS = {
    "integer": "a whole number", "number": "a number", "string": "text", "boolean": "true or false", "array": "a list",
    "object": "a mapping", "null": "nothing",
}  # fmt: skip


@dataclass(slots=True)
class Given:
    """What is given: `literal` by key, and by key the names of attributes that are looked up."""

    literal: dict[str, Any] = field(default_factory=dict)
    looked_up: dict[str, str] = field(default_factory=dict)


def read_given(node: LocatedMapping, scope: Scope, report: Report) -> Given:
    """Reads `{key: value, other: {attribute: name}}`."""
    given = Given()
    for entry in node:
        named = entry.value.entry("attribute") if isinstance(entry.value, LocatedMapping) else None
        if named is None or len(entry.value.entries) > 1:  # type: ignore[union-attr]  # named is of a mapping
            given.literal[entry.key] = _exact(plain(entry.value))
        elif isinstance(named.value, Scalar) and isinstance(named.value.value, str):
            if typed_name(Entry(named.value.text, named.value.span, named.value), scope, report) is not None:
                given.looked_up[entry.key] = named.value.text
        else:
            report.error("RG203", named.value.span, found(named.value), "the name of an attribute")
    return given


def check_given(
    node: LocatedMapping, given: Given, schema: Mapping[str, Any], scope: Scope, report: Report, at: Span
) -> None:
    """Checks what is given against a JSON Schema of an object; every error has its place.

    Args:
        node: where it is written.
        given: what was read there.
        schema: of all that is taken.
        scope: the names whose types are known.
        report: gets the issues.
        at: where to show that something is missing.
    """
    properties: Mapping[str, Any] = schema.get("properties", {})
    for entry in node:
        if entry.key not in properties:
            expected = one_of(properties, 12) or "nothing: it takes no input"
            report.error("RG201", entry.span, entry.key, expected, did_you_mean(entry.key, properties))
    present = set(node.keys())
    unknown = present - properties.keys()
    for key in schema.get("required", ()):
        if key not in present and closest(key, unknown) is None:
            report.error("RG202", at, f"no key {key}", _type_of(properties[key], schema))
    for key, name in given.looked_up.items():
        if key in properties and (typed := scope.names.get(name)) is not None:
            _check_fits(node, key, name, typed.type, (properties[key], schema), report)
    literal = {key: _as_number(plain(value)) for key in given.literal if key in properties and (value := node.get(key))}
    relaxed = {**schema, "required": []}
    for error in Draft202012Validator(relaxed).iter_errors(literal):
        place = _place(node, list(error.absolute_path))
        expected = _expected(error, schema)
        quote = f'quote it: "{place.text}"' if expected == "text" and isinstance(place, Scalar) and place.text else ""
        report.error("RG401", place.span, found(place), expected, quote)


def _check_fits(
    node: LocatedMapping, key: str, name: str, kind: Type, part: tuple[Mapping[str, Any], Mapping[str, Any]],
    report: Report,
) -> None:  # fmt: skip
    taken = _types(*part)
    value = node.get(key)
    if taken and not taken & FITTING[kind] and value is not None:
        report.error("RG401", value.span, f"{name}, of type {kind}", _words(taken))


def _types(schema: Mapping[str, Any], root: Mapping[str, Any]) -> frozenset[str]:
    """The types of JSON that a part of a schema takes; none if it takes any."""
    part = resolved(schema, root)
    kind = part.get("type")
    if kind is not None:
        return frozenset([kind] if isinstance(kind, str) else kind)
    choices = [_types(each, root) for each in part.get("anyOf", ())]
    return frozenset().union(*choices) - {"null"} if choices and all(choices) else frozenset()


def _type_of(schema: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    return _words(_types(schema, root)) or "a value"


def _words(types: Collection[str]) -> str:
    return one_of(sorted(_WORDS.get(each, each) for each in types))


def _expected(error: ValidationError, root: Mapping[str, Any]) -> str:
    """What was expected, in an operator's words."""
    wanted: Any = error.validator_value
    match error.validator:
        case "type":
            return _words([wanted] if isinstance(wanted, str) else wanted)
        case "enum":
            return one_of(map(str, wanted), 12)
        case "const":
            return str(wanted)
        case "anyOf":
            return _type_of({"anyOf": wanted}, root)
        case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum":
            words = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most"}
            return f"{words.get(str(error.validator), 'less than')} {wanted}"
        case "required":
            return f"the keys {one_of(wanted)}"
        case _:
            return f"{error.validator}: {wanted}"


def _place(node: Node, path: list[Any]) -> Node:
    for step in path:
        if isinstance(node, LocatedMapping) and (inner := node.get(str(step))) is not None:
            node = inner
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:
            break
    return node


def _exact(value: Any) -> Any:  # noqa: ANN401 - anything that YAML holds
    """A value that survives JSON: a number with a fraction as its text, so that it stays exact."""
    return _with_decimals(value, str)


def _as_number(value: Any) -> Any:  # noqa: ANN401 - as above
    """A value whose types a JSON Schema knows."""
    return _with_decimals(value, float)


def _with_decimals(value: Any, as_: Callable[[Decimal], Any]) -> Any:  # noqa: ANN401 - as above
    match value:
        case Decimal():
            return as_(value)
        case dict():
            return {key: _with_decimals(each, as_) for key, each in value.items()}
        case list():
            return [_with_decimals(each, as_) for each in value]
        case _:
            return value
