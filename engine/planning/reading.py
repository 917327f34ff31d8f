"""Reads many customers for deciders: facts once for all of them, events, tags by hand and the stored standing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from engine.attributes.facts import CustomerFacts
from engine.attributes.relations import RELATIONS
from engine.facts.history import happenings, relations_of, told_events
from engine.facts.read import read_customers
from engine.facts.standing import read_hand_tags, read_standings
from engine.planning.decider import Decider, Events, all_kinds
from engine.standing.decide import HandTag, Standing

Connection = psycopg.Connection[Any]
_NO_EVENTS: Events = {}


@dataclass(frozen=True, slots=True)
class Person:
    """One customer as read. `told` are rows of events, of which `events` makes what a version's rules count."""

    facts: CustomerFacts
    told: Sequence[tuple[Any, ...]]
    hand_tags: Sequence[HandTag]
    previous: Standing | None

    def at(self, now: int) -> int:
        """As of when to decide: never before what is stored."""
        return now if self.previous is None else max(now, self.previous.at)

    def events(self, decider: Decider) -> Events:
        """The events that a version's rules count."""
        if not decider.kinds:
            return _NO_EVENTS
        return happenings(
            self.told, self.facts, decider.kinds, fields=decider.evaluator.event_fields, currency=decider.currency,
            words=decider.rules.words,
        )  # fmt: skip


def people(
    connection: Connection, ids: Sequence[int], deciders: Sequence[Decider], reads: Mapping[str, frozenset[str]]
) -> Iterator[Person]:
    """These customers as the deciders need them, who share a zone; `reads` are the fields of relations to read."""
    kinds, zone = all_kinds(deciders), deciders[0].rules.policy.zone
    whole = {name: frozenset(RELATIONS[name].columns[2:]) for name in relations_of(kinds)}
    facts = read_customers(connection, ids, relations={**reads, **whole}, zone=zone)
    told = told_events(connection, ids, kinds) if kinds else {}
    tags, kept = read_hand_tags(connection, ids), read_standings(connection, ids)
    for each in facts:
        number = each.customer_id
        previous = kept[number].standing if number in kept else None
        yield Person(each, told.get(number, ()), tags.get(number, ()), previous)
