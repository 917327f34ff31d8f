"""Attributes that are ranked or measured: they must exist and be numbers."""

from engine.conditions.types import Type
from engine.language.issues import Report, did_you_mean, one_of
from engine.language.located import Node, Scalar, found
from engine.language.scope import Scope, Typed

NUMBERS: tuple[Type, ...] = ("integer", "decimal", "money")


def measured(node: Node | None, scope: Scope, report: Report) -> Typed | None:
    """What the named attribute is, or None and an issue."""
    if node is None:
        return None
    name = node.text if isinstance(node, Scalar) else ""
    if scope.disables(name):
        report.warning("RG313", node.span, name, "a sound attribute", "correct it first: it has errors of its own")
        return None
    typed = scope.bare.get(name)
    if typed is None:
        report.error("RG301", node.span, found(node), "an attribute", did_you_mean(name, scope.bare))
        return None
    if typed.type not in NUMBERS or typed.of_standing:
        report.error("RG401", node.span, f"{name}, of type {typed.type}", f"an attribute of type {one_of(NUMBERS)}")
        return None
    return typed
