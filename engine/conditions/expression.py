"""Conditions as Python expressions, from which flat closures are made.

The place where a name is read (a mapping's `get`, a local variable of the fold) is the caller's.
"""

from collections.abc import Callable, Sequence

from engine.conditions.ast import All, Any, Compare, Condition, Did, Not, StepIs
from engine.conditions.environment import Types
from engine.conditions.generated import Constants
from engine.conditions.operands import Comparison, ready

DEEPEST = 60
"""Levels of all, any and not that a condition may have: more than this nobody can read."""

_SYMBOLS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


class Writer:
    """Writes conditions as expressions.

    `read` gives the expression of a name's value, `ask` that of a question to the journey or the events; without
    `ask` such questions are refused: a row has neither.
    """

    def __init__(
        self,
        read: Callable[[str], str],
        *,
        types: Types,
        currency: str | None,
        constants: Constants,
        ask: Callable[[Did | StepIs], str] | None = None,
    ) -> None:
        self._read, self._types, self._currency = read, types, currency
        self._constants, self._ask = constants, ask
        self._temporaries = 0

    def write(self, condition: Condition, depth: int = 0) -> str:
        """The expression of a condition.

        Raises:
            ValueError: deeper than DEEPEST, an operand of another type than its name, or a question rows cannot answer.
        """
        if depth > DEEPEST:
            raise ValueError(f"a condition has more than {DEEPEST} levels")
        match condition:
            case Compare():
                return self._compare(self._ready(condition))
            case All(parts=parts):
                return self._all(parts, depth + 1)
            case Any(parts=parts):
                return self._joined(" or ", [self.write(part, depth + 1) for part in parts], empty="False")
            case Not(part=part):
                return f"(not {self.write(part, depth + 1)})"
            case Did() | StepIs():
                if self._ask is None:
                    raise ValueError("a condition over a row or event cannot ask for other events or for steps")
                return self._ask(condition)

    def _ready(self, compare: Compare) -> Comparison:
        return ready(compare, self._types.get(compare.name), self._currency)

    def _all(self, parts: Sequence[Condition], depth: int) -> str:
        """Bounds of one name are asked together: its value is read and found known once."""
        bounds: dict[str, list[Comparison]] = {}
        written: list[str] = []
        for part in parts:
            if isinstance(part, Compare) and part.operator in _SYMBOLS:
                test = self._ready(part)
                bounds.setdefault(test.name, []).append(test)
            else:
                written.append(self.write(part, depth))
        written[:0] = [self._within(name, tests) for name, tests in bounds.items()]
        return self._joined(" and ", written, empty="True")

    def _within(self, name: str, tests: Sequence[Comparison]) -> str:
        if any(test.operand is None for test in tests):
            return "False"
        known, value = self._known(name)
        limits = [f"{value} {_SYMBOLS[test.operator]} {self._constants.literal(test.operand)}" for test in tests]
        return f"({' and '.join([known, *limits])})"

    def _compare(self, test: Comparison) -> str:
        if test.operator in _SYMBOLS:
            return self._within(test.name, [test])
        if test.operator in ("known", "unknown"):
            return f"({self._read(test.name)} is {'not ' if test.operator == 'known' else ''}None)"
        if test.operand is None:
            return "False"
        if test.operator == "eq":
            same = "is" if isinstance(test.operand, bool) else "=="
            return f"({self._read(test.name)} {same} {self._constants.literal(test.operand)})"
        if test.operator == "in":
            return f"({self._read(test.name)} in {self._constants.literal(test.operand)})"
        return self._of_sets(test)

    def _of_sets(self, test: Comparison) -> str:
        known, value = self._known(test.name)
        operand = self._constants.name(test.operand)
        match test.operator:
            case "not_in":
                return f"({known} and {value} not in {operand})"
            case "has_all":
                return f"({known} and {value}.issuperset({operand}))"
            case "has_none":
                return f"({known} and {value}.isdisjoint({operand}))"
            case _:
                return f"({known} and not {value}.isdisjoint({operand}))"

    def _known(self, name: str) -> tuple[str, str]:
        """The expression that a name is known, and how its value is named after that."""
        value = self._read(name)
        if value.isidentifier():
            return f"{value} is not None", value
        self._temporaries += 1
        temporary = f"t{self._temporaries}"
        return f"({temporary} := {value}) is not None", temporary

    @staticmethod
    def _joined(word: str, written: Sequence[str], *, empty: str) -> str:
        return f"({word.join(written)})" if written else empty
