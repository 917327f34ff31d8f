"""Generated source that gathers one relation's rows into the results of aggregations, in a single pass.

Rows are grouped by their condition and window, so that what many attributes share is asked once a row. The order of
rows never matters: every step is commutative, and between rows of one instant the key decides.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.attributes.definition import AttributeDefinition
from engine.attributes.gathered import habit, interval, median_interval, streak, top
from engine.attributes.ratio import ratio, whole
from engine.attributes.rowcode import RowReader
from engine.conditions.generated import Constants

DAY = 86_400_000_000
"""Microseconds."""

_SECOND = 1_000_000


class Accumulator:
    """The pass over one relation."""

    def __init__(self, rows: RowReader, constants: Constants, prefix: str) -> None:
        self.rows, self.relation, self.constants, self._prefix = rows, rows.relation, constants, prefix
        self._groups: dict[str, dict[int | None, list[str]]] = {}
        self._before: list[str] = []
        self._made: dict[tuple[object, ...], str] = {}

    def add(self, definition: AttributeDefinition) -> str:
        """Takes an attribute into the pass and gives the expression of its value after it.

        Raises:
            ValueError: it names a field that the relation has not.
        """
        where = "" if definition.where is None else self.rows.condition(definition.where)
        field, within = definition.of.partition(".")[2], definition.within_seconds
        block = self._groups.setdefault(where, {}).setdefault(within, [])
        step = _Step(self, definition, field, block, (where, within, field))
        aside = (definition.by, definition.type, definition.scale, definition.that)
        return self.once((*step.rows, definition.aggregate, *aside), lambda: _STEPS[definition.aggregate](step))

    def once(self, key: tuple[object, ...], make: Callable[[], str]) -> str:
        """What has been made under this key; made now if it has not."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def lines(self) -> list[str]:
        """The whole pass: starting values, then the loop."""
        windows = {within for blocks in self._groups.values() for within in blocks if within is not None}
        return [
            *self._before,
            *(f"since{within} = at - {within * _SECOND}" for within in sorted(windows)),
            f"for r in rows[{self.relation.name!r}]:",
            "    r_at = r[0]",
            "    if r_at is None or r_at > at:",
            "        continue",
            *(f"    {line}" for line in (*self.rows.lines, *self._blocks())),
        ]

    def variable(self, start: str) -> str:
        """A new variable with its starting value."""
        name = f"{self._prefix}{len(self._before)}"
        self._before.append(f"{name} = {start}")
        return name

    def _blocks(self) -> list[str]:
        lines: list[str] = []
        for where, windows in self._groups.items():
            inner = [line for within, block in windows.items() for line in guarded(_window(within), block)]
            lines += guarded(where, inner)
        return lines


def _window(within: int | None) -> str:
    return "" if within is None else f"r_at > since{within}"


def guarded(condition: str, block: list[str]) -> list[str]:
    """The block under an `if`; as it is where there is no condition."""
    return [f"if {condition}:", *(f"    {line}" for line in block)] if condition else block


@dataclass(frozen=True, slots=True)
class _Step:
    """One aggregation: adds its lines to a block and gives the expression of the result."""

    pass_: Accumulator
    definition: AttributeDefinition
    field: str
    block: list[str]
    rows: tuple[object, ...]
    """What tells apart the rows and values that are taken: condition, window and field."""

    def count(self) -> str:
        number = self._variable("0")
        return self._add(self._if_known(f"{number} += 1"), number)

    def exists(self) -> str:
        found = self._variable("False")
        return self._add(self._if_known(f"{found} = True"), found)

    def none(self) -> str:
        return f"(not {self.exists()})"

    def sum(self) -> str:
        """Of no rows 0, of rows that are all unknown unknown, else of those known."""
        total, known, unknown = self._variable("0"), self._variable("False"), self._variable("False")
        value = self._value()
        lines = [f"if {value} is None:", f"    {unknown} = True"]
        lines += ["else:", f"    {total} += {value}", f"    {known} = True"]
        return self._add(lines, f"({total} if {known} or not {unknown} else None)")

    def min(self) -> str:
        return self._extreme("<")

    def max(self) -> str:
        return self._extreme(">")

    def first(self) -> str:
        return self._endmost("<")

    def last(self) -> str:
        return self._endmost(">")

    def distinct(self) -> str:
        values, value = self._variable("set()"), self._value()
        take = "update" if self._of_sets() else "add"
        result = f"frozenset({values})" if self.definition.type == "set" else f"len({values})"
        return self._add([f"if {value} is not None:", f"    {values}.{take}({value})"], result)

    def mean(self) -> str:
        """Of known values: whole (minor) units, or a decimal of the declared scale."""
        total, number, value = self._variable("0"), self._variable("0"), self._value()
        self._add([f"if {value} is not None:", f"    {total} += {value}", f"    {number} += 1"], "")
        return self._quotient(total, number)

    def share(self) -> str:
        passed, number = self._variable("0"), self._variable("0")
        self._add([f"{number} += 1", f"if {self._that()}:", f"    {passed} += 1"], "")
        return self._quotient(passed, number)

    def streak(self) -> str:
        met = self._variable("[]")
        return self._add([f"{met}.append((r_at, r[1], {self._that()}))"], f"{self._constant(streak)}({met})")

    def top(self) -> str:
        met, value = self._variable("{}"), self._value()
        count = [
            "if v not in " + met + ":",
            f"    {met}[v] = [0, r_at]",
            f"m = {met}[v]",
            "m[0] += 1",
            "if r_at > m[1]:",
            "    m[1] = r_at",
        ]
        each = f"for v in {value}:" if self._of_sets() else f"for v in ({value},):"
        lines = [f"if {value} is not None:", f"    {each}", *(f"        {line}" for line in count)]
        return self._add(lines, f"{self._constant(top)}({met})")

    def days_since(self) -> str:
        return self._elapsed(self._extreme(">"))

    def days_since_first(self) -> str:
        return self._elapsed(self._extreme("<"))

    def interval(self) -> str:
        return f"{self._constant(interval)}({self._gathered()})"

    def median_interval(self) -> str:
        return f"{self._constant(median_interval)}({self._gathered()}, {self.definition.scale or 0})"

    def habit(self) -> str:
        """The clock has the aggregation's name: hour or weekday."""
        self.pass_.rows.clocks.add(self.definition.aggregate)
        return f"{self._constant(habit)}({self._gathered()}, {self.definition.aggregate})"

    def _elapsed(self, instant: str) -> str:
        return f"(None if {instant} is None else (at - {instant}) // {DAY})"

    def _gathered(self) -> str:
        """All known values of the field, gathered once for every aggregation that needs them."""
        return self.pass_.once((*self.rows, "gathered"), self._gather)

    def _gather(self) -> str:
        values, value = self._variable("[]"), self._value()
        known = f"{value} is not None" if value != "r_at" else ""
        return self._add(guarded(known, [f"{values}.append({value})"]), values)

    def _quotient(self, of: str, over: str) -> str:
        if self.definition.type == "decimal":
            return f"{self._constant(ratio)}({of}, {over}, {self.definition.scale or 0})"
        return f"{self._constant(whole)}({of}, {over})"

    def _that(self) -> str:
        if self.definition.that is None:
            raise ValueError(f"{self.definition.name}: {self.definition.aggregate} needs `that`")
        return self.pass_.rows.condition(self.definition.that)

    def _of_sets(self) -> bool:
        return self.pass_.relation.fields[self.field].type == "set"

    def _constant(self, value: object) -> str:
        return self.pass_.constants.name(value)

    def _extreme(self, sign: str) -> str:
        best, value = self._variable("None"), self._value()
        better = f"{value} is not None and ({best} is None or {value} {sign} {best})"
        return self._add([f"if {better}:", f"    {best} = {value}"], best)

    def _endmost(self, sign: str) -> str:
        """The value of the first or last row that has one; between rows of one instant the key decides."""
        best, when, key = self._variable("None"), self._variable("None"), self._variable("None")
        value, by = self._value(), self.definition.by
        order = self.pass_.rows.field(by) if by else "r_at"
        known = [f"{name} is not None" for name in dict.fromkeys((value, order)) if name != "r_at"]
        better = f"({when} is None or {order} {sign} {when} or ({order} == {when} and r[1] {sign} {key}))"
        lines = [f"if {' and '.join([*known, better])}:"]
        lines += [f"    {best} = {value}", f"    {when} = {order}", f"    {key} = r[1]"]
        return self._add(lines, best)

    def _variable(self, start: str) -> str:
        return self.pass_.variable(start)

    def _value(self) -> str:
        return self.pass_.rows.field(self.field)

    def _if_known(self, line: str) -> list[str]:
        return guarded(f"{self._value()} is not None" if self.field else "", [line])

    def _add(self, lines: list[str], result: str) -> str:
        self.block.extend(lines)
        return result


_STEPS: Mapping[str, Callable[[_Step], str]] = {
    "count": _Step.count,
    "exists": _Step.exists,
    "none": _Step.none,
    "sum": _Step.sum,
    "min": _Step.min,
    "max": _Step.max,
    "first": _Step.first,
    "last": _Step.last,
    "distinct": _Step.distinct,
    "top": _Step.top,
    "mean": _Step.mean,
    "share": _Step.share,
    "streak": _Step.streak,
    "days_since": _Step.days_since,
    "days_since_first": _Step.days_since_first,
    "interval": _Step.interval,
    "median_interval": _Step.median_interval,
    "hour": _Step.habit,
    "weekday": _Step.habit,
}
