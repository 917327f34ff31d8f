"""One customer's facts in memory, which journeys add to: read as of an instant, as the database is."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any

from engine.attributes.facts import CustomerFacts, Row
from engine.attributes.relation import EventSource
from engine.attributes.relations import EVENT_SOURCES, RELATIONS, SCOPES
from engine.attributes.rows import compile_row
from engine.conditions.ast import Condition, names
from engine.conditions.environment import Happening, Known
from engine.conditions.operands import microseconds
from engine.conditions.types import Value
from engine.facts.evaluate import SCOPES_OF, Evaluator
from engine.facts.products import LENGTHS
from engine.standing.decide import STANDING_TYPES, HandTag, Standing

Steps = Mapping[str, Collection[str]]
NOTHING: Mapping[str, Any] = MappingProxyType({})
_SCOPE = {relation: scope for scope, relation in SCOPES.items()}


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom or what a journey is for: `key` is the order's number of ours, or the row's own key."""

    kind: str
    key: object
    order: object = None
    name: str = ""


@dataclass(frozen=True, order=True)
class Happened:
    """An event: its instant in microseconds since the epoch, and what it is of. `read` gives its fields."""

    at: int
    kind: str
    number: int
    read: Callable[[], Mapping[str, Value]] = field(compare=False)
    order: object = field(default=None, compare=False)
    shipment: object = field(default=None, compare=False)
    case: object = field(default=None, compare=False)

    @cached_property
    def fields(self) -> Mapping[str, Value]:
        """Its fields, read when they are first asked for."""
        return self.read()

    def subject(self, kind: str) -> Subject | None:
        """The event's subject of that kind, if it has one."""
        key = {"customer": 1, "order": self.order, "shipment": self.shipment, "case": self.case}[kind]
        return None if key is None else Subject(kind, key, self.order)

    def is_of(self, subject: Subject) -> bool:
        """Whether it concerns the subject: all events concern the customer."""
        own = self.subject(subject.kind)
        return own is not None and own.key == subject.key


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
        evaluator: the rules' attributes and conditions, compiled.
        facts: rows of all relations, of all times.
        told: events that no row tells; one of an order, parcel or case that it does not name is of the only one.
        hand_tags: given by hand.
        zone: the policy's.
    """

    evaluator: Evaluator
    facts: CustomerFacts
    told: Sequence[Told] = ()
    hand_tags: Sequence[HandTag] = ()
    standing: Standing = field(default_factory=Standing)
    events: list[Happened] = field(init=False)

    def __post_init__(self) -> None:
        rows = {name: list(rows) for name, rows in self.facts.rows.items()}
        self.facts = CustomerFacts(self.facts.customer_id, self.facts.zone, rows)
        self.hand_tags = list(self.hand_tags)
        self.events = sorted((*self._of_rows(), *self._of_told()))

    @cached_property
    def _words(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return tuple((name, tuple(each)) for name, each in (self.evaluator.words or {}).items())

    @property
    def currency(self) -> str | None:
        """The reporting currency."""
        return self.evaluator.catalogue.currency

    # --- events -----------------------------------------------------------------------------------------------------

    def _of_rows(self) -> Iterator[Happened]:
        number = 0
        for kind, source in EVENT_SOURCES.items():
            for row in self.facts.rows.get(source.relation, ()):
                at = column(source.relation, source.instant or "@at", row)
                matching = source.matching
                if isinstance(at, int) and (
                    matching is None or column(source.relation, matching[0], row) == matching[1]
                ):
                    number += 1
                    yield self._happened(kind, source, row, at, number)

    def _happened(self, kind: str, source: EventSource, row: Row, at: int, number: int) -> Happened:
        scope, key = _SCOPE.get(source.relation), column(source.relation, "@key", row)
        order = column(source.relation, "order_id", row) if "order_id" in RELATIONS[source.relation].slots else None

        def read() -> Mapping[str, Value]:
            fields = self._row(source.relation, row, at)
            fields |= {name: fields.get(other) for name, other in source.renamed.items()}
            whole = {} if order is None else self._row("orders", self.row(Subject("order", order)), at)
            return {**whole, **fields}

        return Happened(
            at,
            kind,
            number,
            read,
            order,
            key if scope == "shipment" else None,
            key if scope == "case" else None,
        )

    def _row(self, relation: str, row: Row | None, at: int, prefix: str = "") -> dict[str, Value]:
        if row is None:
            return {}
        since = row[0] if isinstance(row[0], int) and not prefix else at
        read = compile_row(relation, self.currency, prefix, self._words)
        return read(row, max(at, since), self.facts.zone)

    def _of_told(self) -> Iterator[Happened]:
        for number, told in enumerate(self.told, 1):
            about = told.kind.partition(".")[0]
            order = self._only("order") if told.order is None else told.order
            shipment = self._only("shipment", order) if about == "shipment" else None
            case = self._only("case") if about == "case" else None
            yield Happened(told.at, told.kind, -number, partial(_same, told.fields), order, shipment, case)

    def _only(self, scope: str, order: object = None) -> object:
        """The key of the only order, parcel (of an order) or case; none where there are several."""
        relation = SCOPES[scope]
        rows = self.facts.rows.get(relation, ())
        if order is not None:
            rows = [row for row in rows if column(relation, "order_id", row) == order]
        return column(relation, "order_id" if scope == "order" else "@key", rows[0]) if len(rows) == 1 else None

    def next_event(self, now: int) -> int | None:
        """The instant of the first event after another, in microseconds."""
        place = bisect_right(self.events, now, key=_at)
        return self.events[place].at if place < len(self.events) else None

    def events_at(self, at: int) -> list[Happened]:
        """The events of an instant."""
        return self.events[bisect_left(self.events, at, key=_at) : bisect_right(self.events, at, key=_at)]

    def happenings(self, kind: str) -> list[Happening]:
        """The events of a kind, as conditions ask for them."""
        return [(each.at, each.fields) for each in self.events if each.kind == kind]

    def tell(self, kind: str, at: int, fields: Mapping[str, Value]) -> None:
        """An event comes to be known, perhaps of a later instant."""
        insort(self.events, Happened(at, kind, 1_000_000 + len(self.events), partial(_same, fields)))

    # --- rows -------------------------------------------------------------------------------------------------------

    def add(self, relation: str, at: int, **values: object) -> None:
        """A row comes to be known."""
        rows = self.facts.rows[relation]
        assert isinstance(rows, list)
        rows.append(RELATIONS[relation].row(at, f"simulated-{len(rows):06d}", **values))

    def row(self, subject: Subject) -> Row | None:
        """The row of an order, parcel or case."""
        relation = SCOPES.get(subject.kind)
        if relation is None:
            return None
        key = "order_id" if subject.kind == "order" else "@key"
        rows = self.facts.rows.get(relation, ())
        return next((row for row in rows if column(relation, key, row) == subject.key), None)

    def person(self, name: str) -> object:
        """A field of the customer's own row."""
        (row,) = self.facts.rows["customer"]
        return column("customer", name, row)

    def set_person(self, **values: object) -> None:
        """Sets fields of the customer's own row; those that it does not store are left out."""
        (row,) = self.facts.rows["customer"]
        of = RELATIONS["customer"]
        kept = {name: column("customer", name, row) for name in of.columns[2:]}
        known = {name: value for name, value in values.items() if name in kept}
        rows = self.facts.rows["customer"]
        assert isinstance(rows, list)
        rows[0] = of.row(None, str(row[1]), **{**kept, **known})

    def longest_days(self, order: object, length: str) -> int | None:
        """The longest such time, in days, of an order's products."""
        days = [column("lines", LENGTHS[length], row) for row in self._lines(order)]
        return max((each for each in days if isinstance(each, int)), default=None)

    def _lines(self, order: object) -> list[Row]:
        return [row for row in self.facts.rows.get("lines", ()) if column("lines", "order_id", row) == order]

    # --- conditions -------------------------------------------------------------------------------------------------

    def known(
        self, wanted: Collection[str], at: datetime, subject: Subject | None = None, more: Mapping[str, Value] = NOTHING
    ) -> Known:
        """Values of these names as of an instant: attributes, standing, fields of the subject; `more` as given."""
        now = microseconds(at)
        standing = {name for name in wanted if name in STANDING_TYPES and name not in self.evaluator.attributes}
        bare = frozenset(name for name in wanted if "." not in name) - standing
        values: dict[str, Value] = dict(self.evaluator.fold(bare)(self.facts, now)) if bare else {}
        values |= {name: getattr(self.standing, name) for name in standing}
        heads = {name.partition(".")[0] for name in wanted if "." in name}
        if subject is not None:
            for scope in SCOPES_OF.get(subject.kind, ()):
                if scope in heads:
                    of = subject if scope == subject.kind else Subject("order", subject.order)
                    values |= self._row(SCOPES[scope], self.row(of), now, f"{scope}.")
            if "product" in heads:
                values |= self._products(subject)
        return Known(now, {**values, **more}, _Events(self))

    def _products(self, subject: Subject) -> dict[str, Value]:
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

    def holds(
        self,
        condition: Condition,
        at: datetime,
        subject: Subject | None = None,
        more: Mapping[str, Value] = NOTHING,
        steps: Steps = NOTHING,
        kind: str = "",
    ) -> bool:
        """Whether a condition holds; `steps` are the states of the journey's, `kind` the event that started it."""
        known = self.known(names(condition), at, subject, more)
        asked = Known(known.now, known.attributes, known.happened, steps)
        return self.evaluator.predicate(condition, kind)(asked)


class _Events(Mapping[str, Sequence[Happening]]):
    """The events of each kind, looked up when asked for."""

    def __init__(self, history: History) -> None:
        self._history = history

    def __getitem__(self, kind: str) -> Sequence[Happening]:
        return self._history.happenings(kind)

    def __iter__(self) -> Iterator[str]:
        return iter({each.kind for each in self._history.events})

    def __len__(self) -> int:
        return len({each.kind for each in self._history.events})


def _at(happened: Happened) -> int:
    return happened.at


def _same(fields: Mapping[str, Value]) -> Mapping[str, Value]:
    return fields


def column(relation: str, name: str, row: Row) -> object:
    """A row's value."""
    return row[RELATIONS[relation].slots[name]]
