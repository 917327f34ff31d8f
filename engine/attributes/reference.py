"""The reference tables of docs/attributes.md, from the declarations themselves."""

from collections.abc import Iterable, Mapping

from engine.attributes.definition import AttributeDefinition
from engine.attributes.relation import Relation
from engine.attributes.relations import RELATIONS, SCOPES


def attributes_table(catalogue: Mapping[str, AttributeDefinition]) -> str:
    """A Markdown table of declared attributes, in the order of their declaration."""
    rows = ((f"`{each.name}`", each.type, each.unit or "", each.description) for each in catalogue.values())
    return _table(("attribute", "type", "unit", "what it says"), rows)


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
