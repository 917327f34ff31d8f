"""Accepts an event: the fact, the journeys it starts and those it is told to, in one transaction."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

import psycopg

from engine.contracts import comparable
from engine.dispatch.match import Happening, Matcher
from engine.facts.events import Event, Recorded, Refused
from engine.facts.intake import record
from engine.facts.matching import Fields
from engine.facts.standing import instant

Connection = psycopg.Connection[Any]


def accept(connection: Connection, matcher: Matcher, event: Event, recorded_at: datetime) -> Recorded | Refused:
    """Records an event and what follows from it; the caller commits both or neither.

    An event that is known already changes and starts nothing. One that cannot become a fact is kept and told why.
    """
    outcome = record(connection, event, recorded_at=recorded_at, contracts=matcher.events.contracts)
    if isinstance(outcome, Recorded):
        fresh = [recorded for recorded in _with_released(outcome) if recorded.fresh]
        changed = _reevaluated(connection, matcher, fresh, recorded_at)
        for happening in (
            *(_happening(recorded, recorded_at, matcher.events.currency) for recorded in fresh),
            *changed,
        ):
            matcher.match(connection, happening)
    return outcome


def _reevaluated(
    connection: Connection, matcher: Matcher, fresh: list[Recorded], recorded_at: datetime
) -> list[Happening]:
    """Standing is decided before journeys ask for it; those it starts come after those of the events themselves."""
    if not matcher.standings.any:
        return []
    last = {recorded.customer_id: recorded for recorded in sorted(fresh, key=lambda each: each.at)}
    changed = []
    for customer_id, recorded in sorted(last.items()):
        shift = matcher.standings.reevaluate(
            connection,
            customer_id,
            recorded.at,
            cause="event",
            recorded_at=recorded_at,
            event_id=recorded.event_id,
        )
        if shift.starting:
            at = instant(shift.kept.standing.at)
            changed.append(Happening.of_changes(customer_id, shift.starting, at, recorded_at, recorded.event_id))
    return changed


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
    )


def _fields(recorded: Recorded, currency: str | None) -> Fields:
    return comparable(recorded.fields, currency)
