"""One customer's facts in memory, and the events that they tell.

Facts that lie ahead are there from the beginning, as they are in a replay: whoever reads as of an instant does not see
them. What is done meanwhile (messages, coupons, points, tags) is added.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from engine.attributes.facts import CustomerFacts, Row
from engine.attributes.relation import EventSource
from engine.attributes.relations import EVENT_SOURCES, PRODUCT_LENGTHS, RELATIONS
from engine.attributes.rows import compile_row
from engine.conditions.environment import Happening
from engine.conditions.operands import instant, microseconds
from engine.conditions.types import Value
from engine.facts.happenings import Fields, FromFacts, from_facts
from engine.simulation.bench import Bench

_ANSWERED = EventSource("cases", "answered_at", ("case",))


@dataclass(frozen=True, slots=True)
class ToldEvent:
    """An event that no row of facts tells. `order` is our number of its order, `at` in microseconds since the epoch."""

    kind: str
    at: int
    fields: Mapping[str, Value]
    order: int | None = None


@dataclass(slots=True)
class Event:
    """Something that happens to a customer, and to one of her orders, parcels or cases."""

    number: int
    kind: str
    at: datetime
    order: int | None = None
    shipment: int | None = None
    case: int | None = None
    told: Mapping[str, Value] | None = None
    found: FromFacts | None = None

    def subject(self, kind: str, customer: int) -> int | None:
        """Our number of the subject of that kind, if the event has one."""
        return {"customer": customer, "order": self.order, "shipment": self.shipment, "case": self.case}.get(kind)


@dataclass
class History:
    """The facts of one customer and her events, in the order of instant and kind.

    Parcels and cases are numbered by their rows, from 1, where they have no number of their own.
    """

    bench: Bench
    facts: CustomerFacts
    told: Sequence[ToldEvent] = ()
    events: list[Event] = field(default_factory=list)
    _happened: dict[str, list[Happening]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = {name: list(self.facts.rows.get(name, ())) for name in RELATIONS}
        self.facts = CustomerFacts(self.facts.customer_id, self.facts.zone, rows)
        self.rows: dict[str, list[Row]] = rows
        for each in self.told:
            if (source := EVENT_SOURCES.get(each.kind)) is not None and source.relation == "site_events":
                self.add(
                    "site_events", each.at, kind=each.kind.removeprefix("site."), **_only("site_events", each.fields)
                )
        self._fields = Fields(self.facts, self.bench.currency, self.bench.rules.words)
        self.events = sorted((*self._from_facts(), *self._as_told()), key=lambda each: (each.at, each.kind))
        for number, event in enumerate(self.events, 1):
            event.number = number

    # --- events -----------------------------------------------------------------------------------------------------

    def fields(self, event: Event) -> Mapping[str, Value]:
        """What a trigger's `where` may ask of an event."""
        known = {} if event.found is None else self._fields(event.found)
        return {**known, **(event.told or {})}

    def happened(self, kind: str) -> list[Happening]:
        """All events of a kind, also those ahead, as conditions count them."""
        if kind not in self._happened:
            of = (each for each in self.events if each.kind == kind)
            self._happened[kind] = [(microseconds(each.at), self.fields(each)) for each in of]
        return self._happened[kind]

    def happens(self, kind: str, at: datetime, fields: Mapping[str, Value], order: int | None = None) -> Event:
        """Adds an event that something done in the world brings about."""
        event = Event(len(self.events) + 1, kind, at, order, told=fields)
        self.events.append(event)
        self._happened.pop(kind, None)
        return event

    def _from_facts(self) -> Iterable[Event]:
        for found in from_facts(self.facts, EVENT_SOURCES):
            relation = found.source.relation
            told = self._told_of(found) if relation == "site_events" else None
            yield Event(0, found.kind, instant(found.at), *self._subjects(relation, found.row), told=told, found=found)
        place = RELATIONS["cases"].slots["answered_at"]
        for row in self.rows["cases"]:
            if isinstance(at := row[place], int):
                answered = FromFacts("case.answered", at, row, _ANSWERED, ())
                yield Event(0, "case.answered", instant(at), *self._subjects("cases", row), found=answered)

    def _as_told(self) -> Iterable[Event]:
        for each in self.told:
            if each.kind not in EVENT_SOURCES:
                shipment = self._named("shipments", "shipment", each.fields.get("shipment"))
                case = self._named("cases", "case", each.fields.get("case"))
                yield Event(0, each.kind, instant(each.at), each.order, shipment, case, told=each.fields)

    def _told_of(self, found: FromFacts) -> Mapping[str, Value] | None:
        same = (each.fields for each in self.told if each.kind == found.kind and each.at == found.at)
        return next(same, None)

    def _subjects(self, relation: str, row: Row) -> tuple[int | None, int | None, int | None]:
        slots = RELATIONS[relation].slots
        order = row[slots["order_id"]] if "order_id" in slots else None
        if relation == "cases" and isinstance(number := row[slots["number"]], str):
            order = self.order_of(number)
        return (
            order if isinstance(order, int) else None,
            self._place("shipments", row) if relation == "shipments" else None,
            self._place("cases", row) if relation == "cases" else None,
        )

    def _place(self, relation: str, row: Row) -> int:
        return next(place for place, each in enumerate(self.rows[relation], 1) if each is row)

    def _named(self, relation: str, name: str, key: object) -> int | None:
        slot = RELATIONS[relation].slots[name]
        return next((n for n, row in enumerate(self.rows[relation], 1) if key is not None and row[slot] == key), None)

    # --- rows -------------------------------------------------------------------------------------------------------

    def add(self, relation: str, at: int, **values: object) -> int:
        """Adds a row and gives its place."""
        rows = self.rows[relation]
        rows.append(RELATIONS[relation].row(at, f"{len(rows):06d}", **values))
        return len(rows) - 1

    def change(self, relation: str, place: int, **values: object) -> None:
        """Changes fields of a row."""
        row, slots = list(self.rows[relation][place]), RELATIONS[relation].slots
        for name, value in values.items():
            row[slots[name]] = value
        self.rows[relation][place] = tuple(row)

    def person(self, name: str) -> object:
        """A stored field of the customer's own row."""
        return self.rows["customer"][0][RELATIONS["customer"].slots[name]]

    def order_of(self, number: str) -> int | None:
        """Our number of the order that the shop calls so."""
        slots = RELATIONS["orders"].slots
        found = (row[slots["order_id"]] for row in self.rows["orders"] if row[slots["number"]] == number)
        return next((each for each in found if isinstance(each, int)), None)

    def order(self, number: int | None) -> Mapping[str, object]:
        """The stored fields of an order by its number; empty if there is none."""
        slots = RELATIONS["orders"].slots
        row = next((row for row in self.rows["orders"] if row[slots["order_id"]] == number), None)
        return {} if row is None else {name: row[slot] for name, slot in slots.items()}

    def order_of_shipment(self, place: int) -> int | None:
        """Our number of a parcel's order."""
        found = self.rows["shipments"][place - 1][RELATIONS["shipments"].slots["order_id"]]
        return found if isinstance(found, int) else None

    def scope(self, scope: str, number: int | None, at: int) -> dict[str, Value]:
        """The fields of an order, parcel or case as of an instant, each with the scope before its name."""
        relation = {"order": "orders", "shipment": "shipments", "case": "cases"}[scope]
        if scope == "order":
            slot = RELATIONS["orders"].slots["order_id"]
            row = next((each for each in self.rows["orders"] if each[slot] == number), None)
        else:
            row = None if number is None else self.rows[relation][number - 1]
        return {} if row is None else compile_row(relation, self.bench.currency, f"{scope}.")(row, at, self.facts.zone)

    def products(self, order: int | None) -> dict[str, Value]:
        """What conditions may ask of an order's products."""
        slots = RELATIONS["lines"].slots
        lines = [row for row in self.rows["lines"] if row[slots["order_id"]] == order]

        def each(name: str) -> list[object]:
            return [row[slots[name]] for row in lines if row[slots[name]] is not None]

        longest = {name: max((one for one in each(name) if isinstance(one, int)), default=None) for name in _DAYS}
        return {
            "product.product": frozenset(map(str, each("product"))) or None,
            "product.category": frozenset(map(str, each("category"))) or None,
            **{f"product.{name}": days for name, days in longest.items()},
        }


_DAYS = tuple(PRODUCT_LENGTHS.values())


def _only(relation: str, values: Mapping[str, Value]) -> dict[str, Value]:
    stored = RELATIONS[relation].columns[2:]
    return {name: value for name, value in values.items() if name in stored and name != "kind"}
