"""What each aggregation comes to for a customer, made from the passes' columns; also of customers without any rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.attributes.definition import AttributeDefinition
from engine.conditions.ast import Condition
from engine.query.aggregates import ByValue, Passes
from engine.query.conditions import Column
from engine.query.dialect import Dialect
from engine.query.layers import Layers
from engine.query.rounding import DAY, Divider
from engine.query.rows import Rows, Setting


def result(definition: AttributeDefinition, passes: Passes, layers: Layers, setting: Setting) -> Column:
    """The column of an attribute's value, with what it needs added to the passes over its relation.

    A decimal's column holds a whole number of its last digits.

    Raises:
        ValueError: a field that the relation has not, or a condition that cannot be asked of a row.
    """
    column = _RESULTS[definition.aggregate](_Result(definition, passes, layers, setting))
    exact = definition.type == "decimal" and definition.aggregate in _ROUNDED
    return Column(column, definition.type, (definition.scale or 0) if exact else 0)


@dataclass(frozen=True, slots=True)
class _Result:
    """One aggregation: each method adds to the passes and gives the column of the result."""

    definition: AttributeDefinition
    passes: Passes
    layers: Layers
    setting: Setting

    def count(self) -> str:
        return self._made("coalesce({0}, 0)", self._count())

    def exists(self) -> str:
        return self._made("(coalesce({0}, 0) > 0)", self._count())

    def none(self) -> str:
        return self._made("(coalesce({0}, 0) = 0)", self._count())

    def sum(self) -> str:
        """Of no rows 0, of rows that are all unknown unknown, else of those known."""
        total, rows = self._of_value("sum"), self._aggregate("count(*)", self._flag())
        return self._made("CASE WHEN {0} IS NULL AND coalesce({1}, 0) = 0 THEN 0 ELSE {0} END", total, rows)

    def min(self) -> str:
        return self._of_value("min")

    def max(self) -> str:
        return self._of_value("max")

    def first(self) -> str:
        return self._at_end(last=False)

    def last(self) -> str:
        return self._at_end(last=True)

    def mean(self) -> str:
        return self._quotient(self._of_value("sum"), self._of_value("count"))

    def share(self) -> str:
        passing = self._flag(that=self._that())
        return self._quotient(self._aggregate("count(*)", passing), self._aggregate("count(*)", self._flag()))

    def streak(self) -> str:
        instant, key, passed = self._rows.instant, self._rows.key, self._rows.passes(self._that())
        record = self._dialect.record(at=instant, key=key, passed=passed)
        met = self._aggregate(self._dialect.listed(record), self._flag(), instant, key, passed)
        return self._made(f"coalesce({self._dialect.passed_last('{0}', 'passed')}, 0)", met)

    def distinct(self) -> str:
        values = self._values()
        if self.definition.type != "set":
            return self._made("coalesce({0}, 0)", self.layers.read(values.number(self._flag())))
        listed = self.layers.read(values.different(self._flag()))
        return self._made(f"coalesce({self._dialect.in_order('{0}')}, {self._dialect.no_texts})", listed)

    def top(self) -> str:
        return self.layers.read(self._values().most_frequent(self._flag()))

    def days_since(self) -> str:
        return self._elapsed(self._of_value("max"))

    def days_since_first(self) -> str:
        return self._elapsed(self._of_value("min"))

    def interval(self) -> str:
        instants = self._instants()
        number = self._made(self._dialect.length("{0}"), instants)
        ends = self._dialect.item("{0}", "{1}"), self._dialect.item("{0}", "{1} - 1")
        days = self._dialect.quotient(f"({ends[0]} - {ends[1]})", str(DAY))
        return self._made(f"CASE WHEN {{1}} >= 2 THEN {days} END", instants, number)

    def median_interval(self) -> str:
        """Half of the sum of the two in the middle, which are one where there is an odd number."""
        pauses = self._made(self._dialect.pauses("{0}"), self._instants())
        number = self._made(self._dialect.length("{0}"), pauses)
        middle = self._dialect.quotient("{1}", "2")
        two = [self._dialect.item("{0}", f"{middle} + 1"), self._dialect.item("{0}", f"{{1}} - {middle}")]
        both = self._made(f"CASE WHEN {{1}} > 0 THEN {two[0]} + {two[1]} END", pauses, number)
        return self._quotient(both, self.layers.make(str(2 * DAY), ()))

    def habit(self) -> str:
        """The clock has the aggregation's name: hour or weekday."""
        instant = self._value().sql
        shown = self._rows.local(self.definition.aggregate, instant)
        return self.layers.read(self.passes.by_value(shown, instant).most_frequent(self._flag()))

    def _count(self) -> str:
        """Of rows, or of those whose field is known."""
        return self._of_value("count") if "." in self.definition.of else self._aggregate("count(*)", self._flag())

    def _of_value(self, aggregate: str) -> str:
        value = self._value().sql
        return self._aggregate(f"{aggregate}({value})", self._flag(), value)

    def _at_end(self, *, last: bool) -> str:
        """Between rows of one instant the key decides; rows without a value or an order are passed over."""
        value, rows = self._value().sql, self._rows
        order = rows.field(self.definition.by).sql if self.definition.by else rows.instant
        placed = rows.placed(order)
        return self._aggregate(self._dialect.at_end(value, placed, last=last), self._flag(order), value, placed)

    def _instants(self) -> str:
        """The column of the different known instants, in order."""
        value = self._value().sql
        listed = self._aggregate(self._dialect.listed(value), self._flag(value), value)
        return self._made(self._dialect.different("{0}"), listed)

    def _elapsed(self, instant: str) -> str:
        return self._made(self._dialect.floored(f"({self.setting.at} - {{0}})", DAY), instant)

    def _quotient(self, of: str, over: str) -> str:
        scale = self.definition.scale or 0
        whole = Column(of, "integer"), Column(over, "integer")
        return Divider(self.layers, self._dialect).divide(*whole, scale if self.definition.type == "decimal" else 0)

    @property
    def _rows(self) -> Rows:
        return self.passes.rows

    @property
    def _dialect(self) -> Dialect:
        return self.setting.dialect

    def _value(self) -> Column:
        return self._rows.field(self.definition.of.partition(".")[2])

    def _values(self) -> ByValue:
        value = self._value()
        return self.passes.by_value(value.sql, self._rows.instant, of_sets=value.type == "set")

    def _flag(self, *known: str, that: Condition | None = None) -> str | None:
        return self._rows.flag(self.definition.where, self.definition.within_seconds, known=known, that=that)

    def _that(self) -> Condition:
        if self.definition.that is None:
            raise ValueError(f"{self.definition.name}: {self.definition.aggregate} needs `that`")
        return self.definition.that

    def _made(self, template: str, *uses: str) -> str:
        return self.layers.make(template.format(*uses), uses)

    def _aggregate(self, expression: str, flag: str | None, *uses: str) -> str:
        return self.layers.read(self.passes.aggregate(expression, flag, uses))


_ROUNDED = ("mean", "share", "median_interval")

_RESULTS: Mapping[str, Callable[[_Result], str]] = {
    "count": _Result.count,
    "exists": _Result.exists,
    "none": _Result.none,
    "sum": _Result.sum,
    "min": _Result.min,
    "max": _Result.max,
    "first": _Result.first,
    "last": _Result.last,
    "distinct": _Result.distinct,
    "top": _Result.top,
    "mean": _Result.mean,
    "share": _Result.share,
    "streak": _Result.streak,
    "days_since": _Result.days_since,
    "days_since_first": _Result.days_since_first,
    "interval": _Result.interval,
    "median_interval": _Result.median_interval,
    "hour": _Result.habit,
    "weekday": _Result.habit,
}
