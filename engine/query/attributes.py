"""Declarations of attributes compiled to one statement for everybody: the same values as the fold's.

The statement reads each relation once for what is grouped by customer, and once for each field whose values are
counted; it joins what comes of that with `people`, so that there is a row also of somebody of whom nothing is known.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.attributes.definition import AttributeDefinition
from engine.attributes.keywords import Words
from engine.attributes.relations import RELATIONS
from engine.conditions.types import Type
from engine.query import clock
from engine.query.aggregates import Passes
from engine.query.conditions import Column
from engine.query.dialect import DUCKDB, Dialect
from engine.query.layers import Layers
from engine.query.results import result
from engine.query.rounding import DAY, Divider
from engine.query.rows import AT, HIGH, LOW, Rows, Setting

_PEOPLE = '"p"'
_PERSON = f'{_PEOPLE}."customer"'
_OF_ONE = ("days_since", "min", "max")
_SUMMED = ("sum", "mean", "share", "ratio")
"""What is computed in 128 bits."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A compiled statement.

    `text` gives, for each row of `people`, `customer` and a column for each name. `columns` are these as conditions
    read them, `types` their types in the database. `parameters` are to be bound, each a whole number: `at`, the instant
    in microseconds; with parts also `low` and `high`. `functions` are word lists by the name of the function, made by
    `engine.query.words`, that has to be there. `reads` holds the stored fields of each relation that it reads,
    `zones` tells whether it reads `zone_days`, which then has to have `zone` and every zone of `people`.
    """

    text: str
    columns: Mapping[str, Column]
    types: Mapping[str, str]
    parameters: tuple[str, ...]
    functions: Mapping[str, Words] = field(default_factory=dict)
    reads: Mapping[str, frozenset[str]] = field(default_factory=dict)
    zones: bool = False
    zone: str = "UTC"


def compile_attributes(
    definitions: Mapping[str, AttributeDefinition],
    *,
    currency: str | None,
    names: Iterable[str] | None = None,
    words: Words | None = None,
    zone: str = "UTC",
    parts: bool = False,
    dialect: Dialect = DUCKDB,
) -> Statement:
    """Compiles attribute declarations.

    Args:
        definitions: the declared attributes by name.
        currency: the reporting currency; money of rows in another one is unknown.
        names: names of the attributes to give; what they depend on is computed with them. Default: all.
        words: the rules' word lists by name, by which texts have keywords. Default: none, so no text has any.
        zone: the zone of people who have none, the policy's.
        parts: whether the statement gives customers from `low` until before `high` alone.
        dialect: the database's words.

    Raises:
        ValueError: as `engine.attributes.fold.compile_fold`.
    """
    compiler = _Compiler(definitions, Setting(currency, words or {}, zone, parts, dialect))
    wanted = sorted(definitions if names is None else set(names))
    return compiler.statement({name: compiler.place(name, ()) for name in wanted})


class _Compiler:
    def __init__(self, definitions: Mapping[str, AttributeDefinition], setting: Setting) -> None:
        self._definitions, self._setting, self._dialect = definitions, setting, setting.dialect
        self._passes: dict[str, Passes] = {}
        self._person = Rows(RELATIONS["customer"], setting)
        self._of_person: dict[str, None] = {}
        self._layers = Layers(setting.names, self._source, (f'{_PERSON} AS "customer"',))
        self._values: dict[str, Column] = {}

    def place(self, name: str, asked_by: tuple[str, ...]) -> Column:
        """The column of an attribute's value."""
        if name in asked_by:
            raise ValueError(f"attributes depend on each other: {' -> '.join((*asked_by, name))}")
        definition = self._definitions.get(name)
        if definition is None:
            raise ValueError(f"there is no attribute {name!r}")
        if name not in self._values:
            self._values[name] = self._place(definition, asked_by)
        return self._values[name]

    def statement(self, wanted: Mapping[str, Column]) -> Statement:
        """The statement that gives the columns under their names."""
        rows = self._layers.select([each.sql for each in wanted.values()])
        listed = ['"customer"', *(f"{self._told(each)} AS {self._dialect.name(name)}" for name, each in wanted.items())]
        setting, text = self._setting, f'{self._tables()}SELECT {", ".join(listed)} FROM ({rows}) AS "r"'
        return Statement(
            text=text,
            columns={name: Column(self._dialect.name(name), each.type, each.scale) for name, each in wanted.items()},
            types={name: self._sql_type(name, each) for name, each in wanted.items()},
            parameters=tuple(each for each in (AT, LOW, HIGH) if each in setting.parameters),
            functions=dict(setting.functions),
            reads=self._reads(),
            zones=bool(setting.clocks),
            zone=setting.zone,
        )

    def _place(self, definition: AttributeDefinition, asked_by: tuple[str, ...]) -> Column:
        if definition.aggregate == "ratio":
            return self._ratio(definition, (*asked_by, definition.name))
        source, _, name = definition.of.partition(".")
        if definition.aggregate in ("value", "age") or (source == "customer" and definition.aggregate in _OF_ONE):
            return Column(self._value(definition, source, name), definition.type)
        relation = RELATIONS.get(source)
        if relation is None or relation.at is None:
            raise ValueError(f"{definition.name}: there is no relation {source!r} to aggregate")
        if source not in self._passes:
            self._passes[source] = Passes(Rows(relation, self._setting), self._setting.names, self._dialect)
        return result(definition, self._passes[source], self._layers, self._setting)

    def _value(self, definition: AttributeDefinition, source: str, name: str) -> str:
        """Of the customer's own row."""
        if source != "customer":
            raise ValueError(f"{definition.name}: the value of {source!r} is not one value; the customer's are")
        value = self._person.field(name).sql
        self._of_person[value] = None
        column = self._layers.read(f'"person".{value}')
        if definition.aggregate in ("value", "min", "max"):
            return column
        if definition.aggregate == "days_since":
            return self._layers.make(self._dialect.floored(f"({self._setting.at} - {column})", DAY), [column])
        return self._age(column)

    def _age(self, born: str) -> str:
        """Completed years as of the customer's local day; somebody born on 29 February is older on 1 March."""
        today = self._today()
        reached = [f"(extract(month FROM {day}) * 100 + extract(day FROM {day}))" for day in (today, born)]
        years = f"extract(year FROM {today}) - extract(year FROM {born})"
        age = f"{years} - CASE WHEN {reached[0]} < {reached[1]} THEN 1 ELSE 0 END"
        return self._layers.make(f"CASE WHEN {born} <= {today} THEN {age} END", [born, today])

    def _today(self) -> str:
        self._setting.clocks.add(clock.NOW)
        join = f'LEFT JOIN {clock.NOW} AS "now" ON "now"."zone" = {self._setting.zone_of(_PEOPLE)}'
        offset = self._layers.read('"now"."offset_seconds"', join)
        local = self._layers.make(clock.seconds(self._setting.at, offset, self._dialect), [offset])
        return self._layers.make(self._dialect.day_number(clock.day(local, self._dialect)), [local])

    def _ratio(self, definition: AttributeDefinition, asked_by: tuple[str, ...]) -> Column:
        if definition.over is None:
            raise ValueError(f"{definition.name}: a ratio needs `over`")
        of, over = self.place(definition.of, asked_by), self.place(definition.over, asked_by)
        scale = (definition.scale or 0) if definition.type == "decimal" else 0
        return Column(Divider(self._layers, self._dialect).divide(of, over, scale), definition.type, scale)

    def _told(self, value: Column) -> str:
        return self._dialect.as_decimal(value.sql, value.scale) if value.type == "decimal" else value.sql

    def _sql_type(self, name: str, value: Column) -> str:
        if value.type == "decimal":
            return f"DECIMAL(38,{value.scale})"
        if value.type in ("integer", "money") and self._definitions[name].aggregate in _SUMMED:
            return self._dialect.huge
        return _TYPES.get(value.type, self._dialect.big)

    def _tables(self) -> str:
        clocks, needed = self._setting.clocks, list[str]()
        if clock.PIECES in clocks:
            needed.append(clock.pieces(self._dialect))
        if clock.NOW in clocks:
            needed.append(clock.now(self._setting.at))
        return f"WITH {', '.join(needed)} " if needed else ""

    def _source(self, columns: str, joins: str) -> str:
        part = self._setting.within_part(_PERSON)
        where = f" WHERE {part}" if part else ""
        return f'SELECT {columns} FROM "people" AS "p"{"".join(self._joined())}{joins}{where}'

    def _joined(self) -> Iterable[str]:
        if self._of_person:
            yield f' LEFT JOIN ({self._person.select(self._of_person)}) AS "person" ON "person"."customer" = {_PERSON}'
        selects = (select for passes in self._passes.values() for select in passes.selects())
        for place, select in enumerate(selects):
            yield f' LEFT JOIN ({select}) AS "s{place}" ON "s{place}"."customer" = {_PERSON}'

    def _reads(self) -> dict[str, frozenset[str]]:
        reads = {name: frozenset(passes.rows.stored) for name, passes in self._passes.items()}
        return {**reads, **({"customer": frozenset(self._person.stored)} if self._of_person else {})}


_TYPES: Mapping[Type, str] = {"boolean": "BOOLEAN", "string": "VARCHAR", "date": "DATE", "set": "VARCHAR[]"}
