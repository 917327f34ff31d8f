"""A customer's events for `did`: those told as such, and those that other facts tell, each happening once.

An imported order has no rows in `events`, an order told by events has both; the two are one happening, at the instant
the facts give, with the fields of both.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from engine.attributes.facts import CustomerFacts, Row
from engine.attributes.keywords import Words
from engine.attributes.relation import EventSource
from engine.attributes.relations import EVENT_SOURCES, RELATIONS
from engine.attributes.rows import compile_row
from engine.conditions.environment import Happening
from engine.conditions.types import Value
from engine.contracts import FieldType, comparable, value_of
from engine.facts.pipelines import Steps, answers, at_once
from engine.facts.read import read_customer

EventFields = Mapping[str, Mapping[str, FieldType]]
"""The fields of each kind of event, as its contract has them."""

_TOLD = """
select v.kind, (extract(epoch from v.at) * 1000000)::bigint, v.order_id, v.key, s.key || '/' || v.key, v.data,
       v.customer_id
  from events v join shops s on s.id = v.shop_id
 where v.customer_id = any(%s) and v.kind = any(%s)
 order by v.id
"""
_Known = Callable[[str, Row, int, str], dict[str, Value]]
"""The fields of a relation's row as known at an instant, in a zone."""
Identity = tuple[str, tuple[object, ...]]
Told = tuple[Any, ...]
"""A row of an event as told: kind, instant, order, key, the shop's and its key, data, customer."""


def events(
    connection: psycopg.Connection[Any],
    customer_id: int,
    kinds: Collection[str],
    *,
    fields: EventFields,
    currency: str | None = None,
    zone: str = "UTC",
    words: Words | None = None,
) -> dict[str, list[Happening]]:
    """The customer's events of these kinds, in no order.

    Args:
        connection: an open connection whose `search_path` has the tables.
        customer_id: our number of the customer.
        kinds: the kinds of events.
        fields: the fields of each kind by its contract.
        currency: the reporting currency; money in another one is unknown.
        zone: serves where neither the customer nor the shop has one.
        words: the rules' word lists, by which reviews have keywords.
    """
    relations = relations_of(kinds)
    facts = read_customer(connection, customer_id, relations=relations, zone=zone) if relations else None
    rows = connection.execute(_TOLD, ([customer_id], sorted(kinds))).fetchall()
    return happenings(rows, facts, kinds, fields=fields, currency=currency, words=words)


def told_events(
    connection: psycopg.Connection[Any], ids: Collection[int], kinds: Collection[str]
) -> dict[int, list[Told]]:
    """Rows of the events of these kinds that were told of each of many customers, for `happenings`."""
    return at_once(reading_told(connection, ids, kinds))


def reading_told(
    connection: psycopg.Connection[Any], ids: Collection[int], kinds: Collection[str]
) -> Steps[dict[int, list[Told]]]:
    """What `told_events` gives."""
    (rows,) = yield from answers(lambda: [connection.execute(_TOLD, (list(ids), sorted(kinds)))])
    found: dict[int, list[Told]] = {}
    for row in rows:
        found.setdefault(row[-1], []).append(row)
    return found


def eventful(connection: psycopg.Connection[Any], start: datetime, to: datetime) -> list[int]:
    """Our numbers of the customers to whom something happens from one instant up to another, in order."""
    query = sql.SQL(" union ").join(map(sql.SQL, sorted(_happenings_sql())))
    return sorted(row[0] for row in connection.execute(query, {"start": start, "to": to}))


def _happenings_sql() -> Iterator[str]:
    """One query for each relation whose rows tell events, and one for events as they were told."""
    yield "select customer_id from events where at >= %(start)s and at < %(to)s"
    for name in {source.relation: None for source in EVENT_SOURCES.values()}:
        of = RELATIONS[name]
        told = {source.instant for source in EVENT_SOURCES.values() if source.relation == name}
        instants = {of.at if each in (None, of.instant) else of.fields[str(each)].sql for each in told}
        inside = " or ".join(f"{at} >= %(start)s and {at} < %(to)s" for at in sorted(map(str, instants)))
        yield f"select {of.owner} from {of.source} where {inside}"  # noqa: S608 -- our own declarations


def relations_of(kinds: Collection[str]) -> frozenset[str]:
    """The relations whose rows tell events of these kinds, and orders where such rows belong to one."""
    sources = [EVENT_SOURCES[kind] for kind in kinds if kind in EVENT_SOURCES]
    orders = ("orders",) if any("order_id" in source.same for source in sources) else ()
    return frozenset({*(source.relation for source in sources), *orders})


def happenings(
    rows: Sequence[Told],
    facts: CustomerFacts | None,
    kinds: Collection[str],
    *,
    fields: EventFields,
    currency: str | None = None,
    words: Words | None = None,
) -> dict[str, list[Happening]]:
    """One customer's events from the rows told and the facts, which must have `relations_of(kinds)` whole."""
    told = _told(rows, fields, currency)
    lists = tuple((name, tuple(each)) for name, each in (words or {}).items())

    def known(relation: str, row: Row, at: int, zone: str) -> dict[str, Value]:
        return compile_row(relation, currency, "", lists)(row, at, zone)

    found: dict[str, list[Happening]] = {kind: [] for kind in kinds}
    for kind, identity, at, values in _from_facts(facts, kinds, known) if facts else ():
        _, as_told = next((told.pop(key) for key in identity if key in told), (at, {}))
        found[kind].append((at, {**values, **as_told}))
    for (kind, _), happening in told.items():
        found[kind].append(happening)
    return found


def _told(rows: Sequence[Told], fields: EventFields, currency: str | None) -> dict[Identity, Happening]:
    told: dict[Identity, Happening] = {}
    for kind, at, order_id, key, full_key, data, _ in rows:
        columns = {**data, "order_id": order_id, "@key": key}
        source = EVENT_SOURCES.get(kind)
        same = (full_key,) if source is None else tuple(columns.get(name) for name in source.same)
        told.setdefault((kind, same), (at, _values(fields.get(kind, {}), data, currency)))
    return told


def _values(fields: Mapping[str, FieldType], data: Mapping[str, Any], currency: str | None) -> Mapping[str, Value]:
    """The event's fields; a value that is not of its field's present type is unknown."""
    values = {}
    for name, kind in fields.items():
        try:
            value = value_of(kind, data.get(name))
        except ValueError:
            continue
        if value is not None:
            values[name] = value
    return comparable(values, currency)


def _from_facts(
    facts: CustomerFacts, kinds: Collection[str], known: _Known
) -> list[tuple[str, tuple[Identity, ...], int, dict[str, Value]]]:
    sources = {kind: EVENT_SOURCES[kind] for kind in kinds if kind in EVENT_SOURCES}
    orders = {_column("orders", "order_id", row): row for row in facts.rows.get("orders", ())}
    found = []
    for kind, source in sources.items():
        for row in facts.rows[source.relation]:
            at = _column(source.relation, source.instant or "@at", row)
            if isinstance(at, int) and _matches(source, row):
                found.append((kind, _identities(kind, source, row), at, _fields(source, row, at, orders, facts, known)))
    return found


def _column(relation: str, name: str, row: Row) -> object:
    return row[RELATIONS[relation].slots[name]]


def _matches(source: EventSource, row: Row) -> bool:
    return source.matching is None or _column(source.relation, source.matching[0], row) == source.matching[1]


def _identities(kind: str, source: EventSource, row: Row) -> tuple[Identity, ...]:
    """What an event that tells the same is known by; a site event may carry its shop's key before its own."""
    same = tuple(_column(source.relation, name, row) for name in source.same)
    if source.same == ("@key",):
        return (kind, same), (kind, (str(same[0]).partition("/")[2],))
    return ((kind, same),)


def _fields(
    source: EventSource, row: Row, at: int, orders: Mapping[object, Row], facts: CustomerFacts, known: _Known
) -> dict[str, Value]:
    own = _row_fields(source.relation, row, at, facts, known)
    own.update({name: own.get(other) for name, other in source.renamed.items()})
    if source.relation == "orders" or "order_id" not in source.same:
        return own
    order = orders.get(_column(source.relation, "order_id", row))
    return own if order is None else {**_row_fields("orders", order, at, facts, known), **own}


def _row_fields(relation: str, row: Row, at: int, facts: CustomerFacts, known: _Known) -> dict[str, Value]:
    """As of the event; for one that is said to precede what it belongs to, as of that."""
    since = row[0] if isinstance(row[0], int) else at
    return known(relation, row, max(at, since), facts.zone)
