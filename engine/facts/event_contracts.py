"""Contracts of events: one JSON Schema a kind, shipped in `schemas/events/` and extended by a project's own."""

import difflib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema_rs
from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from engine.contracts import EventSubject, FieldType, fields_of, personal_of, subject_of
from engine.facts.event_formats import TEXT_FORMATS, MoneyKeyword, check_format, storable, unstorable
from engine.shipped import shipped

_MONEY = "x-money"


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong with an event: where (`lines/0/unit_price/amount`), what was found, what is expected."""

    path: str
    found: str
    expected: str
    hint: str | None = None

    def __str__(self) -> str:
        """One line for an operator."""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.path or 'the event'}: found {self.found}, expected {self.expected}{hint}"


class ContractError(Exception):
    """A contract file that cannot be used; `code` is `contract_json`, `contract_schema` or `contract_narrowed`."""

    def __init__(self, code: str, path: Path, found: str, expected: str, hint: str = "") -> None:
        """Keeps the parts beside the text."""
        super().__init__(f"{path}: {code}: found {found}, expected {expected}" + (f" ({hint})" if hint else ""))
        self.code, self.path, self.found, self.expected, self.hint = code, path, found, expected, hint


@dataclass(frozen=True)
class Contract:
    """The contract of one kind of event."""

    kind: str
    title: str
    schema: Mapping[str, Any]
    subject: EventSubject
    fields: Mapping[str, FieldType]
    """What a `where` may ask for."""
    personal: frozenset[str]
    """Properties that are never kept in the event log."""
    validator: Validator = field(repr=False, compare=False)
    sound: Callable[[Mapping[str, Any]], bool] = field(repr=False, compare=False)
    """Whether data that can be stored keeps the contract, by a compiled validator; asked of every event."""

    def check(self, data: Mapping[str, Any]) -> tuple[Violation, ...]:
        """Everything in the data that breaks the contract, in the order of its paths; empty if nothing does."""
        if storable(data) and self.sound(data):
            return ()
        found = [_violation(error) for error in self.validator.iter_errors(data)]
        if not storable(data):
            expected = "text without NUL and unpaired surrogates, finite numbers, nested at most 32 deep"
            found += [Violation(path, _short(value), expected) for path, value in unstorable(data)]
        return tuple(sorted(found, key=lambda each: each.path))


def shipped_directory() -> Path:
    """Where the shipped contracts are."""
    return shipped("schemas/events")


def load_contracts(directory: Path | None = None) -> dict[str, Contract]:
    """The shipped contracts, and those of a directory of the project's own.

    A file's name is its kind: `loyalty.card_issued.json`. A file named as a shipped kind replaces it; it may add
    properties, but keeps the types and requirements of the shipped ones.

    Args:
        directory: the project's `schemas/events`; absent or not a directory: the shipped ones only.

    Raises:
        ContractError: a file is not JSON, not a JSON Schema, or narrows a shipped contract.
    """
    contracts = {path.stem: _read(path) for path in sorted(shipped_directory().glob("*.json"))}
    if directory is not None and directory.resolve() != shipped_directory().resolve():
        for path in sorted(directory.glob("*.json")):
            own = _read(path)
            if own.kind in contracts:
                _refuse_narrowing(path, own, contracts[own.kind])
            contracts[own.kind] = own
    return contracts


def _read(path: Path) -> Contract:
    try:
        schema = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ContractError("contract_json", path, str(error), "a JSON document in UTF-8") from None
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise ContractError("contract_schema", path, "another shape", 'a schema of `"type": "object"`')
    base = Draft7Validator if "draft-07" in str(schema.get("$schema")) else Draft202012Validator
    try:
        base.check_schema(schema)
        subject = subject_of(schema)
        fields = fields_of(schema)
    except SchemaError as error:
        place = "/".join(str(part) for part in error.absolute_path)
        raise ContractError("contract_schema", path, f"{error.message} at {place!r}", "a JSON Schema") from None
    except ValueError as error:
        raise ContractError("contract_schema", path, str(error), "a contract of an event") from None
    inlined = _inlined(schema, schema)
    return Contract(
        kind=path.stem,
        title=str(schema.get("title", path.stem)),
        schema=schema,
        subject=subject,
        fields=fields,
        personal=personal_of(schema),
        validator=_checker(base, inlined),
        sound=_sound(base, inlined),
    )


def _checker(base: type[Validator], schema: Mapping[str, Any]) -> Validator:
    extended: type[Validator] = extend(base, {"format": check_format})  # type: ignore[no-untyped-call]  # upstream
    return extended(schema)


def _sound(base: type[Validator], schema: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], bool]:
    """A check of data that can be stored: false where it finds something, or is not made for what it is given."""
    compiled = jsonschema_rs.Draft7Validator if base is Draft7Validator else jsonschema_rs.Draft202012Validator
    try:
        validator = compiled(
            _with_money(schema),
            formats=dict(TEXT_FORMATS),
            validate_formats=True,
            keywords={_MONEY: MoneyKeyword},
            offline=True,
        )
    except ValueError:  # such as a pattern that only Python knows
        return lambda _: False

    def sound(data: Mapping[str, Any]) -> bool:
        try:
            return validator.is_valid(data)
        except (ValueError, TypeError):  # such as a number that JSON cannot write
            return False

    return sound


def _with_money(part: Any) -> Any:  # noqa: ANN401 -- JSON
    """A part of a schema with the form of money, which is no text, as a keyword of its own."""
    if isinstance(part, list):
        return [_with_money(each) for each in part]
    if not isinstance(part, Mapping):
        return part
    found = {name: _with_money(each) for name, each in part.items()}
    return found | {_MONEY: True} if found.get("format") == "money" else found


def _inlined(schema: Mapping[str, Any], part: Any, inside: tuple[str, ...] = ()) -> Any:  # noqa: ANN401 -- JSON
    """A part of a schema with what its references name in their place: to follow them takes a validator long.

    A reference that restricts more beside it, leads elsewhere or into itself stays.
    """
    if isinstance(part, list):
        return [_inlined(schema, each, inside) for each in part]
    if not isinstance(part, Mapping):
        return part
    reference = part.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/$defs/") and reference not in inside:
        target = schema.get("$defs", {}).get(reference.removeprefix("#/$defs/"))
        if target is not None and part.keys() <= {"$ref", "title", "description"}:
            return _inlined(schema, target, (*inside, reference))
    return {name: _inlined(schema, each, inside) for name, each in part.items()}


def _refuse_narrowing(path: Path, own: Contract, shipped: Contract) -> None:
    changed = sorted(name for name, kind in shipped.fields.items() if own.fields.get(name) != kind)
    lost = sorted(set(shipped.schema.get("required", ())) - set(own.schema.get("required", ())))
    missing = sorted(set(shipped.schema["properties"]) - set(own.schema.get("properties", {})))
    shown = sorted(shipped.personal - own.personal)
    if changed or lost or missing or shown or own.subject != shipped.subject:
        names = ", ".join(sorted({*changed, *lost, *missing, *shown})) or "another subject"
        hint = "copy the shipped file and add to it"
        raise ContractError("contract_narrowed", path, names, f"all that the shipped {own.kind} promises", hint)


def _violation(error: ValidationError) -> Violation:
    path = [str(part) for part in error.absolute_path]
    schema: Mapping[str, Any] = error.schema if isinstance(error.schema, Mapping) else {}
    instance: Any = error.instance
    wanted: Any = error.validator_value
    match error.validator:
        case "required":
            name = next(each for each in wanted if each not in instance and repr(each) in error.message)
            title = schema.get("properties", {}).get(name, {}).get("title", name)
            return Violation("/".join([*path, name]), "nothing", str(title))
        case "additionalProperties":
            known = list(schema.get("properties", {}))
            unknown = sorted(str(name) for name in instance if name not in known)
            near = difflib.get_close_matches(unknown[0], known, 1)
            hint = f"did you mean {near[0]!r}?" if near else None
            return Violation("/".join([*path, unknown[0]]), _names(unknown), f"only {', '.join(known)}", hint)
        case "type":
            kinds = " or ".join(wanted) if isinstance(wanted, list) else str(wanted)
            return Violation("/".join(path), _short(instance), f"a value of type {kinds}")
        case "enum":
            choices = [str(choice) for choice in wanted]
            near = difflib.get_close_matches(str(instance), choices, 1)
            hint = f"did you mean {near[0]!r}?" if near else None
            return Violation("/".join(path), _short(instance), f"one of {', '.join(choices)}", hint)
        case "format":
            expected, _, advice = error.message.partition("|")
            return Violation("/".join(path), _short(instance), expected, advice or None)
        case "pattern":
            expected = str(schema.get("description", f"text matching {wanted}"))
            return Violation("/".join(path), _short(instance), expected)
        case _:
            return Violation("/".join(path), _short(instance), f"{error.validator} {_short(wanted)}")


def _names(names: list[str]) -> str:
    return ", ".join(_short(name) for name in names[:5]) + (" and more" if len(names) > 5 else "")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
