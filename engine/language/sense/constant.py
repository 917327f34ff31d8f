"""Conditions that can never hold, and those that always do."""

from collections import Counter
from typing import Literal

from engine.conditions.ast import All, Condition, Not, compares
from engine.language.issues import Report, Span
from engine.language.scope import Names
from engine.language.sense.search import find_world, opaque_names
from engine.language.words import condition as in_words

Constant = Literal["never", "always"]


def constant(condition: Condition, names: Names) -> Constant | None:
    """Whether a condition is proven to hold of nobody, or of everybody."""
    if not _worth_asking(condition, names):
        return None
    world, complete = find_world(condition, names)
    if world is None:
        return "never" if complete else None
    world, complete = find_world(Not(part=condition), names)
    return "always" if world is None and complete else None


def check_constant(condition: Condition, names: Names, at: Span, report: Report, told: int) -> None:
    """Reports a condition that is proven to be constant, unless a part of it is told to be.

    Args:
        condition: The condition.
        names: What its names stand for.
        at: Its place.
        report: Gets the issue.
        told: How many issues there were before its parts were read.
    """
    codes = {issue.code for issue in report.issues[told:]}
    if "RG701" in codes:
        return
    match constant(condition, names):
        case "never":
            hint = "if one of them is enough, write any" if isinstance(condition, All) else ""
            report.error("RG701", at, in_words(condition), "a condition that somebody can meet", hint)
        case "always" if "RG702" not in codes:
            report.warning("RG702", at, in_words(condition), "a condition that somebody can fail", "leave it out")
        case _:
            pass


def _worth_asking(condition: Condition, names: Names) -> bool:
    """A condition whose names all differ, and can have any value, is both true of somebody and false of somebody."""
    tests = list(compares(condition))
    met = Counter(test.name for test in tests)
    bounded = any(
        typed is not None and (typed.within or typed.known or typed.choices is not None or typed.presence)
        for typed in map(names.get, met)
    )
    return bounded or any(count > 1 for count in met.values()) or len(opaque_names(condition)) > 1
