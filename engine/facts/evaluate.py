"""Conditions asked of the facts in the database, as of an instant."""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import psycopg

from engine.attributes.definition import AttributeDefinition
from engine.attributes.fold import Fold, compile_fold
from engine.attributes.keywords import Words
from engine.attributes.relations import EVENT_SOURCES, PRODUCT_FIELDS, RELATIONS, SCOPES
from engine.conditions.ast import Condition, names
from engine.conditions.compile import Predicate, compile_condition
from engine.conditions.environment import Catalogue, Environment, Happening, Types
from engine.conditions.operands import microseconds
from engine.conditions.trace import Trace, trace
from engine.conditions.types import Type, Value
from engine.contracts import comparable, values_of
from engine.facts.currency import reporting_currency
from engine.facts.event_contracts import load_contracts
from engine.facts.history import EventFields, events
from engine.facts.products import read_products
from engine.facts.read import read_customer, read_scope
from engine.facts.standing import standing_as_of
from engine.facts.steps import read_answers, read_steps
from engine.standing.decide import STANDING_TYPES

__all__ = ["Asked", "Evaluator", "environment", "evaluator", "holds", "reporting_currency"]

Connection = psycopg.Connection[Any]
Attributes = Mapping[str, AttributeDefinition]

_KEPT = 16
SCOPES_OF: Mapping[str, tuple[str, ...]] = {"order": ("order",), "shipment": ("shipment", "order"), "case": ("case",)}


@dataclass(frozen=True, slots=True)
class Asked:
    """Of whom, and as of when: a customer, with the order, shipment or case a journey is about, at an aware instant.

    `subject_id` is our number of the subject. `journey` lets a condition ask for the journey's steps.
    """

    customer: int
    subject: str
    subject_id: int
    at: datetime
    journey: int | None = None


@dataclass(frozen=True)
class Scene:
    """An environment over the database: values are read at once, events and steps when they are first asked for."""

    connection: Connection
    asked: Asked
    evaluator: "Evaluator"
    zone: str
    attributes: Mapping[str, Value]
    _events: dict[str, list[Happening]] = field(default_factory=dict)
    _steps: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def now(self) -> int:
        """The instant, in microseconds since the epoch."""
        return microseconds(self.asked.at)

    def events(self, kind: str) -> Sequence[Happening]:
        """The customer's events of a kind."""
        if kind not in self._events:
            self._events.update(
                events(
                    self.connection,
                    self.asked.customer,
                    {kind},
                    fields=self.evaluator.event_fields,
                    currency=self.evaluator.catalogue.currency,
                    zone=self.zone,
                    words=self.evaluator.words,
                )
            )
        return self._events[kind]

    def steps(self, step: str) -> Collection[str]:
        """What has become of a step of the journey."""
        if not self._steps and self.asked.journey is not None:
            self._steps.update(read_steps(self.connection, self.asked.journey, self.asked.at))
        return self._steps.get(step, frozenset())


class Sources(NamedTuple):
    """Names by where their values come from: attributes, standing, and the scopes (`order`) of all others."""

    attributes: frozenset[str]
    standing: frozenset[str]
    scopes: frozenset[str]


class Evaluator:
    """Attributes and conditions of one version of the rules, compiled once and kept.

    Args:
        attributes: the declared attributes by name.
        currency: the reporting currency.
        event_fields: the fields of each kind of event; default: by the shipped contracts.
        words: the rules' word lists, by which texts have keywords.
    """

    def __init__(
        self,
        attributes: Attributes,
        currency: str | None,
        event_fields: EventFields | None = None,
        words: Words | None = None,
    ) -> None:
        self.attributes, self.words = attributes, words
        self.event_fields = _shipped_fields() if event_fields is None else event_fields
        types: dict[str, Type] = {name: definition.type for name, definition in attributes.items()}
        self.catalogue = Catalogue(
            {**STANDING_TYPES, **types, **_scope_types()}, _event_types(self.event_fields), currency
        )
        self._folds: dict[frozenset[str], Fold] = {}
        self._predicates: dict[tuple[Condition, str], Predicate] = {}

    def environment(
        self, connection: Connection, asked: Asked, wanted: Iterable[str], zone: str = "UTC"
    ) -> Environment:
        """Everything that conditions over these names need.

        Args:
            connection: an open connection whose `search_path` has the tables.
            asked: of whom, and as of when.
            wanted: attributes, names of standing such as `stage`, fields of scopes such as `order.total`, and of what
                steps were answered (`step.reward.balance`).
            zone: serves where neither the customer nor the shop has one.

        Raises:
            LookupError: the customer or subject does not exist.
            ValueError: an attribute is not declared.
        """
        bare, standing, scopes = self.sources(wanted)
        values: dict[str, Value] = {}
        if bare:
            fold = self.fold(bare)
            values = fold(read_customer(connection, asked.customer, relations=fold.reads, zone=zone), asked.at)
        if standing:
            decided = standing_as_of(connection, asked.customer, asked.at)
            values |= {name: decided[name] for name in standing}
        for scope in SCOPES_OF.get(asked.subject, ()):
            values |= self._scope(connection, asked, scope, zone) if scope in scopes else {}
        if "product" in scopes:
            values |= read_products(connection, self._order(connection, asked))
        if asked.journey is not None:
            values |= read_answers(connection, asked.journey, asked.at) if "step" in scopes else {}
            values |= self._trigger(connection, asked.journey)[1] if "trigger" in scopes else {}
        return Scene(connection, asked, self, zone, values)

    def sources(self, wanted: Iterable[str]) -> "Sources":
        """Where the values of these names come from."""
        names = frozenset(wanted)
        standing = names & (STANDING_TYPES.keys() - self.attributes.keys())
        attributes = frozenset(name for name in names if "." not in name) - standing
        scopes = frozenset(name.partition(".")[0] for name in names - attributes - standing)
        return Sources(attributes, standing, scopes)

    def holds(self, connection: Connection, condition: Condition, asked: Asked, zone: str = "UTC") -> bool:
        """Whether a condition holds."""
        wanted = names(condition)
        kind = ""
        if asked.journey is not None and any(name.startswith("trigger.") for name in wanted):
            kind, _ = self._trigger(connection, asked.journey)
        return self.predicate(condition, kind)(self.environment(connection, asked, wanted, zone))

    def explain(self, connection: Connection, condition: Condition, asked: Asked, zone: str = "UTC") -> Trace:
        """The same with every clause's value and verdict."""
        return trace(condition, self.environment(connection, asked, names(condition), zone), self.catalogue)

    def fold(self, asked: frozenset[str]) -> Fold:
        """What computes these attributes of a customer's facts, compiled once."""
        if asked not in self._folds:
            self._folds[asked] = compile_fold(
                self.attributes, currency=self.catalogue.currency, only=asked, words=self.words
            )
        return self._folds[asked]

    def predicate(self, condition: Condition, kind: str = "") -> Predicate:
        """Compiled; `kind` is that of the event that started the journey, whose fields have types of their own."""
        if (condition, kind) not in self._predicates:
            told = {f"trigger.{name}": each for name, each in self.event_fields.get(kind, {}).items()}
            self._predicates[condition, kind] = compile_condition(
                condition,
                currency=self.catalogue.currency,
                types={**self.catalogue.types, **told},
                events=self.catalogue.events,
            )
        return self._predicates[condition, kind]

    def _trigger(self, connection: Connection, journey: int) -> tuple[str, dict[str, Value]]:
        """The event that started a journey: its kind, and its fields as conditions compare them; none of a change."""
        row = connection.execute(
            "select e.kind, e.data from journeys j join events e on e.id = j.event_id where j.id = %s", (journey,)
        ).fetchone()
        if row is None:
            return "", {}
        told = comparable(values_of(self.event_fields.get(row[0], {}), row[1]), self.catalogue.currency)
        return str(row[0]), {f"trigger.{name}": value for name, value in told.items()}

    def _order(self, connection: Connection, asked: Asked) -> int:
        if asked.subject == "order":
            return asked.subject_id
        row = connection.execute("select order_id from shipments where id = %s", (asked.subject_id,)).fetchone()
        if asked.subject != "shipment" or row is None:
            raise LookupError(f"there is no order of {asked.subject} {asked.subject_id}")
        return int(row[0])

    def _scope(self, connection: Connection, asked: Asked, scope: str, zone: str) -> dict[str, Value]:
        number = asked.subject_id if scope == asked.subject else self._order(connection, asked)
        return read_scope(connection, scope, number, asked.at, currency=self.catalogue.currency, zone=zone)


def environment(
    connection: Connection,
    catalogue: Attributes,
    asked: Asked,
    *,
    names: Iterable[str],
    currency: str | None,
    zone: str = "UTC",
) -> Environment:
    """Everything that conditions over `names` need; see `Evaluator.environment`."""
    return evaluator(catalogue, currency).environment(connection, asked, names, zone)


def holds(
    connection: Connection,
    catalogue: Attributes,
    condition: Condition,
    asked: Asked,
    *,
    currency: str | None,
    zone: str = "UTC",
) -> bool:
    """Whether a condition holds; see `Evaluator.holds`."""
    return evaluator(catalogue, currency).holds(connection, condition, asked, zone)


_evaluators: OrderedDict[tuple[int, str | None, int], Evaluator] = OrderedDict()


def evaluator(catalogue: Attributes, currency: str | None, words: Words | None = None) -> Evaluator:
    """The evaluator of a catalogue and word lists, which must not change: the latest ones are kept."""
    # Its evaluator holds the catalogue and the lists, so no others can get their ids meanwhile.
    key = (id(catalogue), currency, id(words))
    if key not in _evaluators:
        _evaluators[key] = Evaluator(catalogue, currency, words=words)
        if len(_evaluators) > _KEPT:
            _evaluators.popitem(last=False)
    return _evaluators[key]


def _scope_types() -> dict[str, Type]:
    return {
        f"{scope}.{name}": each.type
        for scope, relation in SCOPES.items()
        for name, each in RELATIONS[relation].offered.items()
    } | {f"product.{name}": kind for name, (kind, _) in PRODUCT_FIELDS.items()}


def _event_types(fields: EventFields) -> dict[str, Types]:
    """What `did` may ask of a kind of event: its contract's fields, and those of the relation that tells it."""
    types: dict[str, Types] = dict(fields)
    for kind, source in EVENT_SOURCES.items():
        offered = {name: each.type for name, each in RELATIONS[source.relation].offered.items()}
        types[kind] = {**types.get(kind, {}), **offered}
    return types


@cache
def _shipped_fields() -> EventFields:
    return {kind: contract.fields for kind, contract in load_contracts().items()}
