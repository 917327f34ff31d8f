"""Attributes and conditions of one version of the rules, compiled once and kept: whoever has the facts can ask."""

from collections.abc import Mapping
from functools import cache

from engine.attributes.definition import AttributeDefinition
from engine.attributes.fold import Fold, compile_fold
from engine.attributes.keywords import Words
from engine.attributes.relations import EVENT_SOURCES, PRODUCT_FIELDS, RELATIONS, SCOPES
from engine.conditions.ast import Condition
from engine.conditions.compile import Predicate, compile_condition
from engine.conditions.environment import Catalogue, Types
from engine.conditions.types import Type
from engine.facts.event_contracts import load_contracts
from engine.facts.happenings import EventFields
from engine.standing.decide import STANDING_TYPES

Attributes = Mapping[str, AttributeDefinition]
SCOPES_OF: Mapping[str, tuple[str, ...]] = {"order": ("order",), "shipment": ("shipment", "order"), "case": ("case",)}
"""Which scopes a journey's conditions may name, by its subject."""


class Compiled:
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

    def fold(self, asked: frozenset[str]) -> Fold:
        """These attributes, folded together."""
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
