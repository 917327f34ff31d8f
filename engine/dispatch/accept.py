"""Accepts an event: the fact, the journeys it starts and those it is told to, in one transaction."""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any

import psycopg

from engine.conditions.operands import instant
from engine.contracts import comparable
from engine.dispatch.held import HOW, hold, too_many
from engine.dispatch.match import Happening, Matcher
from engine.dispatch.standing import Order, Told
from engine.facts.events import Event, Recorded, Refused
from engine.facts.intake import WAITING, record, record_json, replay_refused
from engine.facts.matching import Fields

Connection = psycopg.Connection[Any]
log = logging.getLogger("regulars.standing")


def accept(connection: Connection, matcher: Matcher, event: Event, recorded_at: datetime) -> Recorded | Refused:
    """Records an event and what follows from it; the caller commits both or neither.

    An event that is known already changes and starts nothing. One that cannot become a fact is kept and told why.
    """
    outcome = record(connection, event, recorded_at=recorded_at, contracts=matcher.events.contracts)
    if isinstance(outcome, Recorded):
        _follow(connection, matcher, outcome, recorded_at)
    return outcome


def accept_json(connection: Connection, matcher: Matcher, told: object, recorded_at: datetime) -> Recorded | Refused:
    """Like `accept`, from JSON data: also what is not even an event is kept and told why."""
    outcome = record_json(connection, told, recorded_at=recorded_at, contracts=matcher.events.contracts)
    if isinstance(outcome, Recorded):
        _follow(connection, matcher, outcome, recorded_at)
    return outcome


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
    fresh = [each for each in _with_released(recorded) if each.fresh]
    changed = _reevaluated(connection, matcher, fresh, recorded_at)
    happenings = [_happening(each, recorded_at, matcher.events.currency) for each in fresh]
    return [each for happening in (*happenings, *changed) for each in matcher.match(connection, happening)]


def _reevaluated(
    connection: Connection, matcher: Matcher, fresh: list[Recorded], recorded_at: datetime
) -> list[Happening]:
    """Standing is decided before journeys ask for it; those it starts come after those of the events themselves."""
    if not matcher.standings.any:
        return []
    orders = {order.customer_id: order for order in _orders(fresh, recorded_at)}
    shifts = matcher.standings.reevaluate_all(connection, list(orders.values()))
    return [
        Happening.of_changes(
            customer, shift.starting, instant(shift.kept.standing.at), recorded_at, orders[customer].event_id
        )
        for customer, shift in shifts.items()
        if shift.starting
    ]


def _orders(fresh: Sequence[Recorded], recorded_at: datetime) -> Iterator[Order]:
    """Whom to judge, in the customers' order, each as of the last of the events."""
    for customer, group in groupby(sorted(fresh, key=lambda each: (each.customer_id, each.at)), _customer):
        own = list(group)
        cells = frozenset(cell for each in own for cell in each.wrote)
        told = Told(cells, min(each.before for each in own))
        yield Order(customer, own[-1].at, recorded_at, "event", own[-1].event_id, told=told)


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
