"""Ratios: attributes of attributes, checked when all files are read."""

from collections.abc import Mapping as Dictionary

from engine.language.attributes import NUMBERS, Declared
from engine.language.issues import did_you_mean, one_of
from engine.language.located import Mapping, Node, Scalar, found


def check_ratios(declared: Dictionary[str, Declared]) -> frozenset[str]:
    """Checks what ratios name, over all files.

    Returns:
        Names of attributes that are disabled by it.
    """
    disabled: set[str] = set()
    for attribute in declared.values():
        definition = attribute.definition
        if definition is None or definition.aggregate != "ratio":
            continue
        attribute.report.rule = f"attribute {attribute.name}"
        before = attribute.report.faults
        _check_ratio(attribute, declared)
        if attribute.report.faults > before:
            disabled.add(attribute.name)
        attribute.report.rule = ""
    return _with_dependents(disabled, declared)


def _check_ratio(attribute: Declared, declared: Dictionary[str, Declared]) -> None:
    node = attribute.entry.value
    ratio = node.get("ratio") if isinstance(node, Mapping) else None
    before = attribute.report.faults
    for key in ("of", "over"):
        part = ratio.get(key) if isinstance(ratio, Mapping) else None
        if part is not None:
            _check_part(attribute, part, declared)
    if ratio is not None and attribute.report.faults == before:
        _check_units(attribute, ratio, declared)


def _check_units(attribute: Declared, ratio: Node, declared: Dictionary[str, Declared]) -> None:
    """Money over a number is money, money over money and a number over a number are a number; nothing else is said."""
    definition = attribute.definition
    parts = [declared[name].definition for name in (definition.of, definition.over or "")] if definition else []
    of, over = (part.type == "money" for part in parts if part)
    if definition is None or (over and not of):
        found, expected = "a number over money", "money over money, or the other way round"
    elif of == over and definition.type == "money":
        found, expected = "a ratio of type money", "money over a number"
    elif of and not over and definition.type != "money":
        found, expected = f"money over a number, of type {definition.type}", "the type money"
    else:
        return
    attribute.report.error("RG403", ratio.span, found, expected)


def _check_part(attribute: Declared, part: Node, declared: Dictionary[str, Declared]) -> None:
    name = part.text if isinstance(part, Scalar) else ""
    report = attribute.report
    if name not in declared:
        report.error("RG301", part.span, found(part), "an attribute", did_you_mean(name, declared))
        return
    definition = declared[name].definition
    if definition is None:
        report.warning("RG313", part.span, name, "a sound attribute", "correct it first: it has errors of its own")
    elif definition.type not in NUMBERS:
        report.error(
            "RG404", part.span, f"{name}, of type {definition.type}", f"an attribute of type {one_of(NUMBERS)}"
        )
    elif circle := _circle(attribute.name, name, declared):
        report.error("RG312", part.span, " → ".join(circle), "attributes that do not depend on themselves")


def _circle(start: str, name: str, declared: Dictionary[str, Declared]) -> list[str]:
    """The way from an attribute back to itself, through ratios of ratios."""
    ways = [[start, name]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        if way[-1] == start:
            return way
        definition = declared[way[-1]].definition if way[-1] in declared else None
        if definition is None or definition.aggregate != "ratio" or way[-1] in seen:
            continue
        seen.add(way[-1])
        ways += [[*way, after] for after in (definition.of, definition.over) if after]
    return []


def _with_dependents(disabled: set[str], declared: Dictionary[str, Declared]) -> frozenset[str]:
    """Ratios of disabled attributes are disabled too."""
    ratios = [each.definition for each in declared.values() if each.definition and each.definition.aggregate == "ratio"]
    while more := {each.name for each in ratios if {each.of, each.over} & disabled} - disabled:
        disabled |= more
    return frozenset(disabled)
