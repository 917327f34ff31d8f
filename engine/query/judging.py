"""Everybody's standing in DuckDB: attributes, cut-offs, decisions and next flips, compiled once for some rules."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import overload

import duckdb

from engine.attributes.definition import AttributeDefinition
from engine.conditions.ast import Condition
from engine.conditions.environment import Catalogue
from engine.query import run, sql
from engine.query.attributes import compile_attributes
from engine.query.conditions import Column, ConditionWriter
from engine.query.flips import MIDNIGHTS, compile_flips, midnights
from engine.query.standing import VALUES, Asked, compile_standing, questions
from engine.standing.cut_offs import CutOffs, Number, rfm_cut_offs_in_order, tier_cut_offs_in_order
from engine.standing.definition import StandingRules
from engine.standing.flip import Flips

Connection = duckdb.DuckDBPyConnection


class BulkJudge:
    """Compiled rules of standing for everybody, as `engine.standing.judge.Judge` is for one.

    `statement` gives the attributes that the rules name; `reads` are the stored fields of each relation that the
    connection's tables must have, `questions` those to the events.

    Args:
        rules: the rules of standing.
        attributes: the declared attributes by name.
        catalogue: the reporting currency.
        zone: the shop's.
        words: the rules' word lists by name.
        flips: whether next flips are wanted.

    Raises:
        ValueError: the rules are not sound.
    """

    def __init__(
        self,
        rules: StandingRules,
        attributes: Mapping[str, AttributeDefinition],
        catalogue: Catalogue,
        zone: str = "UTC",
        words: Mapping[str, tuple[str, ...]] | None = None,
        *,
        flips: bool = True,
    ) -> None:
        self.rules, self._currency, self._zone = rules, catalogue.currency, zone
        self._flips = Flips(rules, attributes, zone)
        self._wanted = flips
        names = self._flips.names if flips else self._flips.names - self._flips.companions.keys()
        declared = {**attributes, **self._flips.companions}
        self.statement = compile_attributes(
            declared, currency=catalogue.currency, names=names, words=words, zone=zone, parts=True
        )
        self.reads = self.statement.reads
        self.questions = questions(rules)
        # Conditions read the table that the statement fills, under the names of the attributes.
        self.columns = {
            name: Column(f'"v".{sql.name(name)}', each.type, each.scale)
            for name, each in self.statement.columns.items()
        }

    def values(self, connection: Connection, at: int, *, parts: int = 1) -> None:
        """Fills the table of everybody's attributes as of an instant."""
        run.write(connection, self.statement, at, VALUES, parts=parts)

    def cut_offs(self, connection: Connection) -> CutOffs:
        """The cut-offs that follow from the values."""
        tiers, rfm = self.rules.tiers, self.rules.rfm
        ranked = measures = None
        if tiers is not None:
            ranked = tier_cut_offs_in_order(self._ordered(connection, tiers.rank_by, tiers.base, falling=True), tiers)
        if rfm is not None:
            measures = rfm_cut_offs_in_order(
                self._ordered(connection, rfm.recency.attribute, rfm.base, falling=True),
                self._ordered(connection, rfm.frequency.attribute, rfm.base),
                self._ordered(connection, rfm.monetary.attribute, rfm.base),
                rfm,
            )
        return CutOffs(ranked, measures)

    def decide(self, connection: Connection, at: int, cut_offs: CutOffs | None) -> None:
        """Makes the tables of `engine.query.standing` and, where wanted, of `engine.query.flips`."""
        asked = Asked(self.rules, self.columns, at, cut_offs or CutOffs(), self._currency, self._zone)
        statements = compile_standing(asked)
        if self._wanted:
            self._midnights(connection, at)
            looked = self._flips.looked(self.reads)
            statements += compile_flips(self._flips, looked, self.columns, at, cut_offs, self._zone)
        for statement in statements:
            connection.execute(statement)

    def _midnights(self, connection: Connection, at: int) -> None:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {MIDNIGHTS} (zone VARCHAR, instant BIGINT)")
        if self._flips.calendar:
            zones = connection.execute("SELECT DISTINCT coalesce(nullif(zone, ''), ?) FROM people", [self._zone])
            rows = [list(row) for row in midnights([zone for (zone,) in zones.fetchall()], at)]
            connection.executemany(f"INSERT INTO {MIDNIGHTS} VALUES (?, ?)", rows)

    def _ordered(
        self, connection: Connection, name: str, base: Condition | None, *, falling: bool = False
    ) -> "OrderedValues":
        writer = ConditionWriter(self.columns.get, currency=self._currency)
        column = self.columns[name]
        where = sql.both([f"{column.sql} IS NOT NULL", *(() if base is None else (writer.write(base),))])
        order = "DESC" if falling else "ASC"
        told = f'SELECT list({column.sql} ORDER BY {column.sql} {order}) AS items FROM "{VALUES}" AS "v" WHERE {where}'
        return OrderedValues(connection, f"ordered {name} {order}", told)


class OrderedValues(Sequence[Number]):
    """Known values in order, kept in the database: of a million only the few that are asked for are fetched."""

    def __init__(self, connection: Connection, table: str, query: str) -> None:
        self._connection, self._table = connection, sql.name(table)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {self._table} AS {query}")
        self._length = int(self._fetch("coalesce(len(items), 0)"))

    def __len__(self) -> int:
        """How many there are."""
        return self._length

    @overload
    def __getitem__(self, place: int) -> Number: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Number]: ...
    def __getitem__(self, place: int | slice) -> Number | Sequence[Number]:
        """The value at a place.

        Raises:
            IndexError: there are not so many.
        """
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(self._length))]
        if not 0 <= place < self._length:
            raise IndexError(place)
        return self._fetch(f"items[{place + 1}]")

    def _fetch(self, expression: str) -> Number:
        found: int | Decimal
        ((found,),) = self._connection.execute(f"SELECT {expression} FROM {self._table}").fetchall()
        return found
