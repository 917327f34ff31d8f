"""Stages that overlap, and customers who are in none."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from engine.conditions.ast import All, Any, Condition, Not, compares
from engine.conditions.types import Value
from engine.language.issues import shorten
from engine.language.scope import Names
from engine.language.sense.search import World, find_world, opaque_names


@dataclass(frozen=True, slots=True)
class Example:
    """Somebody who is in two stages, or in none.

    `certain` tells that facts can bring it about; else the values are possible one by one, and it may be that nobody
    has them together.
    """

    stages: tuple[str, ...]
    words: str
    certain: bool


def overlaps(stages: Mapping[str, Condition], names: Names) -> Iterator[Example]:
    """An example for each two stages that somebody can be in at once."""
    for one, other in combinations(stages, 2):
        both = All(parts=(stages[one], stages[other]))
        world, _ = find_world(both, names)
        if world is not None:
            yield _example((one, other), both, world, names)


def uncovered(stages: Mapping[str, Condition], names: Names) -> Example | None:
    """Somebody who is in no stage, if there can be such a customer."""
    none = Not(part=Any(parts=tuple(stages.values())))
    world, _ = find_world(none, names)
    return None if world is None else _example((), none, world, names)


def _example(stages: tuple[str, ...], condition: Condition, world: World, names: Names) -> Example:
    shown = {name: value for name, value in world.items() if name in names}
    words = ", ".join(f"{name} {_in_words(value, names[name].type)}" for name, value in shown.items())
    return Example(stages, shorten(words or "anybody", 120), _certain(condition, shown, names))


def _certain(condition: Condition, world: Mapping[str, Value], names: Names) -> bool:
    """One known value is somebody's; several are, where all are told by the same rows."""
    if opaque_names(condition) or any(test.amounts for test in compares(condition)):
        return False
    if len(world) == 1:
        name, value = next(iter(world.items()))
        return value is not None and not names[name].of_standing
    told = {presence.rows for name in world if (presence := names[name].presence)}
    return len(told) == 1 and all(names[name].presence for name in world)


def _in_words(value: Value, kind: str) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, frozenset):
        return f"with {' and '.join(sorted(value))}" if value else "with none of them"
    return f"{value} in the smallest coin" if kind == "money" and value else str(value)
