"""The search for a customer of whom a condition holds: over values that stand for all values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engine.conditions.ast import All, Any, Compare, Condition, Not, compares, leaves
from engine.conditions.operands import Comparison, check, ready
from engine.conditions.types import Value
from engine.language.scope import Names
from engine.language.sense.cells import cells, operands_of
from engine.language.sense.presence import marks, possible

MOST_COMPARISONS = 80
"""Of one question: who asks more is not reasoned about."""
_MOST_STEPS = 4_000
World = dict[str, Value]
"""Values by name; what events and steps say under a name of their own."""


class _TooManyError(Exception):
    """The search was given up."""


@dataclass(slots=True)
class _Search:
    names: Names
    currency: str | None
    cells: Mapping[str, list[Value]]
    ready: dict[Compare, Comparison] = field(default_factory=dict)
    steps: int = 0

    def holds(self, condition: Condition, world: World) -> bool | None:
        """Three-valued: None as long as the world says too little."""
        match condition:
            case Compare():
                return self._compare(condition, world)
            case All(parts=parts):
                return _all(self.holds(part, world) for part in parts)
            case Any(parts=parts):
                negated = _all(_not(self.holds(part, world)) for part in parts)
                return _not(negated)
            case Not(part=part):
                return _not(self.holds(part, world))
            case _:
                value = world.get(_opaque(condition))
                return value if isinstance(value, bool) else None

    def _compare(self, test: Compare, world: World) -> bool | None:
        if test.name not in world:
            return None
        if test not in self.ready:
            self.ready[test] = ready(test, self.names[test.name].type, self.currency)
        return check(self.ready[test], world[test.name])

    def find(self, condition: Condition, world: World, left: tuple[str, ...]) -> World | None:
        self.steps += 1
        if self.steps > _MOST_STEPS:
            raise _TooManyError
        truth = self.holds(condition, world)
        if truth is False or (truth is None and not left):
            return None
        told = {name: told for name in world if name in self.names and (told := self.names[name].presence)}
        if not possible({name: world[name] for name in told}, told):
            return None
        if not left:
            return world
        for value in self.cells[left[0]]:
            if (met := self.find(condition, {**world, left[0]: value}, left[1:])) is not None:
                return met
        return None


def find_world(condition: Condition, names: Names) -> tuple[World | None, bool]:
    """Somebody of whom a condition holds, and whether the search was complete.

    Without the reporting currency a comparison of money can use any of its amounts, or none: every one is tried. The
    world is one that the comparisons allow; whether facts can bring it about is another question.
    """
    asked = list(dict.fromkeys(compares(condition)))
    if len(asked) > MOST_COMPARISONS or any(test.name not in names for test in asked):
        return None, False
    complete = True
    for currency in _currencies(asked):
        try:
            world = _find(condition, names, asked, currency)
        except (_TooManyError, ValueError, OverflowError):
            complete = False
            continue
        if world is not None:
            return world, True
    return None, complete


def _find(condition: Condition, names: Names, asked: list[Compare], currency: str | None) -> World | None:
    by_name: dict[str, list[Compare]] = {}
    for test in asked:
        by_name.setdefault(test.name, []).append(test)
    told = {name: presence for name in by_name if (presence := names[name].presence)}
    marked = marks(told, {name: operands_of(names[name], by_name[name], currency) for name in told})
    stood: dict[str, list[Value]] = {}
    for name, tests in by_name.items():
        values = cells(names[name], tests, currency, marked.get(name, ()))
        if values is None:
            raise _TooManyError
        stood[name] = values
    stood |= {name: [True, False] for name in opaque_names(condition)}
    return _Search(names, currency, stood).find(condition, {}, tuple(stood))


def _currencies(asked: list[Compare]) -> list[str | None]:
    return [*dict.fromkeys(currency for test in asked for currency, _ in test.amounts), None]


def opaque_names(condition: Condition) -> frozenset[str]:
    """What is asked of events and steps, each as something that may be true or false."""
    return frozenset(_opaque(leaf) for leaf in leaves(condition) if not isinstance(leaf, Compare))


def _opaque(condition: Condition) -> str:
    return f"\0{condition.model_dump_json()}"


def _all(truths: Iterator[bool | None]) -> bool | None:
    whole: bool | None = True
    for truth in truths:
        if truth is False:
            return False
        whole = whole and truth
    return whole


def _not(truth: bool | None) -> bool | None:  # noqa: FBT001 -- a truth value
    return None if truth is None else not truth
