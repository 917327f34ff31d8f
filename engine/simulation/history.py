"""One customer's facts in memory, which journeys add to: read as of an instant, as the database is."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from operator import attrgetter
from types import MappingProxyType
from typing import Any, NamedTuple

from engine.attributes.facts import CustomerFacts, Row
from engine.attributes.relation import EventSource
from engine.attributes.relations import EVENT_SOURCES, RELATIONS, SCOPES
from engine.conditions.ast import Condition
from engine.conditions.environment import Happening
from engine.conditions.operands import microseconds
from engine.conditions.types import Value
from engine.facts.evaluate import SCOPES_OF
from engine.facts.products import LENGTHS
from engine.facts.read import usable_zone
from engine.simulation.questions import Questions, Wanted
from engine.standing.decide import HandTag, Standing

Steps = Mapping[str, Collection[str]]
More = Callable[[], Mapping[str, Value]]
NOTHING: Mapping[str, Any] = MappingProxyType({})
_SCOPE = {relation: scope for scope, relation in SCOPES.items()}


class Subject(NamedTuple):
    """Whom or what a journey is for: `key` is the order's number of ours, or the row's own key."""

    kind: str
    key: object
    order: object = None
    name: str = ""


class Happened:
    """An event: its instant in microseconds since the epoch, and what it is of. `read` gives its fields."""

    __slots__ = ("_fields", "_read", "at", "case", "kind", "number", "order", "shipment")

    def __init__(
        self,
        at: int,
        kind: str,
        number: int,
        read: Callable[[], Mapping[str, Value]],
        order: object = None,
        shipment: object = None,
        case: object = None,
    ) -> None:
        self.at, self.kind, self.number = at, kind, number
        self.order, self.shipment, self.case = order, shipment, case
        self._read = read
        self._fields: Mapping[str, Value] | None = None

    @property
    def fields(self) -> Mapping[str, Value]:
        """Its fields, read when they are first asked for."""
        if self._fields is None:
            self._fields = self._read()
        return self._fields

    def key(self, kind: str) -> object:
        """Our number, or the row's own key, of the event's subject of that kind; none where it has none."""
        return 1 if kind == "customer" else getattr(self, kind)

    def subject(self, kind: str) -> Subject | None:
        """The event's subject of that kind, if it has one."""
        key = self.key(kind)
        return None if key is None else Subject(kind, key, self.order)

    def is_of(self, subject: Subject) -> bool:
        """Whether it concerns the subject: all events concern the customer."""
        return subject.kind == "customer" or self.key(subject.kind) == subject.key


@dataclass(frozen=True, slots=True)
class Told:
    """An event that no row tells; `order` is our number of its order, where that is known."""

    kind: str
    at: int
    fields: Mapping[str, Value]
    order: object = None


@dataclass
class History:
    """One customer. `standing` is what was decided last.

    Args:
        questions: the rules' attributes and conditions, compiled.
        facts: rows of all relations, of all times.
        told: events that no row tells; one of an order, parcel or case that it does not name is of the only one.
        hand_tags: given by hand.
        on_site: what events on the site tell besides what their rows do, by their key.
        zone: the policy's.
    """

    questions: Questions
    facts: CustomerFacts
    told: Sequence[Told] = ()
    hand_tags: Sequence[HandTag] = ()
    on_site: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    standing: Standing = field(default_factory=Standing)
    events: list[Happened] = field(init=False)
    touched: set[str] = field(default_factory=set)
    """Relations and kinds of events to which journeys have added since the standing was decided."""

    def __post_init__(self) -> None:
        rows = {name: list(rows) for name, rows in self.facts.rows.items()}
        self.facts = CustomerFacts(self.facts.customer_id, self.facts.zone, rows)
        self.hand_tags = list(self.hand_tags)
        self.events = sorted((*self._of_rows(), *self._of_told()), key=_order)
        self._instants = [each.at for each in self.events]
        self._given = {name: len(rows) for name, rows in rows.items()}

    @property
    def currency(self) -> str | None:
        """The reporting currency."""
        return self.questions.evaluator.catalogue.currency

    # --- events -----------------------------------------------------------------------------------------------------

    def _of_rows(self) -> Iterator[Happened]:
        number = 0
        for source in _SOURCES:
            for row in self.facts.rows.get(source.relation, ()):
                at = row[source.at]
                if isinstance(at, int) and (source.matching is None or row[source.matching] == source.value):
                    number += 1
                    yield self._happened(source, row, at, number)

    def _happened(self, source: "_Source", row: Row, at: int, number: int) -> Happened:
        key = row[1]
        order = None if source.order is None else row[source.order]

        def read() -> Mapping[str, Value]:
            fields = self._row(source.relation, row, at)
            renamed = {name: fields.get(other) for name, other in source.renamed.items()}
            whole = {} if order is None else self._row("orders", self.row(Subject("order", order)), at)
            besides = self.on_site.get(str(key), NOTHING) if source.relation == "site_events" else NOTHING
            return {**whole, **fields, **renamed, **besides}

        shipment = key if source.scope == "shipment" else None
        return Happened(at, source.kind, number, read, order, shipment, key if source.scope == "case" else None)

    def _row(self, relation: str, row: Row | None, at: int) -> Mapping[str, Value]:
        """A row's fields as of an event; what a row tells that is of a later instant is told all the same."""
        if row is None:
            return {}
        since = row[0] if isinstance(row[0], int) else at
        return self.questions.row(relation)(row, max(at, since), self.facts.zone)

    def _of_told(self) -> Iterator[Happened]:
        for number, told in enumerate(self.told, 1):
            about = told.kind.partition(".")[0]
            order = self._only("order") if told.order is None else told.order
            shipment = self._only("shipment", order, told.fields.get("shipment")) if about == "shipment" else None
            case = self._only("case", name=told.fields.get("case")) if about == "case" else None
            yield Happened(told.at, told.kind, -number, partial(_same, told.fields), order, shipment, case)

    def _only(self, scope: str, order: object = None, name: object = None) -> object:
        """The key of the only order, parcel (of an order) or case, of those of a name; none where there are several."""
        relation = SCOPES[scope]
        rows = self.facts.rows.get(relation, ())
        if order is not None:
            rows = [row for row in rows if column(relation, "order_id", row) == order]
        if name is not None:
            rows = [row for row in rows if column(relation, scope, row) == name]
        return column(relation, "order_id" if scope == "order" else "@key", rows[0]) if len(rows) == 1 else None

    def next_event(self, now: int) -> int | None:
        """The instant of the first event after another, in microseconds."""
        place = bisect_right(self._instants, now)
        return self._instants[place] if place < len(self._instants) else None

    def events_at(self, at: int) -> list[Happened]:
        """The events of an instant."""
        return self.events[bisect_left(self._instants, at) : bisect_right(self._instants, at)]

    def happenings(self, kind: str) -> list[Happening]:
        """The events of a kind, as conditions ask for them."""
        return [(each.at, each.fields) for each in self.events if each.kind == kind]

    def tell(self, kind: str, at: int, fields: Mapping[str, Value]) -> Happened:
        """An event comes to be known, perhaps of a later instant."""
        self.touched.add(kind)
        happened = Happened(at, kind, 1_000_000 + len(self.events), partial(_same, fields))
        insort(self.events, happened, key=_order)
        insort(self._instants, at)
        return happened

    # --- rows -------------------------------------------------------------------------------------------------------

    def add(self, relation: str, at: int, **values: object) -> None:
        """A row comes to be known."""
        rows = self.facts.rows[relation]
        assert isinstance(rows, list)
        self.touched.add(relation)
        rows.append(RELATIONS[relation].row(at, f"simulated-{len(rows):06d}", **values))

    def given(self, relation: str) -> Sequence[Row]:
        """The rows of a relation without those that journeys have added."""
        return self.facts.rows.get(relation, ())[: self._given.get(relation, 0)]

    def row(self, subject: Subject) -> Row | None:
        """The row of an order, parcel or case."""
        relation = SCOPES.get(subject.kind)
        if relation is None:
            return None
        slot, key = RELATIONS[relation].slots["order_id" if subject.kind == "order" else "@key"], subject.key
        for row in self.facts.rows.get(relation, ()):
            if row[slot] == key:
                return row
        return None

    def person(self, name: str) -> object:
        """A field of the customer's own row."""
        return column("customer", name, self.facts.rows["customer"][0])

    def set_person(self, values: Mapping[str, object], zone: str) -> None:
        """Sets fields of the customer's own row; those that it does not store are left out. `zone`: the policy's."""
        (row,) = self.facts.rows["customer"]
        self.touched.add("customer")
        of = RELATIONS["customer"]
        kept = {name: column("customer", name, row) for name in of.columns[2:]}
        known = {name: value for name, value in values.items() if name in kept}
        rows = self.facts.rows["customer"]
        assert isinstance(rows, list)
        rows[0] = of.row(None, str(row[1]), **{**kept, **known})
        local = usable_zone(self.person("zone"), self.person("shop_zone"), otherwise=zone)
        self.facts = CustomerFacts(self.facts.customer_id, local, self.facts.rows)

    def longest_days(self, order: object, length: str) -> int | None:
        """The longest such time, in days, of an order's products."""
        days = [column("lines", LENGTHS[length], row) for row in self._lines(order)]
        return max((each for each in days if isinstance(each, int)), default=None)

    def _lines(self, order: object) -> list[Row]:
        return [row for row in self.facts.rows.get("lines", ()) if column("lines", "order_id", row) == order]

    # --- conditions -------------------------------------------------------------------------------------------------

    def value(self, name: str, at: datetime, subject: Subject | None = None, more: More = dict) -> Value:
        """The value of an attribute, a part of standing, or a field of the subject's, as of an instant."""
        asked = Values(self, self.questions.names((name,)), microseconds(at), subject, more)
        return asked.get(name)

    def holds(
        self,
        condition: Condition,
        at: datetime,
        subject: Subject | None = None,
        more: More = dict,
        steps: Callable[[], Steps] = dict,
        kind: str = "",
    ) -> bool:
        """Whether a condition holds.

        Args:
            condition: the condition.
            at: as of when.
            subject: the journey's.
            more: gives fields of the event that started the journey, and what its steps were answered.
            steps: gives what has become of the journey's steps.
            kind: the event that started it.
        """
        question = self.questions.condition(condition, kind)
        now = microseconds(at)
        values = Values(self, question.wanted, now, subject, more)
        return question.predicate(Scene(now, values, self, steps))

    def products(self, subject: Subject) -> dict[str, Value]:
        """What is known of the products of a subject's order, as conditions ask."""
        order = subject.key if subject.kind == "order" else subject.order
        lines = self._lines(order)

        def all_of(name: str) -> frozenset[str] | None:
            return frozenset(v for row in lines if isinstance(v := column("lines", name, row), str)) or None

        return {
            "product.product": all_of("product"),
            "product.category": all_of("category"),
            "product.settling_days": self.longest_days(order, "settling_time"),
            "product.repurchase_days": self.longest_days(order, "repurchase_time"),
        }


class Values(Mapping[str, Value]):
    """Values of the names that a question wants, found when they are first asked for."""

    __slots__ = ("_at", "_folded", "_history", "_more", "_scoped", "_subject", "_wanted")

    def __init__(self, history: History, wanted: Wanted, at: int, subject: Subject | None, more: More) -> None:
        self._history, self._wanted, self._at, self._subject, self._more = history, wanted, at, subject, more
        self._folded: Mapping[str, Value] | None = None
        self._scoped: Mapping[str, Value] | None = None

    def __getitem__(self, name: str) -> Value:
        return self.get(name)

    def get(self, name: str, default: Any = None) -> Value:  # noqa: ANN401, ARG002 - as mappings have it
        """The value; none where it is not known."""
        if name in self._wanted.standing:
            value: Value = getattr(self._history.standing, name)
            return value
        if "." in name:
            if self._scoped is None:
                self._scoped = self._scopes()
            return self._scoped.get(name)
        if self._folded is None:
            history, fold = self._history, self._wanted.fold
            self._folded = NOTHING if fold is None else fold(history.facts, self._at)
        return self._folded.get(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._wanted.names)

    def __len__(self) -> int:
        return len(self._wanted.names)

    def _scopes(self) -> Mapping[str, Value]:
        history, wanted, subject = self._history, self._wanted, self._subject
        values: dict[str, Value] = {}
        if subject is not None:
            for scope in SCOPES_OF.get(subject.kind, ()):
                read = wanted.rows.get(scope)
                if read is not None:
                    row = history.row(subject if scope == subject.kind else Subject("order", subject.order))
                    values |= {} if row is None else read(row, self._at, history.facts.zone)
            if wanted.of_products:
                values |= history.products(subject)
        return {**values, **self._more()} if wanted.of_the_journey else values


class Scene:
    """What a condition is asked in: see `engine.conditions.environment.Environment`."""

    __slots__ = ("_history", "_steps", "attributes", "now")

    def __init__(self, now: int, attributes: Mapping[str, Value], history: History, steps: Callable[[], Steps]) -> None:
        self.now, self.attributes, self._history, self._steps = now, attributes, history, steps

    def events(self, kind: str) -> Sequence[Happening]:
        """The customer's events of a kind."""
        return self._history.happenings(kind)

    def steps(self, step: str) -> Collection[str]:
        """What has become of a step of the journey."""
        return self._steps().get(step, ())


@dataclass(frozen=True, slots=True)
class _Source:
    """An event that rows tell, with the places of what is read of them."""

    kind: str
    relation: str
    at: int
    matching: int | None
    value: object
    order: int | None
    scope: str | None
    renamed: Mapping[str, str]


def _source(kind: str, source: EventSource) -> _Source:
    slots = RELATIONS[source.relation].slots
    matching, value = source.matching or (None, None)
    return _Source(
        kind,
        source.relation,
        slots[source.instant or "@at"],
        None if matching is None else slots[matching],
        value,
        slots.get("order_id"),
        _SCOPE.get(source.relation),
        source.renamed,
    )


_SOURCES = tuple(_source(kind, source) for kind, source in EVENT_SOURCES.items())
_SLOTS = {name: relation.slots for name, relation in RELATIONS.items()}
_order = attrgetter("at", "kind", "number")


def _same(fields: Mapping[str, Value]) -> Mapping[str, Value]:
    return fields


def column(relation: str, name: str, row: Row) -> object:
    """A row's value."""
    return row[_SLOTS[relation][name]]
