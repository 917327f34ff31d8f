"""Conditions as SQL: true exactly where the closures of `engine.conditions.compile` are true, and never NULL.

SQL's own NULL does most of it. A comparison with NULL is NULL, and AND and OR let it pass as if it were false wherever
only "true or not" matters; a negation, and the result itself, are where that has to be asked (`IS NOT TRUE`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

from engine.conditions.ast import All, Any, Compare, Condition, Did, Not, StepIs
from engine.conditions.expression import DEEPEST
from engine.conditions.operands import Comparison, ready
from engine.conditions.types import Type, Value
from engine.query import sql
from engine.query.dialect import DUCKDB, Dialect

_SYMBOLS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_SETS = ("has_any", "has_all", "has_none")
_NUMBERS = ("integer", "money", "instant", "decimal")
_NEVER = "FALSE"


@dataclass(frozen=True, slots=True)
class Column:
    """Where a value is read: an expression that may be repeated, its type, and a decimal's digits behind the point."""

    sql: str
    type: Type
    scale: int = 0


class ConditionWriter:
    """Writes conditions as SQL expressions.

    Args:
        read: gives the column of a name; None for a name that is unknown of everybody.
        currency: the reporting currency, which picks the threshold of a comparison with money.
        ask: gives a boolean expression, never NULL, for a question to the events or the journey; without it such
            questions are refused, since a row has neither.
        dialect: the database's words.
    """

    def __init__(
        self,
        read: Callable[[str], Column | None],
        *,
        currency: str | None,
        ask: Callable[[Did | StepIs], str] | None = None,
        dialect: Dialect = DUCKDB,
    ) -> None:
        self._read, self._currency, self._ask, self._dialect = read, currency, ask, dialect

    def write(self, condition: Condition) -> str:
        """A boolean expression that is never NULL.

        Raises:
            ValueError: deeper than DEEPEST, an operand of another type than its name, or a question rows cannot answer.
        """
        return is_true(self.holds(condition))

    def holds(self, condition: Condition, depth: int = 0) -> str:
        """An expression that is TRUE where the condition holds, else FALSE or NULL: for WHERE, FILTER and CASE WHEN.

        Raises:
            ValueError: as `write`.
        """
        if depth > DEEPEST:
            raise ValueError(f"a condition has more than {DEEPEST} levels")
        match condition:
            case Compare():
                return self._compare(condition)
            case All(parts=parts):
                return sql.both(self.holds(part, depth + 1) for part in parts)
            case Any(parts=parts):
                return sql.either(self.holds(part, depth + 1) for part in parts)
            case Not(part=part):
                return is_not_true(self.holds(part, depth + 1))
            case Did() | StepIs():
                if self._ask is None:
                    raise ValueError("a condition over a row or event cannot ask for other events or for steps")
                return self._ask(condition)

    def _compare(self, compare: Compare) -> str:
        column = self._read(compare.name)
        test = ready(compare, None if column is None else column.type, self._currency)
        if column is None:
            return "TRUE" if test.operator == "unknown" else _NEVER
        return compared(test, column, self._dialect)


def is_true(expression: str) -> str:
    """The expression with FALSE in place of NULL."""
    return expression if expression in ("TRUE", _NEVER) else f"({expression} IS TRUE)"


def is_not_true(expression: str) -> str:
    """Plain negation: of what is unknown, true."""
    match expression:
        case "TRUE":
            return _NEVER
        case "FALSE":
            return "TRUE"
        case _:
            return f"({expression} IS NOT TRUE)"


def compared(test: Comparison, column: Column, dialect: Dialect = DUCKDB) -> str:
    """One ready comparison as an expression that is TRUE where it passes, else FALSE or NULL."""
    operand = test.operand
    match test.operator:
        case "known":
            return _known(column)
        case "unknown":
            return f"({column.sql} IS NULL)"
        case "in" | "not_in":
            assert isinstance(operand, frozenset)
            return _among(dialect, column, operand, negated=test.operator == "not_in")
        case "has_any" | "has_all" | "has_none":
            assert isinstance(operand, frozenset)
            return _of_set(dialect, test.operator, column, operand)
        case operator:
            if operand is None or isinstance(operand, frozenset):
                return _NEVER
            if operator == "eq":
                return _same(dialect, column, operand)
            return _ordered(dialect, _SYMBOLS[operator], column, operand)


def _known(column: Column) -> str:
    return f"({column.sql} IS NOT NULL)"


def _same(dialect: Dialect, column: Column, operand: Value) -> str:
    if isinstance(operand, bool) and column.type == "boolean":
        return column.sql if operand else f"(NOT {column.sql})"
    literal = _literal(dialect, column, operand)
    return _NEVER if literal is None else f"({column.sql} = {literal})"


def _ordered(dialect: Dialect, symbol: str, column: Column, operand: Value) -> str:
    """A bound between two steps of a number's scale is moved to the step that asks the same."""
    if column.type in _NUMBERS and isinstance(operand, int | Decimal) and not isinstance(operand, bool):
        steps = Fraction(operand) * 10**column.scale
        limit = Fraction(ceil(steps) if symbol in ("<", ">=") else floor(steps), 10**column.scale)
        return f"({column.sql} {symbol} {_number(dialect, column, limit)})"
    literal = _literal(dialect, column, operand)
    return _NEVER if literal is None else f"({column.sql} {symbol} {literal})"


def _among(dialect: Dialect, column: Column, operands: frozenset[Value], *, negated: bool) -> str:
    literals = sorted(filter(None, (_literal(dialect, column, each) for each in operands)))
    if not literals:
        return _known(column) if negated else _NEVER
    return f"({column.sql} {'NOT IN' if negated else 'IN'} ({', '.join(literals)}))"


def _of_set(dialect: Dialect, operator: str, column: Column, operands: frozenset[Value]) -> str:
    """A value that is no text is in no set."""
    words = [each for each in operands if isinstance(each, str)]
    if column.type != "set" or (operator == "has_all" and len(words) < len(operands)):
        return _NEVER
    if not words:
        return _NEVER if operator == "has_any" else _known(column)
    if operator == "has_all":
        return dialect.has_all(column.sql, dialect.texts(words))
    any_of = dialect.has_any(column.sql, dialect.texts(words))
    return any_of if operator == "has_any" else f"(NOT {any_of})"


def _literal(dialect: Dialect, column: Column, operand: Value) -> str | None:
    """The operand as a literal of the column's type; None where no value of the column can equal it."""
    match column.type, operand:
        case ("boolean", bool()):
            return str(operand).upper()
        case (_, bool()):
            return None
        case ("date", date()):
            return dialect.day(operand)
        case ("string", str()):
            return dialect.text(operand)
        case ("integer" | "money" | "instant" | "decimal", int() | Decimal()):
            exact = Fraction(operand)
            return _number(dialect, column, exact) if (exact * 10**column.scale).denominator == 1 else None
        case _:
            return None


def _number(dialect: Dialect, column: Column, exact: Fraction) -> str:
    units = int(exact * 10**column.scale)
    return dialect.whole(units) if column.type != "decimal" else dialect.decimal(units, column.scale)


def columns(types: Iterable[tuple[str, Type, int]]) -> dict[str, Column]:
    """Columns that are called as the attributes are, from each one's name, type and digits behind the point."""
    return {each: Column(sql.name(each), kind, scale) for each, kind, scale in types}
