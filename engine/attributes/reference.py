"""The reference tables of docs/attributes.md, from the declarations themselves."""

import json
import re
from collections.abc import Iterable, Mapping

from engine.attributes.definition import AttributeDefinition
from engine.attributes.relation import Relation
from engine.attributes.relations import RELATIONS, SCOPES


def attributes_table(definitions: Iterable[AttributeDefinition]) -> str:
    """A Markdown table of declared attributes, with the example of each and a rule that asks for it."""
    head = ("attribute", "type", "what it says", "computed", "for example", "a rule, and whether it holds there")
    cells = (_type, _says, _computed, _example, _rule)
    return _table(head, ((f"`{each.name}`", *(cell(each) for cell in cells)) for each in definitions))


def _type(definition: AttributeDefinition) -> str:
    return f"{definition.type}, {definition.unit}" if definition.unit else definition.type


def _says(definition: AttributeDefinition) -> str:
    return f"**{definition.title}.** {definition.description}".strip()


def _computed(definition: AttributeDefinition) -> str:
    over = f" over {definition.over}" if definition.over else ""
    within = f", {definition.within_seconds // 86400} days" if definition.within_seconds else ""
    return f"{definition.aggregate} of {definition.of}{over}{within}"


def _example(definition: AttributeDefinition) -> str:
    example = definition.example
    if example is None:
        return ""
    facts = "; ".join(f"{name}: {', '.join(map(_row, rows))}" for name, rows in example.facts.items())
    words = "".join(f"; words of {name}: {', '.join(each)}" for name, each in example.words.items())
    return f"`{facts}{words}` gives `{_written(example.gives)}`"


def _rule(definition: AttributeDefinition) -> str:
    example = definition.example
    if example is None or example.rule is None:
        return ""
    return f"`{rule_text(example.rule)}` {'holds' if example.holds else 'does not hold'}"


def rule_text(rule: object) -> str:
    """A rule as YAML in one line; it reads as it was written."""
    match rule:
        case dict():
            return f"{{{', '.join(f'{name}: {rule_text(value)}' for name, value in rule.items())}}}"
        case list():
            return f"[{', '.join(map(rule_text, rule))}]"
        case str() if not _PLAIN.fullmatch(rule) or rule in _WORDS:
            return json.dumps(rule, ensure_ascii=False)
        case _:
            return _written(rule)


_PLAIN = re.compile(r"[^\W\d][\w -]*|\d[\d.]* [A-Z]{3}|\d{4}-\d\d-\d\dT[\d:]+Z")
"""Texts that YAML reads as texts without quotes: words, amounts, instants."""
_WORDS = frozenset({"NO", "true", "false", "null"})
"""Words that are quoted all the same: readers of YAML differ on them."""


def _row(row: Mapping[str, object]) -> str:
    return f"{{{', '.join(f'{name}: {_written(value)}' for name, value in row.items())}}}"


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"[{', '.join(map(_written, value))}]" if isinstance(value, tuple) else str(value)


def relations_tables() -> str:
    """A Markdown section for each relation, with its fields."""
    return "\n".join(_section(relation) for relation in RELATIONS.values())


def _section(relation: Relation) -> str:
    scope = next((scope for scope, name in SCOPES.items() if name == relation.name), None)
    scoped = f" In conditions about one: `{scope}.` and the field's name." if scope else ""
    rows = ((f"`{name}`", each.type, each.title) for name, each in relation.offered.items())
    return f"### {relation.name}\n\n{relation.title}.{scoped}\n\n{_table(('field', 'type', 'what it is'), rows)}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |\n" for line in lines)
