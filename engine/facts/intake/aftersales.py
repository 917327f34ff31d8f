"""After an order: parcels, returns, reviews, coupons that were used, and the cases of the support team."""

from engine.contracts import money_of
from engine.facts.event_formats import parse_instant
from engine.facts.intake.context import Incoming, Refusal
from engine.facts.intake.locks import case_arrival

SHIPMENT_INSTANTS = {
    "shipment.shipped": "shipped_at",
    "shipment.out_for_delivery": "out_for_delivery_at",
    "shipment.delivered": "delivered_at",
    "shipment.lost": "lost_at",
}
_SHIPMENT = """
insert into shipments as s (order_id, key, carrier, tracking, estimated_at, {column}, recorded_at)
values (%(order)s, %(key)s, %(carrier)s, %(tracking)s, %(estimated_at)s, %(at)s, %(recorded)s)
on conflict (order_id, key) do update set
    carrier = coalesce(s.carrier, excluded.carrier), tracking = coalesce(s.tracking, excluded.tracking),
    estimated_at = coalesce(excluded.estimated_at, s.estimated_at),
    {column} = case when %(corrects)s then excluded.{column} else coalesce(s.{column}, excluded.{column}) end
returning id
"""
_DELAYED = """
insert into shipments as s (order_id, key, estimated_at, recorded_at)
values (%(order)s, %(key)s, %(estimated_at)s, %(recorded)s)
on conflict (order_id, key) do update set estimated_at = coalesce(excluded.estimated_at, s.estimated_at)
returning id
"""
_RETURN = """
insert into returns as r (order_id, key, kind, reason, requested_at, recorded_at)
values (%(order)s, %(key)s, %(kind)s, %(reason)s, %(at)s, %(recorded)s)
on conflict (order_id, key) do update set
    reason = coalesce(r.reason, excluded.reason),
    requested_at = case when %(corrects)s then excluded.requested_at else r.requested_at end
"""
_RETURN_PROGRESS = """
update returns set {column} = case when %(corrects)s then %(at)s else coalesce({column}, %(at)s) end,
       refund_minor = coalesce(refund_minor, %(refund)s), currency = coalesce(currency, %(currency)s)
 where order_id = %(order)s and key = %(key)s
"""
_REVIEW = """
insert into reviews as r (order_id, product_id, key, score, title, body, created_at, answered_at, recorded_at)
values (%(order)s, (select id from products where shop_id = %(shop)s and key = %(product)s), %(key)s, %(score)s,
        %(title)s, %(body)s, %(at)s, %(answered_at)s, %(recorded)s)
on conflict (order_id, key) do update set created_at = coalesce(r.created_at, excluded.created_at),
    answered_at = coalesce(r.answered_at, excluded.answered_at)
"""
_REDEEMED = """
update coupons set redeemed_at = coalesce(redeemed_at, %(at)s),
       redeemed_order_id = case when redeemed_at is null then %(order)s else redeemed_order_id end,
       customer_id = coalesce(customer_id, %(customer)s), issued_at = coalesce(issued_at, %(at)s)
 where code = %(code)s returning pool
"""
_CASE = """
insert into cases as c (customer_id, order_id, key, kind, subject, opened_at, recorded_at)
values (%(customer)s, %(order)s, %(key)s, %(kind)s, %(topic)s, %(at)s, %(recorded)s)
on conflict (key) do update set opened_at = case when %(corrects)s then excluded.opened_at else c.opened_at end
returning id
"""
_ANSWERED = "update cases set answered_at = coalesce(answered_at, %(at)s) where id = %(case)s"
_CLOSED = """
update cases set closed_at = case when %(replaces)s then %(at)s else coalesce(closed_at, %(at)s) end,
       satisfaction = coalesce(%(satisfaction)s, satisfaction)
 where id = %(case)s
"""
_REOPENED = """
select 1 from cases k join events e on e.customer_id = k.customer_id and e.kind = 'case.reopened'
   and e.data ->> 'case' = k.key and e.at between k.closed_at and %(at)s
 where k.id = %(case)s
"""


def shipment_progressed(incoming: Incoming) -> None:
    """Sets one instant of a parcel, which becomes known by its first event, whichever that is."""
    incoming.read_state()
    incoming.log(once=True)
    data = incoming.data
    estimated = data.get("estimated_at")
    row = incoming.fetch(
        _SHIPMENT.format(column=SHIPMENT_INSTANTS[incoming.event.kind]),
        order=incoming.order_id,
        key=data["shipment"],
        carrier=data.get("carrier"),
        tracking=data.get("tracking"),
        estimated_at=parse_instant(estimated) if estimated else None,
        at=incoming.event.at,
        corrects=incoming.corrects,
        recorded=incoming.recorded_at,
    )
    incoming.shipment_id = row["id"] if row else None


def shipment_delayed(incoming: Incoming) -> None:
    """Moves the promised delivery of a parcel, as often as it is told."""
    incoming.read_state()
    incoming.log(once=False)
    estimated = incoming.data.get("estimated_at")
    row = incoming.fetch(
        _DELAYED,
        order=incoming.order_id,
        key=incoming.data["shipment"],
        estimated_at=parse_instant(estimated) if estimated else None,
        recorded=incoming.recorded_at,
    )
    incoming.shipment_id = row["id"] if row else None


def return_requested(incoming: Incoming) -> None:
    """Makes a return known."""
    incoming.read_state()
    incoming.stored.setdefault("type", "return")
    incoming.log(once=True)
    incoming.execute(
        _RETURN,
        order=incoming.order_id,
        key=incoming.data["return"],
        kind=incoming.data.get("type", "return"),
        reason=incoming.data.get("reason"),
        at=incoming.event.at,
        corrects=incoming.corrects,
        recorded=incoming.recorded_at,
    )
    incoming.arrived.append(_return_key(incoming))


def return_progressed(incoming: Incoming) -> None:
    """Sets when a return was received or refunded.

    Raises:
        Refusal: `unknown_return`; it waits for the return.
    """
    incoming.read_state()
    key = incoming.data["return"]
    known = incoming.fetch(
        "select 1 from returns where order_id = %(order)s and key = %(key)s", order=incoming.order_id, key=key
    )
    if known is None:
        raise Refusal("unknown_return", f"return {key!r} is not known", _return_key(incoming))
    incoming.log(once=True)
    refund = money_of(incoming.data["refund"]) if incoming.data.get("refund") else None
    incoming.execute(
        _RETURN_PROGRESS.format(column="received_at" if incoming.event.kind == "return.received" else "refunded_at"),
        order=incoming.order_id,
        key=key,
        at=incoming.event.at,
        refund=refund.minor if refund else None,
        currency=refund.currency if refund else None,
        corrects=incoming.corrects,
    )


def review_created(incoming: Incoming) -> None:
    """Writes a review of an order, or of one of its products."""
    incoming.read_state()
    incoming.log(once=True)
    data = incoming.data
    answered = data.get("answered_at")
    incoming.execute(
        _REVIEW,
        order=incoming.order_id,
        shop=incoming.shop_id,
        product=data.get("product"),
        key=data["review"],
        score=data["score"],
        title=data.get("title"),
        body=data.get("body"),
        at=incoming.event.at,
        answered_at=parse_instant(answered) if answered else None,
        recorded=incoming.recorded_at,
    )


def coupon_redeemed(incoming: Incoming) -> None:
    """Notes that a coupon was used, whoever it was given to; one that we never gave is the customer's from then on.

    Raises:
        Refusal: `unknown_coupon`; no pool has the code, which is not quoted.
    """
    incoming.read_state()
    row = incoming.fetch(
        _REDEEMED,
        code=incoming.data["coupon"],
        at=incoming.event.at,
        order=incoming.order_id,
        customer=incoming.customer_id,
    )
    if row is None:
        raise Refusal("unknown_coupon", "no pool has this code")
    incoming.stored["pool"] = row["pool"]
    incoming.log(once=False)


def case_opened(incoming: Incoming) -> None:
    """Makes a case known."""
    incoming.read_state()
    incoming.log(once=True)
    row = incoming.fetch(
        _CASE,
        customer=incoming.customer_id,
        order=incoming.order_id,
        key=incoming.data["case"],
        kind=incoming.data["type"],
        topic=incoming.data.get("topic"),
        at=incoming.event.at,
        corrects=incoming.corrects,
        recorded=incoming.recorded_at,
    )
    incoming.case_id = row["id"] if row else None
    incoming.arrived.append(case_arrival(incoming.event))


def case_answered(incoming: Incoming) -> None:
    """Sets when a case was first answered."""
    incoming.read_state()
    incoming.log(once=False)
    incoming.execute(_ANSWERED, case=incoming.case_id, at=incoming.event.at)


def case_closed(incoming: Incoming) -> None:
    """Sets when a case was closed: the first time, and anew after each time it was opened again."""
    incoming.read_state()
    anew = incoming.fetch(_REOPENED, case=incoming.case_id, at=incoming.event.at) is not None
    incoming.log(once=not anew)
    incoming.execute(
        _CLOSED,
        case=incoming.case_id,
        at=incoming.event.at,
        satisfaction=incoming.data.get("satisfaction"),
        replaces=anew or incoming.corrects,
    )


def case_reopened(incoming: Incoming) -> None:
    """Notes that a case was opened again. Its closing stays a fact; whether it is open is read from both."""
    incoming.read_state()
    incoming.log(once=False)


def _return_key(incoming: Incoming) -> str:
    return f"return:{incoming.event.shop}/{incoming.event.order}/{incoming.data['return']}"
