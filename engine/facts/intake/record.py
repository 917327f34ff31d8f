"""Takes events in: each becomes a fact under its customer's lock, or is refused, kept and told why."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from engine.contracts import values_of
from engine.facts.events import Contract, Event, Recorded, Refused, Violation
from engine.facts.intake import aftersales, orders, people, placing, responses
from engine.facts.intake.context import AlreadyTold, Incoming, Refusal
from engine.facts.intake.envelope import envelope_violations, read_event
from engine.facts.intake.gathering import Gathering
from engine.facts.intake.known import Also, Found, Locked, looking_up
from engine.facts.intake.locks import lock_arrivals, lock_batch
from engine.facts.intake.refused import all_open, keep, settle, told_of, waiting
from engine.facts.intake.resolve import Ahead, resolve
from engine.facts.pipelines import Steps, answers, done

_HANDLERS: Mapping[str, Callable[[Incoming], None]] = {
    "order.placed": placing.order_placed,
    **dict.fromkeys(orders.INSTANTS, orders.order_progressed),
    **dict.fromkeys(aftersales.SHIPMENT_INSTANTS, aftersales.shipment_progressed),
    "shipment.delayed": aftersales.shipment_delayed,
    "return.requested": aftersales.return_requested,
    "return.received": aftersales.return_progressed,
    "return.refunded": aftersales.return_progressed,
    "review.created": aftersales.review_created,
    "coupon.redeemed": aftersales.coupon_redeemed,
    "case.opened": aftersales.case_opened,
    "case.answered": aftersales.case_answered,
    "case.closed": aftersales.case_closed,
    "case.reopened": aftersales.case_reopened,
    "customer.updated": people.customer_updated,
    "consent.changed": people.consent_changed,
    "suppression.added": people.suppression_added,
    "suppression.lifted": people.suppression_lifted,
    **dict.fromkeys((f"site.{kind}" for kind in responses.SITE_KINDS), responses.site_event),
    **dict.fromkeys((f"message.{kind}" for kind in responses.MESSAGE_KINDS), responses.message_event),
}
WAITING = (
    "unknown_shop", "unknown_customer", "unknown_order", "unknown_shipment", "unknown_return", "unknown_case",
    "unknown_message",
)  # fmt: skip
"""Codes of refusals that may pass by themselves."""
_WAITED_FOR = "select distinct waits_for from refused_events where waits_for = any(%s) and replayed_at is null"


def record(
    connection: psycopg.Connection[Any],
    event: Event,
    *,
    recorded_at: datetime,
    contracts: Mapping[str, Contract],
) -> Recorded | Refused:
    """Writes one event and the fact it tells, inside the caller's transaction, which the caller commits.

    Locks the customer's row. The same event twice gives the earlier row and changes nothing. An event about an order,
    customer, case or return that is not known is kept, and becomes a fact with the arrival of what it waits for.

    Args:
        connection: in or before a transaction; nothing is committed here.
        event: what the shop told.
        recorded_at: the record instant, aware.
        contracts: of `load_contracts`.

    Raises:
        ValueError: the connection commits each statement by itself, or `recorded_at` has no zone.
    """
    check_transaction(connection, recorded_at)
    return _taken(connection, event, recorded_at, contracts, refused_id=None)


def check_transaction(connection: psycopg.Connection[Any], recorded_at: datetime) -> None:
    """Holds what is needed of whoever takes an event in.

    Raises:
        ValueError: the connection commits each statement by itself, or `recorded_at` has no zone.
    """
    if connection.autocommit and connection.info.transaction_status is TransactionStatus.IDLE:
        raise ValueError("an event and what follows from it need one transaction, this connection opens none")
    if recorded_at.tzinfo is None:
        raise ValueError("the record instant has no zone")


def record_json(
    connection: psycopg.Connection[Any],
    told: object,
    *,
    recorded_at: datetime,
    contracts: Mapping[str, Contract],
) -> Recorded | Refused:
    """Like `record`, from the JSON that a shop sends: also what is not even an event is kept and told why."""
    event = read_event(told)
    if isinstance(event, Event):
        return record(connection, event, recorded_at=recorded_at, contracts=contracts)
    shown = told if isinstance(told, Mapping) else {"told": told}
    return _keep_violations(connection, shown, "malformed", event, recorded_at)


def record_many(
    connection: psycopg.Connection[Any],
    events: Sequence[Event],
    *,
    recorded_at: datetime,
    contracts: Mapping[str, Contract],
) -> list[Recorded | Refused]:
    """Records a batch in the order given; all its customers are locked first, in one order over all transactions."""
    sound = [event for event in events if not envelope_violations(event)]
    lock_batch(connection, sound)
    return [record(connection, event, recorded_at=recorded_at, contracts=contracts) for event in events]


def recording_round(
    connection: psycopg.Connection[Any],
    events: Sequence[Event],
    *,
    recorded_at: datetime,
    contracts: Mapping[str, Contract],
    locked: Locked,
    also: Also | None = None,
    then: Callable[[Sequence["Sent"]], object] = lambda _: None,
) -> Steps[list[Recorded | Refused]]:
    """In a pipeline, records events of which no two have to do with each other.

    What they name is looked up by one statement, and what they write is sent without waiting.

    Args:
        connection: in a transaction.
        events: their envelopes are sound.
        recorded_at: the record instant.
        contracts: of `load_contracts`.
        locked: at least their customers that are known.
        also: what else is to be read of their customers, under their locks and before the events.
        then: sends what asks for what the events have written; told of those that are on their way.

    Raises:
        psycopg.errors.UniqueViolation: another transaction has told one of them of another customer meanwhile; in a
            pipeline it may be raised by what comes later.
    """
    gathering = Gathering()
    found = yield from _looking_ahead(connection, events, contracts, also)
    customers = {*locked.customers(), *locked.made}
    ahead = {}
    for place, row in found.items():
        is_locked = row is not None and row.customer_id in customers
        if locked.raised and is_locked and row is not None:
            row = row._replace(before=(row.before or 0) - 1)  # noqa: PLW2901 -- as it was before
        ahead[place] = Ahead(row, gathering, is_locked)
    sent = [
        _take(connection, event, recorded_at, contracts, None, ahead.get(place), gathering)
        for place, event in enumerate(events)
    ]
    locked.made.update(each.made for each in sent if isinstance(each, Sent) and each.made is not None)
    arrived = _arrived(sent)

    def write() -> list[psycopg.Cursor[Any]]:
        gathering.write(connection, customers if locked.raised else ())
        if arrived:
            lock_arrivals(connection, arrived)
        then([each for each in sent if isinstance(each, Sent)])
        return [connection.execute(_WAITED_FOR, [arrived])] if arrived else []

    waited_for = set[str]()
    if arrived:
        (rows,) = yield from answers(write)
        waited_for |= {name for (name,) in rows}
    else:
        yield from done(write)
    return _finished(connection, sent, waited_for, recorded_at, contracts)


def _looking_ahead(
    connection: psycopg.Connection[Any], events: Sequence[Event], contracts: Mapping[str, Contract], also: Also | None
) -> Steps[dict[int, Found | None]]:
    """What is known of each event, by its place; nothing of those that will be refused for what they say."""
    asked = [(place, each, contracts[each.kind]) for place, each in enumerate(events) if each.kind in contracts]
    sound = [each for each in asked if not each[2].check(each[1].data)]
    if not sound:
        return {}
    found = yield from looking_up(connection, [(event, of) for _, event, of in sound], also)
    return {place: row for (place, *_), row in zip(sound, found, strict=True)}


def replay_refused(
    connection: psycopg.Connection[Any],
    *,
    recorded_at: datetime,
    contracts: Mapping[str, Contract],
    codes: Sequence[str] | None = None,
) -> list[Recorded | Refused]:
    """Tries the kept events again, e.g. after an import or a new contract; `codes` limits it to some reasons.

    Each `Recorded` may start journeys, as if it came now. `WAITING` names the codes of events that wait for something:
    an import brings orders and customers without looking for events that wait for them.
    """
    kept = all_open(connection, codes)
    events = (read_event(told) for _, told in kept)
    lock_batch(connection, [event for event in events if isinstance(event, Event)])
    return [
        outcome
        for refused_id, told in kept
        if (outcome := _retry(connection, refused_id, told, recorded_at, contracts)) is not None
    ]


def _taken(
    connection: psycopg.Connection[Any],
    event: Event,
    recorded_at: datetime,
    contracts: Mapping[str, Contract],
    refused_id: int | None,
) -> Recorded | Refused:
    sent = [_take(connection, event, recorded_at, contracts, refused_id)]
    waited_for = set[str]()
    if arrived := _arrived(sent):
        lock_arrivals(connection, arrived)
        waited_for = {name for (name,) in connection.execute(_WAITED_FOR, [arrived])}
    return _finished(connection, sent, waited_for, recorded_at, contracts)[0]


def _arrived(sent: "Sequence[Refused | Sent]") -> list[str]:
    """What has become known with events, for those that wait for it."""
    return [name for each in sent if isinstance(each, Sent) for name in each.arrived]


def _finished(
    connection: psycopg.Connection[Any],
    sent: "Sequence[Refused | Sent]",
    waited_for: set[str],
    recorded_at: datetime,
    contracts: Mapping[str, Contract],
) -> list[Recorded | Refused]:
    """What became of events whose rows are written, with those that had waited for them."""
    found: list[Recorded | Refused] = []
    for each in sent:
        if isinstance(each, Refused):
            found.append(each)
        else:
            released = waited_for & {*each.arrived}
            found.append(each.recorded(_release(connection, each.arrived, recorded_at, contracts) if released else ()))
    return found


def _take(
    connection: psycopg.Connection[Any],
    event: Event,
    recorded_at: datetime,
    contracts: Mapping[str, Contract],
    refused_id: int | None,
    ahead: Ahead | None = None,
    gathering: Gathering | None = None,
) -> "Refused | Sent":
    envelope = () if ahead else envelope_violations(event)
    if envelope:
        return _keep_violations(connection, told_of(event), "malformed", envelope, recorded_at, refused_id)
    contract = contracts.get(event.kind)
    if contract is None:
        near = difflib.get_close_matches(event.kind, contracts, 1)
        hint = f"did you mean {near[0]!r}?" if near else "add its contract to schemas/events/"
        unknown = (Violation("kind", repr(event.kind), "a kind that has a contract", hint),)
        return _keep_violations(connection, told_of(event), "unknown_kind", unknown, recorded_at, refused_id)
    violations = () if ahead else contract.check(event.data)
    if violations:
        return _keep_violations(connection, told_of(event), "contract_violation", violations, recorded_at, refused_id)
    try:
        sent = _write(connection, event, contract, recorded_at, ahead, gathering)
    except Refusal as refusal:
        return keep(
            connection,
            told_of(event),
            code=refusal.code,
            reason=refusal.reason,
            recorded_at=recorded_at,
            waits_for=refusal.waits_for,
            refused_id=refused_id,
        )
    if refused_id is not None:
        settle(connection, refused_id, recorded_at)
    return sent


@dataclass
class Sent:
    """An event whose statements have been sent; `earlier`: as which it was told before."""

    event: Event
    contract: Contract
    incoming: Incoming | None
    earlier: Recorded | None = None

    @property
    def made(self) -> int | None:
        """The customer whom it has made known."""
        incoming = self.incoming
        return incoming.customer_id if incoming is not None and incoming.customer_is_new else None

    @property
    def is_new(self) -> bool:
        """Whether it is on its way into the log, of a customer who was known."""
        incoming = self.incoming
        written = incoming is not None and incoming.event_id != incoming.told_id and not incoming.customer_is_new
        return written and self.earlier is None

    @property
    def arrived(self) -> list[str]:
        """What has become known with it."""
        return [] if self.incoming is None else self.incoming.arrived

    def recorded(self, released: tuple[Recorded, ...]) -> Recorded:
        """The event as a fact, with those that had waited for it."""
        incoming = self.incoming
        if self.earlier is not None:
            return replace(self.earlier, released=released)
        assert incoming is not None and incoming.event_id is not None  # noqa: PT018 -- every handler logs or raises
        return _recorded(self.event, self.contract, incoming, incoming.event_id, released)


def _write(
    connection: psycopg.Connection[Any],
    event: Event,
    contract: Contract,
    recorded_at: datetime,
    ahead: Ahead | None,
    gathering: Gathering | None,
) -> Sent:
    try:
        incoming = resolve(connection, event, contract, recorded_at, ahead)
    except AlreadyTold as known:
        return Sent(event, contract, None, _earlier(connection, known.event_id, event, contract))
    incoming.gathering = gathering
    try:
        _HANDLERS.get(event.kind, responses.other_event)(incoming)
    except AlreadyTold as known:
        # A customer made known on the way stays known: the transaction that told the event first did the same.
        return Sent(event, contract, incoming, _earlier(connection, known.event_id, event, contract))
    return Sent(event, contract, incoming)


def _recorded(
    event: Event, contract: Contract, incoming: Incoming, event_id: int, released: tuple[Recorded, ...]
) -> Recorded:
    return Recorded(
        event_id=event_id,
        kind=event.kind,
        customer_id=incoming.customer_id,
        at=event.at.astimezone(UTC),
        order_id=incoming.order_id,
        shipment_id=incoming.shipment_id,
        case_id=incoming.case_id,
        fields=values_of(contract.fields, incoming.stored),
        fresh=event_id != incoming.told_id,
        notes=tuple(incoming.notes),
        wrote=frozenset(incoming.wrote),
        before=incoming.before,
        released=released,
    )


def _earlier(connection: psycopg.Connection[Any], event_id: int, event: Event, contract: Contract) -> Recorded:
    row = connection.execute(
        "select kind, customer_id, order_id, at, data from events where id = %s", [event_id]
    ).fetchone()
    assert row is not None  # the caller has just met it
    kind, customer_id, order_id, at, data = row
    fields = values_of(contract.fields, data) if kind == event.kind else {}
    return Recorded(event_id, kind, customer_id, at.astimezone(UTC), order_id=order_id, fields=fields, fresh=False)


def _release(
    connection: psycopg.Connection[Any],
    arrived: Sequence[str],
    recorded_at: datetime,
    contracts: Mapping[str, Contract],
) -> tuple[Recorded, ...]:
    released: list[Recorded] = []
    for refused_id, told in waiting(connection, arrived):
        outcome = _retry(connection, refused_id, told, recorded_at, contracts)
        if isinstance(outcome, Recorded):
            released += [replace(outcome, released=()), *outcome.released]
    return tuple(sorted(released, key=lambda each: (each.at, each.event_id)))


def _retry(
    connection: psycopg.Connection[Any],
    refused_id: int,
    told: Mapping[str, Any],
    recorded_at: datetime,
    contracts: Mapping[str, Contract],
) -> Recorded | Refused | None:
    settled = connection.execute(
        "select replayed_at is not null from refused_events where id = %s", [refused_id]
    ).fetchone()
    if settled is None or settled[0]:  # released by an earlier one of the same round
        return None
    event = read_event(told)
    if isinstance(event, Event):
        return _taken(connection, event, recorded_at, contracts, refused_id)
    return _keep_violations(connection, told, "malformed", event, recorded_at, refused_id)


def _keep_violations(
    connection: psycopg.Connection[Any],
    told: Mapping[str, Any],
    code: str,
    violations: Iterable[Violation],
    recorded_at: datetime,
    refused_id: int | None = None,
) -> Refused:
    found = tuple(violations)
    reason = "; ".join(str(each) for each in found)
    return keep(
        connection,
        told,
        code=code,
        reason=reason,
        recorded_at=recorded_at,
        violations=found,
        refused_id=refused_id,
    )
