"""Finds whom and what an event is about, and locks the customer."""

from datetime import datetime
from typing import Any

import psycopg

from engine.facts.event_formats import parse_instant
from engine.facts.events import Contract, Event
from engine.facts.intake.context import AlreadyTold, Incoming, Refusal
from engine.facts.intake.locks import NEW_CUSTOMER_LOCK
from engine.facts.intake.people import create_customer, profile

_FIND = """
select s.id, s.currency, s.country,
       (select customer_id from customer_identities
         where shop_id = s.id and platform = 'shop' and key = %(customer)s) as named,
       o.id, o.customer_id, c.id, c.customer_id, c.order_id, m.customer_id,
       (select id from events where shop_id = s.id and key = %(key)s)
  from shops s
  left join orders o on o.shop_id = s.id and o.number = %(order)s
  left join cases c on c.key = %(case)s
  left join messages m on m.key = %(message)s
 where s.key = %(shop)s
"""
_MAKES_CUSTOMER = ("order.placed", "customer.updated")


def resolve(connection: psycopg.Connection[Any], event: Event, contract: Contract, recorded_at: datetime) -> Incoming:
    """The event with its shop, customer, order and case; the customer's row is locked until the transaction ends.

    Raises:
        Refusal: one of them is not known, or they do not belong together.
        AlreadyTold: the log has the event's key.
    """
    found = connection.execute(_FIND, _keys(event)).fetchone()
    if found is None:
        raise Refusal("unknown_shop", f"shop {event.shop!r} is not known", f"shop:{event.shop}")
    shop_id, currency, country, named, order_id, order_customer = found[:6]
    case_id, case_customer, case_order, message_customer, same_id = found[6:]
    if same_id is not None:
        raise AlreadyTold(same_id)
    _require_subject(event, contract, order_id, case_id, message_customer)
    others = {each for each in (order_customer, case_customer, message_customer) if each is not None}
    customer_id = named if named is not None else next(iter(others), None) if event.customer is None else None
    incoming = Incoming(
        connection=connection,
        event=event,
        contract=contract,
        recorded_at=recorded_at,
        shop_id=shop_id,
        currency=currency,
        shop_country=country,
        customer_id=customer_id or 0,
        order_id=order_id if order_id is not None else case_order,
        case_id=case_id,
    )
    if customer_id is None:
        _make_known(incoming)
    if others - {incoming.customer_id}:
        raise Refusal(
            "other_customer", f"customer {event.customer!r} is not the one whose order, case or message it is"
        )
    connection.execute("select 1 from customers where id = %s for update", [incoming.customer_id])
    return incoming


def _keys(event: Event) -> dict[str, object]:
    def named(name: str, prefix: str) -> object:
        return event.data.get(name) if event.kind.startswith(prefix) else None

    return {
        "shop": event.shop,
        "customer": event.customer,
        "order": event.order,
        "key": event.key,
        "case": named("case", "case."),
        "message": named("message", "message."),
    }


def _require_subject(
    event: Event, contract: Contract, order_id: int | None, case_id: int | None, message_customer: int | None
) -> None:
    needs_order = contract.subject in ("order", "shipment") or (
        event.order is not None and event.kind != "order.placed"
    )
    if needs_order and event.order is None:
        raise Refusal("malformed", f"{event.kind} needs the order's number in `order`")
    if needs_order and event.kind != "order.placed" and order_id is None:
        waits = f"order:{event.shop}/{event.order}"
        raise Refusal("unknown_order", f"order {event.order!r} is not known", waits)
    if contract.subject == "case" and event.kind != "case.opened" and case_id is None:
        case = event.data.get("case")
        raise Refusal("unknown_case", f"case {case!r} is not known", f"case:{event.shop}/{case}")
    if event.kind.startswith("message.") and message_customer is None:
        message = event.data.get("message")
        raise Refusal("unknown_message", f"message {message!r} is not known", f"message:{message}")


def _make_known(incoming: Incoming) -> None:
    """Creates the customer of an order or sign-up, alone even if two transactions hear of the same new customer."""
    event = incoming.event
    told = event.data if event.kind == "customer.updated" else event.data.get("customer")
    if event.customer is None:
        raise Refusal("unknown_customer", f"{event.kind} names no customer in `customer`")
    if event.kind not in _MAKES_CUSTOMER or told is None:
        waits = f"customer:{event.shop}/{event.customer}"
        raise Refusal("unknown_customer", f"customer {event.customer!r} is not known", waits)
    incoming.connection.execute(NEW_CUSTOMER_LOCK, [event.customer])
    again = incoming.connection.execute(_FIND, _keys(event)).fetchone()
    if again is not None and again[3] is not None:
        incoming.customer_id = again[3]
        return
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
    incoming.arrived.append(f"customer:{event.shop}/{event.customer}")
