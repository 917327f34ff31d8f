"""A customer's standing judged anew and stored, in the caller's transaction and under the customer's lock."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import psycopg

from engine.attributes.facts import CustomerFacts
from engine.attributes.relations import RELATIONS
from engine.conditions.environment import Catalogue, Happening
from engine.conditions.operands import instant, microseconds
from engine.dispatch.versions import StoredVersions
from engine.facts.evaluate import Evaluator, evaluator
from engine.facts.happenings import EventFields, happenings, relations_of
from engine.facts.history import told_events
from engine.facts.read import read_customers
from engine.facts.standing import (
    STALE,
    Kept,
    Noted,
    Published,
    published_cut_offs,
    read_hand_tags,
    read_standings,
    write_changes,
    write_standing,
)
from engine.language.rules import Rules
from engine.standing.decide import Change, HandTag
from engine.standing.digest import digests, of_cut_offs
from engine.standing.judge import Judge, Judgement

Connection = psycopg.Connection[Any]
BASELINE = "baseline"


@dataclass(frozen=True, slots=True)
class Read:
    """One customer as read: facts, events that rules count, hand tags."""

    facts: CustomerFacts
    events: Mapping[str, Sequence[Happening]]
    hand_tags: Sequence[HandTag]


@dataclass(frozen=True, slots=True)
class Shift:
    """What a new judgement is to be stored as, and the changes of it that may start journeys."""

    kept: Kept
    noted: tuple[Noted, ...]
    starting: tuple[Change, ...]


@dataclass
class Standings:
    """The rules of standing of one version, compiled, over the facts.

    Args:
        rules: the rules.
        versions: earlier versions, to tell which rules are new.
        currency: the reporting currency.
    """

    rules: Rules
    versions: StoredVersions
    currency: str | None
    _digests: dict[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def any(self) -> bool:
        """Whether the rules give any standing."""
        own = self.rules.standing
        return bool(own.tags or own.segments or own.lifecycle or own.tiers or own.rfm)

    @cached_property
    def _evaluator(self) -> Evaluator:
        return evaluator(self.rules.catalogue, self.currency, self.rules.words)

    @property
    def catalogue(self) -> Catalogue:
        """Types of attributes and of the events' fields, and the reporting currency."""
        return self._evaluator.catalogue

    @property
    def event_fields(self) -> EventFields:
        """The fields of each kind of event, as its contract has them."""
        return self._evaluator.event_fields

    @cached_property
    def judge(self) -> Judge:
        """The compiled rules."""
        rules = self.rules
        return Judge(rules.standing, rules.catalogue, self._evaluator.catalogue, rules.policy.zone, rules.words)

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """What tells each part of the rules from its earlier and later forms."""
        return digests(self.rules.standing, self.rules.catalogue, self.rules.words)

    @cached_property
    def _of_cut_offs(self) -> frozenset[str]:
        return of_cut_offs(self.rules.standing)

    @cached_property
    def _reads(self) -> dict[str, frozenset[str]]:
        whole = {name: frozenset(RELATIONS[name].columns[2:]) for name in relations_of(self.judge.events)}
        return {**self.judge.reads, **whole}

    def published(self, connection: Connection) -> Published | None:
        """The cut-offs in force."""
        return published_cut_offs(connection, self.digests)

    def read(self, connection: Connection, ids: Sequence[int]) -> list[Read]:
        """The facts of these customers, by a few queries for all of them."""
        kinds, zone = self.judge.events, self.rules.policy.zone
        facts = read_customers(connection, ids, relations=self._reads, zone=zone)
        told = told_events(connection, ids, kinds) if kinds else {}
        tags = read_hand_tags(connection, ids)
        return [
            Read(each, self._events(each, told.get(each.customer_id, ()), kinds), tags.get(each.customer_id, ()))
            for each in facts
        ]

    def _events(
        self, facts: CustomerFacts, told: Sequence[tuple[Any, ...]], kinds: Collection[str]
    ) -> Mapping[str, Sequence[Happening]]:
        if not kinds:
            return {}
        return happenings(
            told, facts, kinds, fields=self._evaluator.event_fields, currency=self.currency, words=self.rules.words
        )

    def judged(self, read: Read, at: int, kept: Kept | None, published: Published | None) -> Judgement:
        """A customer's judgement as of `at`, microseconds since the epoch."""
        return self.judge(
            read.facts,
            at,
            cut_offs=published.values if published else None,
            previous=kept.standing if kept else None,
            hand_tags=read.hand_tags,
            events=read.events,
        )

    def reevaluate(
        self,
        connection: Connection,
        customer_id: int,
        at: datetime,
        *,
        cause: str,
        recorded_at: datetime,
        event_id: int | None = None,
        newcomer: bool | None = None,
    ) -> Shift:
        """Judges one customer and stores the standing, its changes and the next flip.

        Args:
            connection: in a transaction that holds the customer's lock; the caller commits.
            customer_id: our number of the customer.
            at: the logical instant; never earlier than that of the standing before.
            cause: event, flip or hand; what a rule says for the first time is noted as baseline and starts nothing.
            recorded_at: the record instant.
            event_id: the event that caused it.
            newcomer: whether a customer without a standing came to be known just now, so that it is no baseline; by
                default the customer's record instant tells.

        Raises:
            LookupError: there is no such customer.
        """
        kept = read_standings(connection, [customer_id]).get(customer_id)
        as_of = max(microseconds(min(at, recorded_at)), kept.standing.at if kept else 0)
        published = self.published(connection)
        found = self.read(connection, [customer_id])
        version, recorded_now = _customer(connection, customer_id, recorded_at)
        new = recorded_now if newcomer is None else newcomer
        if not found:
            raise LookupError(f"there is no customer {customer_id}")
        judgement = self.judged(found[0], as_of, kept, published)
        first = frozenset() if kept is None and new else self.first_said(connection, kept, published)
        shift = self.shift(judgement, customer_id, version, published, cause=cause, first=first, event_id=event_id)
        write_standing(connection, customer_id, shift.kept)
        write_changes(connection, shift.noted, recorded_at)
        return shift

    def shift(
        self,
        judgement: Judgement,
        customer_id: int,
        fact_version: int,
        published: Published | None,
        *,
        cause: str,
        first: frozenset[str],
        event_id: int | None = None,
    ) -> Shift:
        """What a judgement is stored as. `first`: parts of the rules whose changes are a baseline."""
        number, version = published.id if published else None, self.rules.version
        at, noted, starting = instant(judgement.standing.at), [], []
        for change in judgement.changes:
            is_first = part_of(change) in first
            why = BASELINE if is_first else cause
            noted.append(Noted(customer_id, change, at, why, version, number, event_id))
            if not is_first:
                starting.append(change)
        kept = Kept(judgement.standing, version, number, fact_version, judgement.next_flip)
        return Shift(kept, tuple(noted), tuple(starting))

    def first_said(self, connection: Connection, kept: Kept | None, published: Published | None) -> frozenset[str]:
        """The parts of the rules that say something of this customer, or of imported facts, for the first time."""
        if kept is None or kept.fact_version == STALE:
            return frozenset(self.digests)
        known = self._known(connection, kept.version)
        first = {part for part, digest in self.digests.items() if known.get(part) != digest}
        if kept.cut_offs_id is None and published is not None:
            first |= self._of_cut_offs
        return frozenset(first)

    def _known(self, connection: Connection, version: str) -> Mapping[str, str]:
        """The digests of another version's parts; of one that is not kept nothing is known."""
        if version == self.rules.version:
            return self.digests
        if version not in self._digests:
            try:
                rules = self.versions.get(connection, version)
            except LookupError:
                return {}
            self._digests[version] = digests(rules.standing, rules.catalogue, rules.words)
        return self._digests[version]


def part_of(change: Change) -> str:
    """The part of the rules that a change comes from."""
    if change.kind in ("tag", "segment"):
        return f"{change.kind} {change.before or change.after}"
    return "rfm" if change.kind == "rfm_group" else change.kind


def _customer(connection: Connection, customer_id: int, recorded_at: datetime) -> tuple[int, bool]:
    """The fact version, and whether the customer came to be known by what is recorded now."""
    row = connection.execute(
        "select fact_version, recorded_at = %s from customers where id = %s", (recorded_at, customer_id)
    ).fetchone()
    return (int(row[0]), bool(row[1])) if row else (0, False)
