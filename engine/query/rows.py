"""The fields of one relation's rows as they are known as of an instant, as columns of SQL.

The same as `engine.attributes.rowcode` says in Python, for all rows of everybody.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.attributes.keywords import Words
from engine.attributes.person import SIGNS
from engine.attributes.relation import (
    Bought,
    Derived,
    Elapsed,
    Field,
    Holds,
    Keywords,
    LaterDay,
    Local,
    OfDate,
    Relation,
)
from engine.conditions.ast import Condition, names
from engine.query import clock, sql
from engine.query.conditions import Column, ConditionWriter
from engine.query.dialect import DUCKDB, Dialect
from engine.query.layers import Layers, Names
from engine.query.words import function_name

AT = "at"
LOW, HIGH = "low", "high"
"""Parameters: the instant; the customers of a part, from and until."""

_FURTHEST = 2**62
_CUSTOMER = '"t"."customer"'


@dataclass(slots=True)
class Setting:
    """What every relation of a statement shares.

    `currency` is the reporting currency, `zone` that of people without one, `parts` whether the statement is asked of
    a range of customers. `clocks` tells which tables of local time are needed, `functions` the word lists by the name
    of the function that looks for them, `parameters` those that the text has: others cannot be bound.
    """

    currency: str | None
    words: Words
    zone: str
    parts: bool = False
    dialect: Dialect = DUCKDB
    names: Names = field(default_factory=Names)
    clocks: set[str] = field(default_factory=set)
    functions: dict[str, Words] = field(default_factory=dict)
    parameters: set[str] = field(default_factory=set)

    @property
    def at(self) -> str:
        """The instant."""
        return self._parameter(AT)

    def zone_of(self, people: str) -> str:
        """The zone that counts for a person."""
        return f"coalesce(nullif({people}.\"zone\", ''), {self.dialect.text(self.zone)})"

    def within_part(self, customer: str) -> str:
        """The condition that a customer is of the range asked for; empty without ranges."""
        return f"({customer} >= {self._parameter(LOW)} AND {customer} < {self._parameter(HIGH)})" if self.parts else ""

    def _parameter(self, name: str) -> str:
        self.parameters.add(name)
        return self.dialect.parameter(name)


class Rows:
    """One relation's rows: `field` and `flag` name columns, `select` gives the rows that have them.

    `stored` holds the relation's fields that have been asked for.
    """

    def __init__(self, relation: Relation, setting: Setting) -> None:
        self.relation, self._setting, self._dialect = relation, setting, setting.dialect
        self._layers = Layers(setting.names, self._source, (f'{_CUSTOMER} AS "customer"',))
        self._writer = ConditionWriter(self.field, currency=setting.currency, dialect=setting.dialect)
        self._fields: dict[str, Column] = {}
        self.stored: set[str] = set()

    def field(self, name: str) -> Column:
        """The column of a field.

        Raises:
            ValueError: the relation has no such field.
        """
        if name not in self._fields:
            if name == self.relation.instant:
                self.stored.add(name)
                return Column(self.instant, "instant")
            found = self.relation.fields.get(name)
            if found is None:
                raise ValueError(f"{self.relation.name} has no field {name!r}")
            column = self._stored(name, found) if found.sql else self._derived(found.derived)
            self._fields[name] = Column(column, found.type)
        return self._fields[name]

    @property
    def instant(self) -> str:
        """The column of the row's instant."""
        return self._layers.read('"t"."@at"')

    @property
    def key(self) -> str:
        """The column of the key that decides between rows of one instant."""
        return self._layers.read('"t"."@key"')

    def placed(self, instant: str) -> str:
        """The column that orders rows by a column of instants, and those of one instant by their keys."""
        return self._made(self._dialect.placed((instant, self.key)), instant, self.key)

    def flag(
        self,
        where: Condition | None,
        within: int | None = None,
        *,
        known: Iterable[str] = (),
        that: Condition | None = None,
    ) -> str | None:
        """The column that is TRUE where conditions hold, a window of seconds has the row, and columns are known.

        None where nothing is asked.

        Raises:
            ValueError: a condition names a field that the relation has not, or cannot be asked of a row.
        """
        asked = [self._condition(each) for each in (where, that) if each is not None]
        if within is not None:
            reach = f"{self._setting.at} - {self._dialect.whole(min(within * clock.SECOND, _FURTHEST))}"
            asked.append(self._made(f"({self.instant} > {reach})", self.instant))
        asked += [self._made(f"({each} IS NOT NULL)", each) for each in dict.fromkeys(known) if each != self.instant]
        if len(asked) < 2:
            return asked[0] if asked else None
        return self._made(sql.both(asked), *asked)

    def passes(self, that: Condition) -> str:
        """The column of a condition, never NULL.

        Raises:
            ValueError: as `flag`.
        """
        return self._layers.make(self._writer.write(that), self._read(that))

    def local(self, part: str, instant: str) -> str:
        """The column of what the customer's clock shows at a column's instants: day, hour or weekday."""
        alias = '"z' + instant.strip('"') + '"'
        zone = self._zone()
        join = clock.joined(zone, instant, alias, self._dialect)
        offset = self._layers.make(f'{alias}."offset_seconds"', [zone, instant], join)
        local = self._layers.make(clock.seconds(instant, offset, self._dialect), [instant, offset])
        self._setting.clocks.add(clock.PIECES)
        return self._made(getattr(clock, part)(local, self._dialect), local)

    def select(self, columns: Iterable[str]) -> str:
        """A select of every row that exists as of the instant: the customer and the columns."""
        return self._layers.select(columns)

    def _source(self, columns: str, joins: str) -> str:
        asked = [self._setting.within_part(_CUSTOMER), f'"t"."@at" <= {self._setting.at}' if self.relation.at else ""]
        where = " AND ".join(filter(None, asked))
        table = self._dialect.name(self.relation.name)
        return f'SELECT {columns} FROM {table} AS "t"{joins}{f" WHERE {where}" if where else ""}'

    def _zone(self) -> str:
        join = f'JOIN "people" AS "p" ON "p"."customer" = {_CUSTOMER}'
        return self._layers.read(self._setting.zone_of('"p"'), join)

    def _made(self, expression: str, *uses: str) -> str:
        return self._layers.make(expression, uses)

    def _read(self, condition: Condition) -> list[str]:
        return [self.field(name).sql for name in sorted(names(condition))]

    def _condition(self, condition: Condition) -> str:
        return self._layers.make(self._writer.holds(condition), self._read(condition))

    def _stored(self, name: str, of: Field) -> str:
        self.stored.add(name)
        column = self._layers.read(f'"t".{self._dialect.name(name)}')
        asked: list[str] = []
        uses = [column]
        if of.type == "money" and self.relation.money:
            currency = self.field("currency").sql
            asked.append(self._same_currency(currency))
            uses.append(currency)
        if of.since == name:
            asked.append(f"{column} <= {self._setting.at}")
        elif of.since is not None:
            since = self.field(of.since).sql
            asked.append(f"{since} IS NOT NULL")
            uses.append(since)
        return self._layers.make(f"CASE WHEN {' AND '.join(asked)} THEN {column} END", uses) if asked else column

    def _same_currency(self, column: str) -> str:
        reporting = self._setting.currency
        return f"{column} IS NULL" if reporting is None else f"{column} = {self._dialect.text(reporting)}"

    def _derived(self, derived: Derived | None) -> str:
        match derived:
            case Holds(condition):
                return self.passes(condition)
            case Elapsed(start, end, seconds):
                first, last = self.field(start).sql, self.field(end).sql
                return self._made(self._dialect.floored(f"({last} - {first})", seconds * clock.SECOND), first, last)
            case LaterDay(later, than):
                return self._later_day(self.field(later).sql, self.field(than).sql)
            case Local(part, name):
                return self.local(part, self.field(name).sql)
            case OfDate(what, name):
                return self._of_date(what, self.field(name).sql)
            case Keywords(text):
                return self._keywords(self.field(text).sql)
            case Bought(purchases):
                column = self.field(purchases).sql
                return self._made(self._dialect.any_purchase(column, self._setting.at), column)
            case None:
                raise ValueError(f"a field of {self.relation.name} is neither stored nor derived")

    def _later_day(self, left: str, right: str) -> str:
        days = self.local("day", left), self.local("day", right)
        return self._made(f"({left} > {right} AND {days[0]} > {days[1]})", left, right, *days)

    def _of_date(self, what: str, born: str) -> str:
        if what == "month":
            return self._made(f"extract(month FROM {born})", born)
        day = f"(extract(month FROM {born}) * 100 + extract(day FROM {born}))"
        signs = [
            f"WHEN {day} < {month * 100 + first} THEN {self._dialect.text(sign)}" for (month, first), sign in SIGNS
        ]
        return self._made(
            f"CASE WHEN {born} IS NULL THEN NULL {' '.join(signs)} ELSE {self._dialect.text('capricorn')} END", born
        )

    def _keywords(self, text: str) -> str:
        name = function_name(self._setting.words)
        self._setting.functions[name] = self._setting.words
        return self._made(f"coalesce({name}({text}), {self._dialect.no_texts})", text)
