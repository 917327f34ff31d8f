"""Facts from PostgreSQL in the shape the fold takes: one customer's rows in one round trip."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

import psycopg

from engine.attributes.facts import CustomerFacts, Row
from engine.attributes.relation import Relation
from engine.attributes.relations import RELATIONS, SCOPES
from engine.attributes.rows import compile_row
from engine.calendar.local import zone as zone_of
from engine.conditions.operands import microseconds
from engine.conditions.types import Value
from engine.facts.pipelines import Steps, answers, at_once, together
from engine.facts.rows import ids_of

Connection = psycopg.Connection[Any]
Cursor = psycopg.Cursor[tuple[Any, ...]]
_ZONES = ("zone", "shop_zone")
Wanted = Mapping[str, Collection[str]]
"""Relations by name, each with the stored fields to read."""


def read_customer(
    connection: Connection, customer_id: int, *, relations: Collection[str] | Wanted | None = None, zone: str = "UTC"
) -> CustomerFacts:
    """One customer's facts.

    Args:
        connection: an open connection whose `search_path` has the tables.
        customer_id: our number of the customer.
        relations: names of relations to read whole, or each with the fields wanted (as `Fold.reads`), where the
            others are left None. Default: all relations, whole.
        zone: serves where neither the customer nor the shop has a zone that exists.

    Raises:
        LookupError: there is no such customer.
    """
    wanted = _wanted(relations)
    wanted["customer"] = frozenset({*_ZONES, *wanted.get("customer", ())})
    with together(connection):
        cursors = {
            name: connection.cursor(binary=True).execute(_query(name, fields, "owner"), (customer_id,))
            for name, fields in wanted.items()
        }
    rows = {name: _rows(RELATIONS[name], cursor.fetchall()) for name, cursor in cursors.items()}
    if not rows["customer"]:
        raise LookupError(f"there is no customer {customer_id}")
    slots = RELATIONS["customer"].slots
    zones = [rows["customer"][0][slots[name]] for name in _ZONES]
    return CustomerFacts(customer_id, usable_zone(*zones, otherwise=zone), rows)


def read_customers(
    connection: Connection, ids: Sequence[int], *, relations: Wanted, zone: str = "UTC"
) -> list[CustomerFacts]:
    """The facts of many customers, see `reading_customers`."""
    return at_once(reading_customers(connection, ids, relations=relations, zone=zone))


def reading_customers(
    connection: Connection, ids: Sequence[int], *, relations: Wanted, zone: str = "UTC"
) -> Steps[list[CustomerFacts]]:
    """The facts of many customers, with one query for each relation; of those that do not exist there are none.

    Args:
        connection: an open connection whose `search_path` has the tables.
        ids: our numbers of the customers.
        relations: relations, each with the fields wanted, as `Fold.reads`.
        zone: serves where neither the customer nor the shop has a zone that exists.
    """
    wanted = _wanted(relations)
    wanted["customer"] = frozenset({*_ZONES, *wanted.get("customer", ())})
    found = yield from answers(lambda: ask_relations(connection, ids, wanted))
    slots = [RELATIONS["customer"].slots[name] for name in _ZONES]
    customers = _by_owner(RELATIONS["customer"], found[[*wanted].index("customer")])
    zones = {each: tuple(own[0][slot] for slot in slots) for each, own in customers.items()}
    return facts_of(ids, wanted, found, zones, zone)


def ask_relations(connection: Connection, ids: Sequence[int], relations: Wanted) -> list[Cursor]:
    """Asks for rows of relations, each by one query: in a pipeline without waiting for it."""
    listed = ids_of(ids)
    with together(connection):
        return [
            connection.cursor(binary=True).execute(_query(name, frozenset(fields), "owners"), (listed,))
            for name, fields in relations.items()
        ]


def facts_of(
    ids: Sequence[int],
    relations: Iterable[str],
    found: Sequence[list[tuple[Any, ...]]],
    zones: Mapping[int, tuple[object, ...]],
    zone: str,
) -> list[CustomerFacts]:
    """The facts of those customers whose zones are given, from the answers to `ask_relations`.

    Args:
        ids: our numbers of the customers.
        relations: the names asked for.
        found: the rows of each.
        zones: each customer's own and the shop's; `zone` serves where neither exists.
        zone: a zone that exists.
    """
    rows = {name: _by_owner(RELATIONS[name], own) for name, own in zip(relations, found, strict=True)}
    return [
        CustomerFacts(
            each,
            usable_zone(*zones[each], otherwise=zone),
            {name: of.get(each, ()) for name, of in rows.items()},
        )
        for each in ids
        if each in zones
    ]


def read_scope(
    connection: Connection,
    subject: str,
    subject_id: int,
    at: datetime,
    *,
    currency: str | None = None,
    zone: str = "UTC",
) -> dict[str, Value]:
    """The fields of an order, shipment or case as of an instant, each under `order.`, `shipment.` or `case.`.

    Args:
        connection: an open connection whose `search_path` has the tables.
        subject: order, shipment or case; a customer has no fields beside the attributes.
        subject_id: our number of it.
        at: the instant; what lies after it is unknown, and something that was not there yet has no fields.
        currency: the reporting currency; money in another one is unknown.
        zone: serves where neither the customer nor the shop has one.

    Raises:
        LookupError: there is no such subject.
    """
    if subject not in SCOPES:
        return {}
    relation = RELATIONS[SCOPES[subject]]
    query = _query(relation.name, frozenset(relation.columns[2:]), "identity")
    with together(connection):
        row = connection.cursor(binary=True).execute(query, (subject_id,))
        zones = connection.execute(_zone_query(relation.name), (subject_id,))
    found, own = _rows(relation, row.fetchall()), zones.fetchone()
    if not found:
        raise LookupError(f"there is no {subject} {subject_id}")
    local = usable_zone(*(own or ()), otherwise=zone)
    return compile_row(relation.name, currency, f"{subject}.")(found[0], microseconds(at), local)


def read_zone(connection: Connection, customer_id: int, *, otherwise: str) -> str:
    """The zone of a customer's calendar: the customer's own, the shop's, else the other."""
    fields = RELATIONS["customer"].fields
    zones = ", ".join(str(fields[each].sql) for each in _ZONES)
    row = connection.execute(f"select {zones} from customers c where c.id = %s", (customer_id,)).fetchone()  # noqa: S608 -- our own declarations
    return usable_zone(*(row or ()), otherwise=otherwise)


def rows_query(name: str, owners: str, *, but: Collection[str] = (), also: Sequence[str] = ()) -> str:
    """The query that reads a relation for many customers at once, as `read_customers`, the customer's number last.

    Args:
        name: of the relation.
        owners: what limits the customers, as it follows the expression of their number: `in (...)`, `< 1000`.
        but: fields that are not read, and null in their places.
        also: expressions over the relation's source that are read too, before the customer's number.
    """
    relation = RELATIONS[name]
    return _rows_query(relation, frozenset(relation.columns[2:]) - frozenset(but), owners, also)


def usable_zone(*zones: object, otherwise: str) -> str:
    """The first that is a time zone: the customer's own, the shop's, else the other."""
    for each in zones:
        if isinstance(each, str):
            try:
                zone_of(each)
            except ValueError:
                continue
            return each
    return otherwise


def _wanted(relations: Collection[str] | Wanted | None) -> dict[str, frozenset[str]]:
    if isinstance(relations, Mapping):
        return {name: frozenset(fields) for name, fields in relations.items()}
    names: Iterable[str] = RELATIONS if relations is None else relations
    return {name: frozenset(RELATIONS[name].columns[2:]) for name in names}


@lru_cache(maxsize=512)
def _query(name: str, fields: frozenset[str], by: str) -> str:
    """Every column has its place; those not wanted are null there and cost nothing."""
    relation = RELATIONS[name]
    if by == "owners":
        return _rows_query(relation, fields, "= any(%s::bigint[])")
    asked = relation.owner if by == "owner" else relation.identity
    return f"select {', '.join(_columns(relation, fields))} from {relation.source} where {asked} = %s"  # noqa: S608 -- our own declarations


def _rows_query(relation: Relation, fields: Collection[str], owners: str, also: Sequence[str] = ()) -> str:
    """Rows of many customers, whose number is in the place after the last."""
    columns = [*_columns(relation, fields), *also, relation.owner]
    return f"select {', '.join(columns)} from {relation.source} where {relation.owner} {owners}"  # noqa: S608 -- our own declarations


def _columns(relation: Relation, wanted: Collection[str]) -> list[str]:
    at = "null::bigint" if relation.at is None else microseconds_of(relation.at)
    return [at, relation.key, *(_column(relation, each, wanted) for each in relation.columns[2:])]


@lru_cache(maxsize=8)
def _zone_query(name: str) -> str:
    relation, fields = RELATIONS[name], RELATIONS["customer"].fields
    zones = ", ".join(str(fields[each].sql) for each in _ZONES)
    return (
        f"select {zones} from customers c where c.id = "  # noqa: S608 -- our own declarations
        f"(select {relation.owner} from {relation.source} where {relation.identity} = %s)"
    )


def _column(relation: Relation, name: str, wanted: Collection[str]) -> str:
    field = relation.fields[name]
    assert field.sql is not None  # columns are the stored fields
    if name not in wanted:
        return "null::bigint"
    return microseconds_of(field.sql) if field.type == "instant" else field.sql


def microseconds_of(expression: str) -> str:
    """Microseconds since the epoch of an expression of SQL that gives an instant."""
    return f"(extract(epoch from {expression}) * 1000000)::bigint"


def _rows(relation: Relation, found: list[tuple[Any, ...]]) -> list[Row]:
    sets = [relation.slots[name] for name, field in relation.fields.items() if field.type == "set" and field.sql]
    if not sets:
        return list(found)
    return [_with_sets(row, sets) for row in found]


def _by_owner(relation: Relation, found: list[tuple[Any, ...]]) -> dict[int, list[Row]]:
    """Rows by the customer, whose number is in the place after the last."""
    owned: dict[int, list[Row]] = {}
    for row in _rows(relation, found):
        owned.setdefault(cast("int", row[-1]), []).append(row)
    return owned


def _with_sets(row: tuple[Any, ...], places: list[int]) -> Row:
    values = list(row)
    for place in places:
        if values[place] is not None:
            values[place] = frozenset(values[place])
    return tuple(values)
