"""Everybody's events of one kind, each happening once, as `engine.facts.history.happenings` gives them of one customer.

An imported order has no row among the events as told, an order told by events has both; the two are one happening, at
the instant the facts give, with the fields of both. What is told and meets no row stands for itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.attributes.keywords import Words
from engine.attributes.relation import EventSource, Relation
from engine.attributes.relations import EVENT_SOURCES, RELATIONS
from engine.conditions.environment import Types
from engine.conditions.types import Type
from engine.contracts import FieldType
from engine.query import clock, sql
from engine.query.attributes import Statement
from engine.query.conditions import Column
from engine.query.rows import Rows, Setting
from engine.query.told import told_field, told_text

TOLD = "told_events"
_INSTANT, _NOW = '"@instant"', '"@now"'
_SQL_TYPES: Mapping[Type, str] = {"boolean": "BOOLEAN", "string": "VARCHAR", "date": "DATE", "set": "VARCHAR[]"}


@dataclass(frozen=True)
class EventCatalogue:
    """What is known of events.

    Attributes:
        types: types of the fields of each kind of event, those of the rows that tell it included.
        told: the fields of each kind by its contract.
        currency: the reporting currency.
        zone: of people who have none, the policy's.
        words: the rules' word lists, by which reviews have keywords.
    """

    types: Mapping[str, Types]
    told: Mapping[str, Mapping[str, FieldType]]
    currency: str | None = None
    zone: str = "UTC"
    words: Words = field(default_factory=dict)


class _EventSetting(Setting):
    """Fields are asked for as of each event's own instant."""

    @property
    def at(self) -> str:
        """The column of the instant as of which a row's fields are known."""
        return _NOW


class _EventRows(Rows):
    """Rows of what follows FROM and WHERE, beside which other columns stand, such as the instant they are of."""

    def __init__(self, relation: Relation, setting: Setting, beside: str, of: str, where: str) -> None:
        super().__init__(relation, setting)
        self._beside, self._of, self._where = beside, of, where

    def _source(self, columns: str, joins: str) -> str:
        return f"SELECT {columns}, {self._beside} FROM {self._of}{joins} WHERE {self._where}"


def compile_happenings(
    kind: str, table: str, names: Sequence[str], catalogue: EventCatalogue, since: int | None
) -> Statement:
    """The statement that makes a table of a kind's events: `customer`, `@at` and the fields.

    Args:
        kind: the kind of events.
        table: the new table's name, in place of one that is there.
        names: the fields wanted; one that the kind has not is not given.
        catalogue: of the events.
        since: only what happened later, in microseconds; None: everything.
    """
    wanted = [each for each in names if each in catalogue.types.get(kind, {})]
    return _Compiler(kind, wanted, catalogue).compile(table, since)


class _Compiler:
    def __init__(self, kind: str, names: Sequence[str], catalogue: EventCatalogue) -> None:
        self._kind, self._names, self._catalogue = sql.text(kind), names, catalogue
        self._source = EVENT_SOURCES.get(kind)
        self._types, self._contract = catalogue.types.get(kind, {}), catalogue.told.get(kind, {})
        self._setting = _EventSetting(catalogue.currency, catalogue.words, catalogue.zone)

    def compile(self, table: str, since: int | None) -> Statement:
        parts = [self._as_told()] if self._source is None else [*self._of_facts(self._source)]
        later = "" if since is None else f' WHERE "@at" > {sql.whole(since)}'
        select = " UNION ALL ".join(f"SELECT * FROM ({part}){later}" for part in parts)
        shared = [clock.pieces(self._setting.dialect)] if self._setting.clocks else []
        shared += [] if self._source is None else [self._told(self._source)]
        begins = f"WITH {', '.join(shared)} " if shared else ""
        return Statement(
            text=f"CREATE OR REPLACE TEMP TABLE {sql.name(table)} AS {begins}{select}",
            columns={name: Column(sql.name(name), self._types[name]) for name in self._names},
            types={},
            parameters=(),
            functions=dict(self._setting.functions),
            zones=bool(self._setting.clocks),
            zone=self._setting.zone,
        )

    def _as_told(self) -> str:
        """Of a kind that no row tells: the shop's key tells its events apart, so none is there twice."""
        return f'SELECT customer, "at" AS "@at"{self._told_fields()} FROM {TOLD} WHERE kind = {self._kind}'

    def _told(self, source: EventSource) -> str:
        """The events as told, each once: of what was told twice the first counts."""
        same = [f'{self._told_by(name)} AS "@{place}"' for place, name in enumerate(source.same)]
        keys = ", ".join(["customer", *(f'"@{place}"' for place in range(len(source.same)))])
        listed = ", ".join(["customer", "id", '"at" AS "@at"', *same])
        rows = f"SELECT {listed}{self._told_fields()} FROM {TOLD} WHERE kind = {self._kind}"
        return f'"told" AS (SELECT * FROM ({rows}) QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY id) = 1)'

    def _told_by(self, name: str) -> str:
        return {"order_id": "order_id", "@key": "key"}.get(name) or told_text("data", name)

    def _told_fields(self) -> str:
        return "".join(f", {self._told_field(name)} AS {sql.name(name)}" for name in self._names)

    def _told_field(self, name: str) -> str:
        kind = self._contract.get(name)
        if kind is None or kind != self._types[name]:
            return _unknown(self._types[name])
        return told_field("data", name, kind, self._catalogue.currency)

    def _of_facts(self, source: EventSource) -> tuple[str, str]:
        """What rows tell, with what was told of it, and what was told and no row tells."""
        rows, fields = self._rows(source)
        joins = "".join(
            f' LEFT JOIN "told" AS t{place} ON t{place}.customer = r.customer AND {_same(source, f"t{place}", also)}'
            for place, also in enumerate(_ALSO.get(source.same, (False,)))
        )
        listed = "".join(f", coalesce({_as_told(name, source)}, {fields[name]}) AS {sql.name(name)}" for name in fields)
        bare = f'SELECT "t".customer, {_known_by(source)} FROM {_table(source)} WHERE {_happened(source)}'
        alone = " AND ".join(
            f"NOT EXISTS (SELECT 1 FROM ({bare}) AS r WHERE r.customer = t.customer AND {_same(source, 't', also)})"
            for also in _ALSO.get(source.same, (False,))
        )
        own = "".join(f", t.{sql.name(name)}" for name in self._names)
        return (
            f'SELECT r.customer, r.{_INSTANT} AS "@at"{listed} FROM ({rows}) AS r{joins}',
            f'SELECT t.customer, t."@at"{own} FROM "told" AS t WHERE {alone}',
        )

    def _rows(self, source: EventSource) -> tuple[str, dict[str, str]]:
        """The select of the rows that tell the kind, and the expression of each field over it."""
        relation, instant = RELATIONS[source.relation], _instant_of(source)
        now = f'greatest({instant}, coalesce("t"."@at", {instant}))'
        beside = f'"t"."@at" AS "@row", {instant} AS {_INSTANT}, {now} AS {_NOW}, {_known_by(source)}'
        rows = _EventRows(relation, self._setting, beside, _table(source), _happened(source))
        named = {name: source.renamed.get(name, name) for name in self._names}
        own = {name: rows.field(of).sql for name, of in named.items() if of in relation.offered}
        select, of_order = self._with_order(source, rows.select(own.values()), own.values())
        return select, {name: self._field(name, own, of_order) for name in self._names}

    def _field(self, name: str, own: Mapping[str, str], of_order: Mapping[str, str]) -> str:
        """A row has a field of its own, unknown or not; of a row without an instant nothing is known."""
        unknown = _unknown(self._types[name])
        order = f'CASE WHEN r."@order" IS NOT NULL THEN r.{of_order[name]} END' if name in of_order else unknown
        return f'CASE WHEN r."@row" IS NOT NULL THEN r.{own[name]} ELSE {order} END' if name in own else order

    def _with_order(self, source: EventSource, select: str, own: Iterable[str]) -> tuple[str, dict[str, str]]:
        """The rows with the fields of the orders they belong to, as these are known at the event."""
        orders = RELATIONS["orders"]
        names = [name for name in self._names if name not in source.renamed and name in orders.offered]
        names = [name for name in names if orders.offered[name].type == self._types[name]]
        if not names or source.relation == "orders" or "order_id" not in source.same:
            return select, {}
        kept = ['"@row"', _INSTANT, *(f'"@{place}"' for place in range(len(source.same))), *own]
        # One row for each event, with its order's columns or, without an order, with none of them known.
        events = ", ".join(f"e.{each}" for each in kept)
        table = (
            f"(SELECT o.* EXCLUDE (customer), e.customer, {events} FROM ({select}) AS e"
            f' LEFT JOIN "orders" AS o ON o.customer = e.customer AND o.order_id = e."@{source.same.index("order_id")}"'
            ') AS "t"'
        )
        now = f'greatest("t".{_INSTANT}, coalesce("t"."@at", "t".{_INSTANT})) AS {_NOW}'
        beside = ", ".join([*(f'"t".{each}' for each in kept), '"t"."@at" AS "@order"', now])
        rows = _EventRows(orders, self._setting, beside, table, "TRUE")
        columns = {name: rows.field(name).sql for name in names}
        return rows.select(columns.values()), columns


_ALSO: Mapping[tuple[str, ...], tuple[bool, ...]] = {("@key",): (False, True)}
"""A site event may carry its shop's key before its own; whether to look behind it too."""
_BEHIND = """CASE WHEN contains("t"."@key", '/') THEN substr("t"."@key", strpos("t"."@key", '/') + 1) END"""


def _table(source: EventSource) -> str:
    return f'{sql.name(source.relation)} AS "t"'


def _happened(source: EventSource) -> str:
    asked = [f"{_instant_of(source)} IS NOT NULL"]
    if source.matching is not None:
        asked.append(f'"t".{sql.name(source.matching[0])} = {sql.text(source.matching[1])}')
    return " AND ".join(asked)


def _instant_of(source: EventSource) -> str:
    own = source.instant in (None, RELATIONS[source.relation].instant)
    return f'"t".{sql.name("@at" if own else str(source.instant))}'


def _known_by(source: EventSource) -> str:
    """What a row is known by, to be met by an event as told."""
    known = [f'"t".{sql.name(name)} AS "@{place}"' for place, name in enumerate(source.same)]
    if source.same in _ALSO:
        known.append(f'{_BEHIND} AS "@also"')
    return ", ".join(known)


def _same(source: EventSource, told: str, also: bool) -> str:  # noqa: FBT001 -- as _ALSO says
    if also:
        return f'{told}."@0" = r."@also"'
    return " AND ".join(f'{told}."@{place}" IS NOT DISTINCT FROM r."@{place}"' for place in range(len(source.same)))


def _as_told(name: str, source: EventSource) -> str:
    column = sql.name(name)
    return (
        f"CASE WHEN t0.id IS NOT NULL THEN t0.{column} ELSE t1.{column} END" if source.same in _ALSO else f"t0.{column}"
    )


def _unknown(kind: Type) -> str:
    return f"NULL::{_SQL_TYPES.get(kind, 'BIGINT')}"
