"""A customer's standing judged anew and stored, in the caller's transaction and under the customer's lock."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache, cached_property
from itertools import chain, groupby
from typing import Any

import psycopg

from engine.attributes.facts import CustomerFacts
from engine.attributes.relations import RELATIONS
from engine.attributes.sources import Cell, meet, sources
from engine.conditions.environment import Catalogue, Happening
from engine.conditions.operands import instant, microseconds
from engine.dispatch.versions import StoredVersions
from engine.facts.evaluate import Evaluator, evaluator
from engine.facts.history import EventFields, happenings, reading_told, relations_of
from engine.facts.intake.known import Also
from engine.facts.pipelines import Steps, answers, at_once, done
from engine.facts.read import Cursor, ask_relations, facts_of, reading_customers
from engine.facts.situation import Situation, ask_situations, asking_situation, situations
from engine.facts.standing import (
    STALE,
    Kept,
    Noted,
    Published,
    adding_few,
    cut_offs_of,
    published_cut_offs,
    read_hand_tags,
    storing_few,
)
from engine.language.rules import Rules
from engine.standing.decide import Change, HandTag
from engine.standing.digest import digests, of_cut_offs
from engine.standing.focus import Touched
from engine.standing.judge import Before, Focus, Judge, Judgement

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
    event_id: int | None = None
    running: bool = True
    """Whether journeys of the customer may be under way."""


@dataclass(frozen=True, slots=True)
class Told:
    """What events have written of one customer, and the version of the facts before them."""

    cells: frozenset[Cell]
    before: int


@dataclass(frozen=True, slots=True)
class Order:
    """One customer to judge; see `Standings.reevaluate`.

    `corrects`: an instant that was known has been put right, so what changes is a baseline and starts nothing.
    """

    customer_id: int
    at: datetime
    recorded_at: datetime
    cause: str
    event_id: int | None = None
    newcomer: bool | None = None
    told: Told | None = None
    corrects: bool = False

    def as_of(self, kept: Kept | None) -> int:
        """The logical instant, in microseconds since the epoch: no earlier than that of the standing before."""
        return max(microseconds(min(self.at, self.recorded_at)), kept.standing.at if kept else 0)


@dataclass(frozen=True, slots=True)
class Ahead:
    """What was asked of customers together with their events, and is as it will be once these are written.

    `asked` is, for each that can have been touched, of whom the facts were asked for and what will answer. Who needs no
    facts is `judged`, while the database writes.
    """

    known: Mapping[int, Situation] = field(default_factory=dict)
    asked: Mapping[Touched, tuple[list[int], list[Cursor]]] = field(default_factory=dict)
    judged: Mapping[tuple[int, Touched | None], Judgement] = field(default_factory=dict)

    def without(self, customers: Collection[int]) -> "Ahead":
        """Without those to whom more has happened than was foreseen, and what was asked for together with theirs."""
        if not customers:
            return self
        known = {each: situation for each, situation in self.known.items() if each not in customers}
        asked = {touched: each for touched, each in self.asked.items() if not {*customers} & {*each[0]}}
        judged = {key: judgement for key, judgement in self.judged.items() if key[0] not in customers}
        return Ahead(known, asked, judged)


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
    _published: dict[int | None, Published] = field(default_factory=dict)
    _of_cells: dict[frozenset[Cell], Touched | None] = field(default_factory=dict)

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
        return {**self.judge.reads, **_whole(self.judge.events)}

    def published(self, connection: Connection) -> Published | None:
        """The cut-offs in force."""
        return published_cut_offs(connection, self.digests)

    def read(self, connection: Connection, ids: Sequence[int]) -> list[Read]:
        """The facts of these customers, by a few queries for all of them."""
        tags = read_hand_tags(connection, ids)
        return at_once(self._with_events(connection, ids, self._reads, self.judge.events, tags))

    def _reading(
        self,
        connection: Connection,
        ids: list[int],
        focus: Focus | None,
        known: Mapping[int, Situation],
        asked: tuple[list[int], list[Cursor]] | None,
    ) -> Steps[list[Read]]:
        """The facts that a judgement needs; `asked`: of whom those have been asked for."""
        tags = {each: known[each].hand_tags for each in ids}
        if focus is None:
            return (yield from self._with_events(connection, ids, self._reads, self.judge.events, tags))
        kinds, zone = focus.scope.kinds, self.rules.policy.zone
        if not focus.reads and not kinds:
            return [self._nothing_read(known[each], each) for each in ids]
        reads = _focused(focus)
        already = asked[1] if asked is not None and asked[0] == sorted(ids) else None
        found = yield from answers(lambda: already or ask_relations(connection, ids, reads))
        facts = facts_of(ids, reads, found, {each: known[each].zones for each in ids}, zone)
        return (yield from self._telling(connection, facts, kinds, tags))

    def _with_events(
        self,
        connection: Connection,
        ids: Sequence[int],
        reads: Mapping[str, frozenset[str]],
        kinds: frozenset[str],
        tags: Mapping[int, Sequence[HandTag]],
    ) -> Steps[list[Read]]:
        facts = yield from reading_customers(connection, ids, relations=reads, zone=self.rules.policy.zone)
        return (yield from self._telling(connection, facts, kinds, tags))

    def _telling(
        self,
        connection: Connection,
        facts: Sequence[CustomerFacts],
        kinds: frozenset[str],
        tags: Mapping[int, Sequence[HandTag]],
    ) -> Steps[list[Read]]:
        """The events that rules count, beside the facts."""
        ids = [each.customer_id for each in facts]
        told = (yield from reading_told(connection, ids, kinds)) if kinds else {}
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
        return self.judge.apart(
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
        order = Order(customer_id, at, recorded_at, cause, event_id, newcomer)
        shifts = self.reevaluate_all(connection, [order])
        if customer_id not in shifts:
            raise LookupError(f"there is no customer {customer_id}")
        return shifts[customer_id]

    @cached_property
    def also(self) -> Also:
        """What reads where a customer stands together with what is known of an event, for `ask_ahead`."""
        return asking_situation(self.digests, self.judge.reads)

    def ask_ahead(self, connection: Connection, foreseen: Iterable[tuple[Order, Sequence[Any]]]) -> Ahead:
        """Asks for facts that judgements will need: in a pipeline after what writes them, without waiting for it.

        Args:
            connection: in the pipeline.
            foreseen: each judgement to come by one event that is being written, and what `also` has read before it.
        """
        known, touching = dict[int, Situation](), dict[Touched, list[Order]]()
        for order, row in foreseen:
            for customer, before in situations([row], self.judge.reads).items():
                assert order.told is not None  # it is an event that comes
                known[customer] = replace(before, fact_version=order.told.before + 1)
                if (touched := self._touched(order, known[customer])) is not None:
                    touching.setdefault(touched, []).append(order)
        asked, alone = dict[Touched, tuple[list[int], list[Cursor]]](), list[tuple[Order, Touched]]()
        for touched, orders in touching.items():
            if reads := _focused(self.judge.focus(touched)):
                ids = sorted(each.customer_id for each in orders)
                asked[touched] = ids, ask_relations(connection, ids, reads)
            else:
                alone += ((each, touched) for each in orders)
        judged = dict[tuple[int, Touched | None], Judgement]()
        for order, touched in alone:
            customer, situation = order.customer_id, known[order.customer_id]
            if situation.cut_offs_id is None or situation.cut_offs_id in self._published:
                read = self._nothing_read(situation, customer)
                judged[customer, touched] = self._judgement(order, self.judge.focus(touched), read, situation)
        return Ahead(known, asked, judged)

    def _nothing_read(self, situation: Situation, customer_id: int) -> Read:
        """What a judgement that needs no facts is made from."""
        return Read(CustomerFacts(customer_id, self.rules.policy.zone), {}, situation.hand_tags)

    def reevaluate_all(self, connection: Connection, orders: Sequence[Order]) -> dict[int, Shift]:
        """Judges several customers, see `reevaluating`."""
        return at_once(self.reevaluating(connection, orders))

    def reevaluating(
        self, connection: Connection, orders: Sequence[Order], ahead: Ahead | None = None
    ) -> Steps[dict[int, Shift]]:
        """Judges several customers, each by the order of it, and stores all; of who does not exist there is nothing.

        What is read and written is so for all together; the caller holds the customers' locks and commits. `ahead` is
        the answer to `ask_ahead`, for as many of them as it could be foreseen.
        """
        ahead = ahead or Ahead()
        known = dict(ahead.known)
        if missing := [each.customer_id for each in orders if each.customer_id not in known]:
            reads = self.judge.reads
            (rows,) = yield from answers(lambda: [ask_situations(connection, missing, self.digests, reads)])
            known |= situations(rows, reads)
        self._know_cut_offs(connection, {each.cut_offs_id for each in known.values()})
        groups: dict[Touched | None, list[Order]] = {}
        for order in orders:
            if order.customer_id in known:
                groups.setdefault(self._touched(order, known[order.customer_id]), []).append(order)
        shifts: dict[int, Shift] = {}
        for touched, group in groups.items():
            shifts |= yield from self._judging_group(connection, touched, group, known, ahead)
        if shifts:
            writes = [storing_few((customer, shift.kept) for customer, shift in shifts.items())]
            writes += (adding_few(noted, recorded_at) for recorded_at, noted in _by_record(orders, shifts) if noted)
            yield from done(lambda: [connection.execute(*each) for each in writes])
        return shifts

    def _judging_group(
        self,
        connection: Connection,
        touched: Touched | None,
        orders: Sequence[Order],
        known: Mapping[int, Situation],
        ahead: Ahead,
    ) -> Steps[dict[int, Shift]]:
        """Those of whom the same has been touched: their facts are read by the same statements."""
        focus = None if touched is None else self.judge.focus(touched)
        ids = [each.customer_id for each in orders]
        asked = ahead.asked.get(touched) if touched is not None else None
        judged = {each: ahead.judged[each, touched] for each in ids if (each, touched) in ahead.judged}
        if len(judged) < len(ids):
            read = yield from self._reading(connection, ids, focus, known, asked)
            found = {each.facts.customer_id: each for each in read}
            for order in orders:
                customer = order.customer_id
                judged[customer] = self._judgement(order, focus, found[customer], known[customer])
        return {
            each.customer_id: self._shifted(connection, each, judged[each.customer_id], known[each.customer_id])
            for each in orders
        }

    def _judgement(self, order: Order, focus: Focus | None, read: Read, situation: Situation) -> Judgement:
        kept, published = situation.kept, self._published.get(situation.cut_offs_id)
        if focus is None or kept is None:
            return self.judged(read, order.as_of(kept), kept, published)
        return self.judge.touched(
            focus,
            read.facts,
            order.as_of(kept),
            Before(kept.standing, kept.flips or {}),
            cut_offs=published.values if published else None,
            hand_tags=read.hand_tags,
            events=read.events,
        )

    def _shifted(self, connection: Connection, order: Order, judgement: Judgement, situation: Situation) -> Shift:
        kept, published = situation.kept, self._published.get(situation.cut_offs_id)
        new = situation.recorded_at == order.recorded_at if order.newcomer is None else order.newcomer
        first = frozenset() if kept is None and new else self.first_said(connection, kept, published)
        if order.corrects:
            first = frozenset(self.digests)
        shift = self.shift(
            judgement,
            order.customer_id,
            situation.fact_version,
            published,
            cause=order.cause,
            first=first,
            event_id=order.event_id,
        )
        return shift if situation.running else replace(shift, running=False)

    def _touched(self, order: Order, situation: Situation) -> Touched | None:
        """What has been touched since the standing before; None: it may be anything."""
        kept, told = situation.kept, order.told
        if told is None or kept is None or kept.flips is None or kept.version != self.rules.version:
            return None
        if kept.fact_version != told.before or kept.cut_offs_id != situation.cut_offs_id:
            return None
        at = order.as_of(kept)
        turned = kept.next_flip is not None and kept.next_flip <= at
        if turned or not self.judge.tags_stand(kept.standing, at, situation.hand_tags):
            return None
        of_cells = self._touching(told.cells)
        return None if of_cells is None else Touched(of_cells.relations | situation.quiet, of_cells.kinds)

    def _touching(self, cells: frozenset[Cell]) -> Touched | None:
        """The relations and events that these cells are read for; None where a customer's calendar follows from one."""
        if cells not in self._of_cells:
            reads = self.judge.reads
            calendar = sources("customer", frozenset({"zone", "shop_zone"})) & {
                ("customers", "zone"),
                ("shops", "zone"),
            }
            relations = frozenset(name for name, fields in reads.items() if meet(cells, sources(name, fields)))
            kinds = frozenset(kind for kind in self.judge.events if meet(cells, _cells_of(kind)))
            self._of_cells[cells] = None if meet(cells, calendar) else Touched(relations, kinds)
        return self._of_cells[cells]

    def _know_cut_offs(self, connection: Connection, numbers: Collection[int | None]) -> None:
        for number in numbers:
            if number is not None and number not in self._published:
                self._published[number] = cut_offs_of(connection, number, self.digests)

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
        kept = Kept(judgement.standing, version, number, fact_version, judgement.next_flip, judgement.flips)
        return Shift(kept, tuple(noted), tuple(starting), event_id)

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


def _focused(focus: Focus) -> dict[str, frozenset[str]]:
    """The relations that a judgement needs."""
    return {**focus.reads, **_whole(focus.scope.kinds)}


def _whole(kinds: Collection[str]) -> dict[str, frozenset[str]]:
    """The relations that tell events of these kinds, with all their fields."""
    return {name: frozenset(RELATIONS[name].columns[2:]) for name in relations_of(kinds)}


@cache
def _cells_of(kind: str) -> frozenset[Cell]:
    """What the events of a kind are read from: the log, and the relations that tell them."""
    told = (sources(name, fields) for name, fields in _whole((kind,)).items())
    return frozenset({(f"events:{kind}", "kind"), *chain.from_iterable(told)})


def _by_record(orders: Sequence[Order], shifts: Mapping[int, Shift]) -> Iterator[tuple[datetime, list[Noted]]]:
    """The changes in the order asked for, together where they were recorded together."""
    for recorded_at, group in groupby(orders, key=lambda each: each.recorded_at):
        yield (
            recorded_at,
            [each for order in group if order.customer_id in shifts for each in shifts[order.customer_id].noted],
        )
