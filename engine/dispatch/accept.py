"""Accepts an event: the fact, the journeys it starts and those it is told to, in one transaction."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import chain, groupby
from typing import Any

import psycopg

from engine.conditions.operands import instant
from engine.contracts import comparable
from engine.dispatch.held import HOW, hold, too_many
from engine.dispatch.match import Happening, Matcher
from engine.dispatch.standing import Ahead, Order, Shift, Told
from engine.facts.events import Event, Recorded, Refused
from engine.facts.intake import (
    WAITING,
    Sent,
    check_transaction,
    read_event,
    record,
    record_json,
    recording_round,
    replay_refused,
)
from engine.facts.intake.envelope import envelope_violations
from engine.facts.intake.known import Locked, raise_version_of
from engine.facts.intake.locks import lock_batch
from engine.facts.intake.rounds import in_groups, rounds
from engine.facts.matching import Fields
from engine.facts.pipelines import Steps, at_once, in_turns, together

Connection = psycopg.Connection[Any]
log = logging.getLogger("regulars.standing")


def accept(connection: Connection, matcher: Matcher, event: Event, recorded_at: datetime) -> Recorded | Refused:
    """Records an event and what follows from it; the caller commits both or neither.

    An event that is known already changes and starts nothing. One that cannot become a fact is kept and told why.

    Raises:
        psycopg.errors.UniqueViolation: another transaction told the same event of another customer at the same time, or
            an order of the same number; it can be told again.
    """
    check_transaction(connection, recorded_at)
    contract = matcher.events.contracts.get(event.kind)
    if envelope_violations(event) or contract is None or contract.check(event.data):
        # It is kept and told why; the version of its customer's facts is not raised for it.
        return record(connection, event, recorded_at=recorded_at, contracts=matcher.events.contracts)
    with together(connection):
        mine = raise_version_of(connection, event)
        locked = Locked(lambda: [row[0] for row in mine], raised=True)
        (outcome,) = at_once(_round(connection, matcher, [event], recorded_at, locked))
    return outcome


def accept_json(connection: Connection, matcher: Matcher, told: object, recorded_at: datetime) -> Recorded | Refused:
    """Like `accept`, from JSON data: also what is not even an event is kept and told why."""
    event = read_event(told)
    if isinstance(event, Event):
        return accept(connection, matcher, event, recorded_at)
    return record_json(connection, told, recorded_at=recorded_at, contracts=matcher.events.contracts)


def accept_together(
    connection: Connection, matcher: Matcher, events: Sequence[object], recorded_at: datetime
) -> list[Recorded | Refused]:
    """Accepts a batch of JSON data in the caller's transaction, with the results of one by one; gives one for each.

    All customers are locked first, in their order. What events have to do with each other is kept in its order; the
    others are read, judged and written together, in two halves: what one has sent runs while the other goes on.

    Raises:
        psycopg.errors.UniqueViolation: as `accept`; the caller undoes all and tells them one by one.
    """
    told = [read_event(each) for each in events]
    sound = {
        place: each for place, each in enumerate(told) if isinstance(each, Event) and not envelope_violations(each)
    }
    outcomes: dict[int, Recorded | Refused] = {
        place: accept_json(connection, matcher, events[place], recorded_at)
        for place in range(len(events))
        if place not in sound
    }
    batch, places = [*sound.values()], [*sound]
    if batch:
        with together(connection):
            customers = lock_batch(connection, batch)
            locked = Locked(lambda: customers)
            groups = in_groups(connection, batch)
            halves = (groups[::2], groups[1::2])
            lanes = [_lane(connection, matcher, batch, each, recorded_at, locked) for each in halves]
            for found in in_turns(*lanes):
                outcomes |= {places[each]: outcome for each, outcome in found.items()}
    return [outcomes[place] for place in range(len(events))]


def _lane(
    connection: Connection,
    matcher: Matcher,
    batch: Sequence[Event],
    groups: Sequence[Sequence[int]],
    recorded_at: datetime,
    locked: Locked,
) -> Steps[dict[int, Recorded | Refused]]:
    """What becomes of a batch's events by their places."""
    outcomes: dict[int, Recorded | Refused] = {}
    for places in rounds(groups):
        events = [batch[each] for each in places]
        found = yield from _round(connection, matcher, events, recorded_at, locked)
        outcomes.update(zip(places, found, strict=True))
    return outcomes


def _round(
    connection: Connection,
    matcher: Matcher,
    events: Sequence[Event],
    recorded_at: datetime,
    locked: Locked,
) -> Steps[list[Recorded | Refused]]:
    """What becomes of events that have nothing to do with each other: their facts, then standings, then journeys.

    The facts by which a standing is judged are asked for right behind what writes them.
    """
    standings, aheads = matcher.standings, [Ahead()]

    def ask(sent: Sequence[Sent]) -> None:
        aheads.append(standings.ask_ahead(connection, _foreseen(sent, recorded_at)))

    found = yield from recording_round(
        connection,
        events,
        recorded_at=recorded_at,
        contracts=matcher.events.contracts,
        locked=locked,
        also=standings.also if standings.any else None,
        then=ask,
    )
    facts = [each for each in found if isinstance(each, Recorded)]
    yield from _following(connection, matcher, facts, recorded_at, aheads[-1])
    return found


def _foreseen(sent: Iterable[Sent], recorded_at: datetime) -> Iterator[tuple[Order, Sequence[Any]]]:
    """Whom events that are on their way will have judged, with what was read of them before."""
    for each in sent:
        if (incoming := each.incoming) is not None and incoming.also and each.is_new:
            told = Told(frozenset(incoming.wrote), incoming.before)
            at = incoming.event.at.astimezone(UTC)
            yield Order(incoming.customer_id, at, recorded_at, "event", told=told), incoming.also


def accept_waiting(connection: Connection, matcher: Matcher, recorded_at: datetime) -> int:
    """Tries again the events that wait for something an import may have brought; gives how many became facts.

    If they start more journeys than the policy's `mass_start` allows, all of these are held. The caller commits.
    """
    return accept_refused(connection, matcher, recorded_at, WAITING)


def accept_refused(
    connection: Connection, matcher: Matcher, recorded_at: datetime, codes: Sequence[str] | None = None
) -> int:
    """Tries the kept events again, of some codes or of all; gives how many became facts. The caller commits."""
    contracts = matcher.events.contracts
    outcomes = replay_refused(connection, recorded_at=recorded_at, contracts=contracts, codes=codes)
    accepted = [outcome for outcome in outcomes if isinstance(outcome, Recorded) and outcome.fresh]
    started = [each for recorded in accepted for each in _follow(connection, matcher, recorded, recorded_at)]
    if too_many(matcher.rules.policy, len(started)):
        hold(connection, started)
        log.warning("%d journeys at once by events that had waited are held: %s", len(started), HOW)
    return len(accepted)


def _follow(connection: Connection, matcher: Matcher, recorded: Recorded, recorded_at: datetime) -> list[int]:
    """The standing that follows from a fact, then the journeys that follow from both, of which it gives the new."""
    return at_once(_following(connection, matcher, [recorded], recorded_at, Ahead()))


def _following(
    connection: Connection,
    matcher: Matcher,
    recorded: Sequence[Recorded],
    recorded_at: datetime,
    ahead: Ahead,
) -> Steps[list[int]]:
    """What follows from facts that have nothing to do with each other, each with those that it has released.

    What puts an instant right that was known has its customer judged. What changes by that stops journeys and starts
    none.
    """
    fresh = [[one for one in _with_released(each) if one.fresh] for each in recorded]
    judged = [one for each in recorded for one in _with_released(each) if one.fresh or one.wrote]
    more = {one.customer_id for each in recorded for one in each.released}
    shifts = yield from _reevaluating(connection, matcher, judged, recorded_at, ahead.without(more))
    for happening in _corrections(chain.from_iterable(fresh), shifts, recorded_at):
        matcher.tell(connection, happening)
    return [journey for group in fresh for journey in _matched(connection, matcher, group, shifts, recorded_at)]


def _corrections(fresh: Iterable[Recorded], shifts: Mapping[int, Shift], recorded_at: datetime) -> Iterator[Happening]:
    """What has changed for those to whom nothing new has happened."""
    for customer in sorted(shifts.keys() - {each.customer_id for each in fresh}):
        shift = shifts[customer]
        if shift.running and shift.noted:
            changes = tuple(each.change for each in shift.noted)
            at = instant(shift.kept.standing.at)
            yield Happening.of_changes(customer, changes, at, recorded_at, shift.event_id)


def _matched(
    connection: Connection,
    matcher: Matcher,
    group: Sequence[Recorded],
    shifts: Mapping[int, Shift],
    recorded_at: datetime,
) -> list[int]:
    """The journeys that start; those that one of a customer's happenings starts may be told of the next ones."""
    started: list[int] = []
    began: set[int] = set()
    for happening in _happenings(group, shifts, recorded_at, matcher.events.currency):
        customer = happening.customer_id
        running = customer not in shifts or shifts[customer].running or customer in began
        if found := matcher.match(connection, happening, running=running):
            started += found
            began.add(customer)
    return started


def _happenings(
    group: Sequence[Recorded], shifts: Mapping[int, Shift], recorded_at: datetime, currency: str | None
) -> Iterator[Happening]:
    """The events and then the changes that follow from them."""
    for each in group:
        yield _happening(each, recorded_at, currency)
    for customer in sorted({each.customer_id for each in group}):
        if (shift := shifts.get(customer)) is not None and shift.starting:
            at = instant(shift.kept.standing.at)
            yield Happening.of_changes(customer, shift.starting, at, recorded_at, shift.event_id)


def _reevaluating(
    connection: Connection, matcher: Matcher, facts: list[Recorded], recorded_at: datetime, ahead: Ahead
) -> Steps[Mapping[int, Shift]]:
    """Standing is decided before journeys ask for it; those it starts come after those of the events themselves."""
    if not matcher.standings.any or not facts:
        return {}
    return (yield from matcher.standings.reevaluating(connection, list(_orders(facts, recorded_at)), ahead))


def _orders(facts: Sequence[Recorded], recorded_at: datetime) -> Iterator[Order]:
    """Whom to judge, in the customers' order, each as of the last of the events."""
    for customer, group in groupby(sorted(facts, key=lambda each: (each.customer_id, each.at)), _customer):
        own = list(group)
        cells = frozenset(cell for each in own for cell in each.wrote)
        told = Told(cells, min(each.before for each in own))
        corrects = not any(each.fresh for each in own)
        yield Order(customer, own[-1].at, recorded_at, "event", own[-1].event_id, told=told, corrects=corrects)


def _customer(recorded: Recorded) -> int:
    return recorded.customer_id


def _with_released(recorded: Recorded) -> Iterator[Recorded]:
    """The event and those that had waited for it."""
    yield recorded
    for released in recorded.released:
        yield from _with_released(released)


def _happening(recorded: Recorded, recorded_at: datetime, currency: str | None) -> Happening:
    return Happening(
        event_id=recorded.event_id,
        kind=recorded.kind,
        at=recorded.at,
        recorded_at=recorded_at,
        customer_id=recorded.customer_id,
        order_id=recorded.order_id,
        fields=partial(_fields, recorded, currency),
        shipment_id=recorded.shipment_id,
        case_id=recorded.case_id,
    )


def _fields(recorded: Recorded, currency: str | None) -> Fields:
    return comparable(recorded.fields, currency)
