"""Events that facts tell, each happening once: of rows told as events and rows of facts the two are one.

An imported order has no rows in `events`, an order told by events has both; the two are one happening, at the instant
the facts give, with the fields of both.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.attributes.facts import CustomerFacts, Row
from engine.attributes.keywords import Words
from engine.attributes.relation import EventSource
from engine.attributes.relations import EVENT_SOURCES, RELATIONS
from engine.attributes.rows import compile_row
from engine.conditions.environment import Happening
from engine.conditions.types import Value
from engine.contracts import FieldType, comparable, value_of

EventFields = Mapping[str, Mapping[str, FieldType]]
"""The fields of each kind of event, as its contract has them."""

Identity = tuple[str, tuple[object, ...]]
Told = tuple[Any, ...]
"""A row of an event as told: kind, instant, order, key, the shop's and its key, data, customer."""


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
    found: dict[str, list[Happening]] = {kind: [] for kind in kinds}
    known = None if facts is None else Fields(facts, currency, words)
    for event in from_facts(facts, kinds) if facts else ():
        assert known is not None  # of the same facts
        _, as_told = next((told.pop(key) for key in event.same if key in told), (event.at, {}))
        found[event.kind].append((event.at, {**known(event), **as_told}))
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


@dataclass(frozen=True, slots=True)
class FromFacts:
    """An event that a row of facts tells. `same`: what an event that tells the same is known by."""

    kind: str
    at: int
    row: Row
    source: EventSource
    same: tuple[Identity, ...]


def from_facts(facts: CustomerFacts, kinds: Iterable[str]) -> Iterator[FromFacts]:
    """The events of these kinds that rows of facts tell, also those that lie ahead."""
    for kind in kinds:
        source = EVENT_SOURCES.get(kind)
        for row in facts.rows[source.relation] if source else ():
            assert source is not None
            at = _column(source.relation, source.instant or "@at", row)
            if isinstance(at, int) and _matches(source, row):
                yield FromFacts(kind, at, row, source, _identities(kind, source, row))


class Fields:
    """What conditions may ask of the events that a customer's facts tell."""

    def __init__(self, facts: CustomerFacts, currency: str | None = None, words: Words | None = None) -> None:
        lists = tuple((name, tuple(each)) for name, each in (words or {}).items())
        self._facts, self._currency, self._words = facts, currency, lists
        self._orders = {_column("orders", "order_id", row): row for row in facts.rows.get("orders", ())}

    def __call__(self, event: FromFacts) -> dict[str, Value]:
        """The fields of an event, those of its order among them."""
        source = event.source
        own = self._row(source.relation, event.row, event.at)
        own.update({name: own.get(other) for name, other in source.renamed.items()})
        if source.relation == "orders" or "order_id" not in source.same:
            return own
        order = self._orders.get(_column(source.relation, "order_id", event.row))
        return own if order is None else {**self._row("orders", order, event.at), **own}

    def _row(self, relation: str, row: Row, at: int) -> dict[str, Value]:
        """As of the event; for one that is said to precede what it belongs to, as of that."""
        since = row[0] if isinstance(row[0], int) else at
        known = compile_row(relation, self._currency, "", self._words)
        return known(row, max(at, since), self._facts.zone)


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
