"""Finds whom and what an event is about, and locks the customer."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from engine.facts.event_formats import parse_instant
from engine.facts.events import Contract, Event
from engine.facts.intake.context import AlreadyTold, Incoming, Refusal
from engine.facts.intake.gathering import Gathering
from engine.facts.intake.known import Found, lock_customer, looking_up
from engine.facts.intake.locks import ARRIVAL_LOCK, NEW_CUSTOMER_LOCK, case_arrival, order_arrival
from engine.facts.intake.people import create_customer, profile
from engine.facts.pipelines import at_once

_MAKES_CUSTOMER = ("order.placed", "customer.updated")


@dataclass(frozen=True, slots=True)
class Ahead:
    """What has been looked up for an event that keeps its contract, and what takes the rows of it and of others.

    `locked`: whether that was under the lock of the customer whom it is about.
    """

    found: Found | None
    gathering: Gathering
    locked: bool


def resolve(
    connection: psycopg.Connection[Any],
    event: Event,
    contract: Contract,
    recorded_at: datetime,
    ahead: Ahead | None = None,
) -> Incoming:
    """The event with its shop, customer, order and case; the customer's row is locked until the transaction ends.

    Args:
        connection: in a transaction.
        event: the event.
        contract: of its kind.
        recorded_at: the record instant.
        ahead: what has been looked up for it under the customer's lock.

    Raises:
        Refusal: one of them is not known, or they do not belong together.
        AlreadyTold: the log has the event's key.
    """
    found = _known(ahead.found, event) if ahead else _find(connection, event, contract)
    arrival = _missing(event, contract, found)
    if arrival is not None:
        connection.execute(ARRIVAL_LOCK, [arrival])
        found = _find(connection, event, contract)
        if _missing(event, contract, found) is not None:
            what = arrival.partition(":")[0]
            raise Refusal(f"unknown_{what}", f"{what} {arrival.rpartition('/')[2]!r} is not known", arrival)
    if event.kind.startswith("message.") and found.message_customer is None:
        message = event.data.get("message")
        raise Refusal("unknown_message", f"message {message!r} is not known", f"message:{message}")
    incoming = _incoming(connection, event, contract, recorded_at, found)
    if not incoming.customer_id:
        _make_known(incoming)
    if found.customers - {incoming.customer_id}:
        whose = f"customer {event.customer!r} is not the one whose order, case or message it is"
        raise Refusal("other_customer", whose)
    if ahead is not None and ahead.locked and arrival is None:
        incoming.known = found
    else:
        lock_customer(connection, incoming.customer_id)
    return incoming


def _find(connection: psycopg.Connection[Any], event: Event, contract: Contract) -> Found:
    return _known(at_once(looking_up(connection, [(event, contract)]))[0], event)


def _known(found: Found | None, event: Event) -> Found:
    if found is None:
        raise Refusal("unknown_shop", f"shop {event.shop!r} is not known", f"shop:{event.shop}")
    if found.same_event is not None:
        raise AlreadyTold(found.same_event)
    return found


def _missing(event: Event, contract: Contract, found: Found) -> str | None:
    """The arrival of the order or case that the event needs and that is not known.

    Raises:
        Refusal: the event needs an order and names none.
    """
    about_order = contract.subject in ("order", "shipment")
    if about_order and event.order is None:
        raise Refusal(
            "malformed", f"order: found nothing, expected the order's number, since {event.kind} is about one"
        )
    if event.kind != "order.placed" and event.order is not None and found.order_id is None:
        return order_arrival(event)
    if contract.subject == "case" and event.kind != "case.opened" and found.case_id is None:
        return case_arrival(event)
    return None


def _incoming(
    connection: psycopg.Connection[Any], event: Event, contract: Contract, recorded_at: datetime, found: Found
) -> Incoming:
    return Incoming(
        connection=connection,
        event=event,
        contract=contract,
        recorded_at=recorded_at,
        shop_id=found.shop_id,
        currency=found.currency,
        shop_country=found.country,
        customer_id=found.customer_id or 0,
        order_id=found.order_id if found.order_id is not None else found.case_order,
        case_id=found.case_id,
    )


def _make_known(incoming: Incoming) -> None:
    """Creates the customer of an order or sign-up, alone even if two transactions hear of the same new customer."""
    event = incoming.event
    if event.customer is None:
        raise Refusal("unknown_customer", f"customer: found nothing, expected the key of {event.kind}'s customer")
    incoming.connection.execute(NEW_CUSTOMER_LOCK, [event.customer])
    again = _find(incoming.connection, event, incoming.contract)
    if again.named is not None:
        incoming.customer_id = again.named
        return
    told = event.data if event.kind == "customer.updated" else event.data.get("customer")
    arrival = f"customer:{event.shop}/{event.customer}"
    if event.kind not in _MAKES_CUSTOMER or told is None:
        raise Refusal("unknown_customer", f"customer {event.customer!r} is not known", arrival)
    since = event.data.get("known_since") if event.kind == "customer.updated" else None
    signed_up = event.at if event.kind == "customer.updated" else None
    incoming.customer_id = create_customer(
        incoming.connection,
        shop=(incoming.shop_id, event.shop),
        key=event.customer,
        columns=profile(told, incoming.shop_country, incoming.notes),
        known_since=parse_instant(since) if since else signed_up,
        recorded_at=incoming.recorded_at,
    )
    incoming.customer_is_new = True
    incoming.arrived.append(arrival)
