"""What a test expects, from located YAML: names checked against the rules, values read as their type."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from engine.conditions.ast import Scalar as Operand
from engine.conditions.operands import microseconds
from engine.conditions.types import Value
from engine.language.issues import Report, did_you_mean, one_of
from engine.language.located import Entry, Node, Scalar, Sequence, found
from engine.language.located import Mapping as Located
from engine.language.operands import amount, operand
from engine.language.rules import Rules
from engine.language.scope import Typed
from engine.language.validate import mapping
from engine.ruletests import keys
from engine.ruletests.case import NAMES, SCORES, SETS, Expected, Members
from engine.ruletests.names import CODES, known_names

_KEYS = tuple(keys.EXPECTATIONS)
NONE = "none"
"""How a test says that there is no stage, tier or group."""


def read_expected(node: Node, rules: Rules, report: Report) -> tuple[Expected, ...]:
    """The expectations under `expect`."""
    held = mapping(node, report, f"a mapping with {one_of(_KEYS)}")
    if held is None:
        return ()
    if not held.entries:
        report.error("RG211", held.span, "an empty mapping", f"at least one of {one_of(_KEYS)}")
    return tuple(each for entry in held for each in _entry(entry, rules, report))


def _entry(entry: Entry, rules: Rules, report: Report) -> list[Expected]:
    if entry.key == "attributes":
        held = mapping(entry.value, report, "attributes and their values", entry.span)
        return [] if held is None else [each for one in held for each in _attribute(one, rules, report)]
    if entry.key in SETS:
        read = members(entry.value, known_names(entry.key, rules), CODES[entry.key], report)
        return [] if read is None else [Expected(entry.key, read, entry.span)]
    if entry.key in NAMES:
        name = _name(entry.value, known_names(entry.key, rules) | {NONE}, CODES[entry.key], report)
        return [] if name is None else [Expected(entry.key, None if name == NONE else name, entry.span)]
    if entry.key in SCORES:
        value = operand(entry.value, entry.key, Typed("integer"), report)
        return [] if value is None else [Expected(entry.key, value, entry.span)]
    hint = "what journeys do stands alone" if entry.key == "happens" else did_you_mean(entry.key, _KEYS)
    report.error("RG201", entry.span, entry.key, one_of(_KEYS), hint)
    return []


def members(node: Node, known: frozenset[str], code: str, report: Report) -> Members | None:
    """A set: a name or a list of names, which are all; or `includes` and `excludes`."""
    if not isinstance(node, Located):
        names = _names(node, known, code, report)
        return None if names is None else Members(names)
    parts: dict[str, frozenset[str]] = {}
    for entry in node:
        if entry.key not in ("includes", "excludes"):
            report.error(
                "RG201",
                entry.span,
                entry.key,
                "includes or excludes",
                did_you_mean(entry.key, ("includes", "excludes")),
            )
        elif (names := _names(entry.value, known, code, report)) is not None:
            parts[entry.key] = names
    if not node.entries:
        report.error("RG211", node.span, "an empty mapping", "includes or excludes")
    if both := sorted(parts.get("includes", frozenset()) & parts.get("excludes", frozenset())):
        report.error("RG309", node.span, both[0], "each name in one of includes and excludes")
    return Members(None, **parts)


def _names(node: Node, known: frozenset[str], code: str, report: Report) -> frozenset[str] | None:
    items: Iterable[Node] = node.items if isinstance(node, Sequence) else (node,)
    read = [_name(item, known, code, report) for item in items]
    return None if None in read else frozenset(name for name in read if name is not None)


def _name(node: Node, known: frozenset[str], code: str, report: Report) -> str | None:
    name = node.text if isinstance(node, Scalar) and isinstance(node.value, str) else None
    if name in known:
        return name
    hint = did_you_mean(name, known) if name else ""
    report.error(code, node.span, found(node), one_of(sorted(known), 12) or "one that is declared", hint)
    return None


def _attribute(entry: Entry, rules: Rules, report: Report) -> list[Expected]:
    definition = rules.catalogue.get(entry.key)
    if definition is None:
        report.error("RG301", entry.span, entry.key, "an attribute", did_you_mean(entry.key, rules.catalogue))
        return []
    before = report.faults
    value = _value(entry, Typed(definition.type, unit=definition.unit), report)
    return [] if report.faults > before else [Expected(f"attribute {entry.key}", value, entry.span)]


def _value(entry: Entry, typed: Typed, report: Report) -> Value | Members:
    node = entry.value
    if isinstance(node, Located) and node.keys() == ("unknown",):
        asked = node.entries[0].value
        if not isinstance(asked, Scalar) or asked.value is not True:
            report.error("RG401", asked.span, found(asked), "true", "to expect a value, write the value")
        return None
    if typed.type == "set":
        return _set(node, report)
    if typed.type == "money":
        zero = isinstance(node, Scalar) and node.value == 0 and not isinstance(node.value, bool)
        money = None if zero else amount(node, entry.key, report)
        return money.minor if money else 0
    read = operand(node, entry.key, typed, report)
    return _converted(read, typed) if read is not None else None


def _converted(value: Operand, typed: Typed) -> Value:
    if not isinstance(value, str):
        return value
    match typed.type:
        case "decimal":
            return Decimal(value)
        case "date":
            return date.fromisoformat(value)
        case "instant":
            return microseconds(datetime.fromisoformat(value))
        case _:
            return value


def _set(node: Node, report: Report) -> Members | None:
    """Values of a set are the shop's own words, so any text may stand there."""
    return members(node, _Anything(), "RG401", report)


class _Anything(frozenset[str]):
    """Holds every text."""

    def __contains__(self, item: object) -> bool:
        return isinstance(item, str)


def turned(expected: Iterable[Expected]) -> tuple[Expected, ...] | None:
    """The opposite of what sets include and exclude; what else is expected of tags and stages has none: None.

    Attributes are left out: that another value is wanted says not which.
    """
    found = []
    for each in expected:
        if each.what.startswith("attribute "):
            continue
        opposite = each.value.turned() if isinstance(each.value, Members) else None
        if opposite is None:
            return None
        found.append(Expected(each.what, opposite, each.at))
    return tuple(found) or None
