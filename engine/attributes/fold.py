"""The reference evaluation: attributes of one customer as of an instant, from the customer's facts.

The declarations are compiled to one Python function with one pass over each relation that is read.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from engine.attributes.accumulate import DAY, Accumulator
from engine.attributes.definition import AttributeDefinition
from engine.attributes.facts import CustomerFacts
from engine.attributes.keywords import Words
from engine.attributes.person import age
from engine.attributes.ratio import ratio, whole
from engine.attributes.relations import RELATIONS
from engine.attributes.rowcode import RowReader, clock_lines
from engine.conditions.generated import Constants, function
from engine.conditions.operands import microseconds
from engine.conditions.types import Type, Value

_OF_ONE = ("days_since", "min", "max")
"""Aggregations that also make sense of a field of which there is one."""


class Fold:
    """Compiled attributes: `fold(facts, at)` gives their values by name.

    `at` is an aware datetime or microseconds since the epoch. `types` holds the attributes' types, `reads` the stored
    fields of each relation that the fold asks for: what it is given may leave out all others.
    """

    __slots__ = ("_run", "reads", "types")

    def __init__(
        self,
        run: Callable[[Any, int, str], dict[str, Value]],
        types: Mapping[str, Type],
        reads: Mapping[str, frozenset[str]],
    ) -> None:
        self._run, self.types, self.reads = run, types, reads

    def __call__(self, facts: CustomerFacts, at: datetime | int) -> dict[str, Value]:
        """The attributes' values as of `at`; None is unknown.

        Raises:
            KeyError: the facts lack a relation that the fold reads.
        """
        return self._run(facts.rows, at if isinstance(at, int) else microseconds(at), facts.zone)


def compile_fold(
    definitions: Mapping[str, AttributeDefinition],
    *,
    currency: str | None,
    only: Iterable[str] | None = None,
    words: Words | None = None,
) -> Fold:
    """Compiles attribute declarations.

    Args:
        definitions: the declared attributes by name.
        currency: the reporting currency; money of rows in another one is unknown.
        only: names of the attributes to give; what they depend on is computed with them. Default: all.
        words: the rules' word lists by name, by which texts have keywords. Default: none, so no text has any.

    Raises:
        ValueError: a name, relation or field that does not exist, attributes that depend on each other in a circle,
            or a condition that cannot be asked of a row. The rules' check finds all of these beforehand.
    """
    compiler = _Compiler(definitions, currency, words)
    names = sorted(definitions if only is None else set(only))
    for name in names:
        compiler.place(name, ())
    return compiler.fold(names)


class _Compiler:
    def __init__(
        self, definitions: Mapping[str, AttributeDefinition], currency: str | None, words: Words | None
    ) -> None:
        self._definitions, self._currency, self._words = definitions, currency, words
        self._constants = Constants()
        self._passes: dict[str, Accumulator] = {}
        self._person = RowReader(RELATIONS["customer"], currency, self._constants)
        self._values: dict[str, str] = {}
        self._ratios: list[str] = []

    def place(self, name: str, asked_by: tuple[str, ...]) -> str:
        """The expression of an attribute's value, once every pass is done."""
        if name in asked_by:
            raise ValueError(f"attributes depend on each other: {' -> '.join((*asked_by, name))}")
        definition = self._definitions.get(name)
        if definition is None:
            raise ValueError(f"there is no attribute {name!r}")
        if name not in self._values:
            self._values[name] = self._place(definition, asked_by)
        return self._values[name]

    def _place(self, definition: AttributeDefinition, asked_by: tuple[str, ...]) -> str:
        if definition.aggregate == "ratio":
            return self._ratio(definition, (*asked_by, definition.name))
        source, _, field = definition.of.partition(".")
        if definition.aggregate in ("value", "age") or (source == "customer" and definition.aggregate in _OF_ONE):
            return self._of_person(definition, source, field)
        relation = RELATIONS.get(source)
        if relation is None or relation.at is None:
            raise ValueError(f"{definition.name}: there is no relation {source!r} to aggregate")
        if source not in self._passes:
            self._passes[source] = Accumulator(
                RowReader(relation, self._currency, self._constants, self._words),
                self._constants,
                f"a{len(self._passes)}_",
            )
        return self._passes[source].add(definition)

    def _of_person(self, definition: AttributeDefinition, source: str, field: str) -> str:
        if source != "customer":
            raise ValueError(f"{definition.name}: the value of {source!r} is not one value; the customer's are")
        value = self._person.field(field)
        if definition.aggregate in ("value", "min", "max"):
            return value
        if definition.aggregate == "days_since":
            return f"(None if {value} is None else (at - {value}) // {DAY})"
        self._person.clocks.add("day")
        return f"{self._constants.name(age)}({value}, day(at))"

    def _ratio(self, definition: AttributeDefinition, asked_by: tuple[str, ...]) -> str:
        if definition.over is None:
            raise ValueError(f"{definition.name}: a ratio needs `over`")
        of, over = self.place(definition.of, asked_by), self.place(definition.over, asked_by)
        variable = f"q{len(self._ratios)}"
        if definition.type == "decimal":
            call = f"{self._constants.name(ratio)}({of}, {over}, {definition.scale or 0})"
        else:
            call = f"{self._constants.name(whole)}({of}, {over})"
        self._ratios.append(f"{variable} = {call}")
        return variable

    def fold(self, names: list[str]) -> Fold:
        clocks = self._person.clocks.union(*(pass_.rows.clocks for pass_ in self._passes.values()))
        body = clock_lines(clocks, self._constants)
        for pass_ in self._passes.values():
            body += pass_.lines()
        if self._person.lines:
            body += ["r = rows['customer'][0]", *self._person.lines]
        body += self._ratios
        body.append("return {" + ", ".join(f"{name!r}: {self._values[name]}" for name in names) + "}")
        run = function("rows, at, zone", body, self._constants)
        return Fold(run, {name: self._definitions[name].type for name in names}, self._reads())

    def _reads(self) -> dict[str, frozenset[str]]:
        reads = {name: frozenset(pass_.rows.stored) for name, pass_ in self._passes.items()}
        return {**reads, **({"customer": frozenset(self._person.stored)} if self._person.stored else {})}
