"""The relations that attributes and scopes read, as data.

Over 400 lines: one declaration for each relation, no logic.
Fields are named as rules name them; the same list makes the reading SQL, the fold and the checks of names and types.
"""

from collections.abc import Mapping

from engine.attributes.relation import (
    Bought,
    Derived,
    Elapsed,
    EventSource,
    Field,
    Holds,
    Keywords,
    LaterDay,
    Local,
    OfDate,
    Relation,
)
from engine.conditions.ast import All, Any, Compare, Condition, Not
from engine.conditions.types import Type


def _known(name: str) -> Condition:
    return Compare(name=name, operator="known")


def _true(name: str) -> Condition:
    return Compare(name=name, operator="eq", operand=True)


def _value(kind: Type, sql: str, title: str, *, since: str | None = None) -> Field:
    return Field(type=kind, title=title, sql=sql, since=since)


def _happening(name: str, sql: str, title: str) -> Field:
    return Field(type="instant", title=title, sql=sql, since=name)


def _flag(title: str, condition: Condition) -> Field:
    return Field(type="boolean", title=title, derived=Holds(condition))


def _derived(kind: Type, title: str, derived: Derived) -> Field:
    return Field(type=kind, title=title, derived=derived)


def _hidden(kind: Type, sql: str, title: str, *, since: str | None = None) -> Field:
    return Field(type=kind, title=title, sql=sql, since=since, hidden=True)


_PAID = All(parts=(_known("paid_at"), _true("counts"), Not(part=_known("cancelled_at"))))

_ORDER_ID = Field(type="integer", title="Our number of the order", sql="o.id", hidden=True)

# What an order tells of itself, and to its lines and payments.
_OF_ORDER: dict[str, Field] = {
    "order_id": _ORDER_ID,
    "number": _value("string", "o.number", "The shop's order number"),
    "shop": _value("string", "(select s.key from shops s where s.id = o.shop_id)", "Our name of the shop"),
    "platform": _value("string", "o.platform", "Shop platform or marketplace"),
    "channel": _value("string", "o.channel", "Where the order came from: ad, mail, deal site"),
    "payment_method": _value("string", "o.payment_method", "How the order is paid"),
    "placed_at": _happening("placed_at", "o.placed_at", "When the order was placed"),
    "paid_at": _happening("paid_at", "o.paid_at", "When the order was paid"),
    "delivered_at": _happening("delivered_at", "o.delivered_at", "When the order was delivered"),
    "cancelled_at": _happening("cancelled_at", "o.cancelled_at", "When the order was cancelled"),
    "counts": _value("boolean", "(o.closed is null)", "Not called cancelled or unavailable without an instant"),
    "paid": _flag("Paid, not cancelled, and it counts", _PAID),
    "placed_hour": _derived("integer", "Hour of placing by the customer's clock, 0 to 23", Local("hour", "placed_at")),
    "placed_weekday": _derived(
        "integer", "Weekday of placing by the customer's calendar, 1 is Monday", Local("weekday", "placed_at")
    ),
}


def _of_shop(column: str) -> str:
    return (
        f"(select s.{column} from customer_identities i join shops s on s.id = i.shop_id"  # noqa: S608 -- our own words
        " where i.customer_id = c.id order by i.id limit 1)"
    )


_CUSTOMER = Relation(
    name="customer",
    title="The person",
    source="customers c",
    owner="c.id",
    identity="c.id",
    at=None,
    key="c.key",
    fields={
        "key": _value("string", "c.key", "The shop's name for the customer"),
        "known_since": _happening("known_since", "c.known_since", "Sign-up or first contact"),
        "locale": _value("string", "c.locale", "Language and region, such as pt-BR"),
        "zone": _value("string", "c.zone", "Time zone, such as America/Sao_Paulo"),
        "shop_zone": _hidden("string", _of_shop("zone"), "Time zone of the shop"),
        "shop_country": _hidden("string", _of_shop("country"), "Country of the shop"),
        "country": _value("string", "c.country", "Country, ISO 3166 of two letters"),
        "region": _value("string", "c.region", "Region or state"),
        "city": _value("string", "c.city", "City"),
        "postal_code": _value("string", "c.postal_code", "Postal code"),
        "birthday": _value("date", "c.birthday", "Date of birth"),
        "birth_month": _derived("integer", "Month of birth, 1 to 12", OfDate("month", "birthday")),
        "zodiac": _derived("string", "Sign of the zodiac, such as aries", OfDate("zodiac", "birthday")),
        "source": _value("string", "c.source", "Where the customer was won"),
        "has_email": _value("boolean", "(c.email is not null)", "An e-mail address is known"),
        "has_phone": _value("boolean", "(c.phone is not null)", "A telephone number is known"),
    },
)


def _in_lines(column: str) -> str:
    return (
        f"(select array_agg(distinct {column}) from order_lines l join products p on p.id = l.product_id"  # noqa: S608 -- our own words
        f" where l.order_id = o.id and {column} is not null)"
    )


_ORDERS = Relation(
    name="orders",
    title="Orders",
    source="orders o",
    owner="o.customer_id",
    identity="o.id",
    at="o.placed_at",
    instant="placed_at",
    key="o.number || ' ' || o.shop_id",
    money=True,
    fields={
        **_OF_ORDER,
        "packed_at": _happening("packed_at", "o.packed_at", "When the order was packed"),
        "shipped_at": _happening("shipped_at", "o.shipped_at", "When the order was shipped"),
        "estimated_at": _value("instant", "o.estimated_at", "The promised delivery"),
        "told_at": Field(type="instant", title="When we were told", sql="o.recorded_at", since="told_at", hidden=True),
        "status": _value("string", "o.status", "The source's own word; known from the import on", since="told_at"),
        "closed": _value(
            "string",
            "o.closed",
            "cancelled or unavailable, without an instant; known from the import on",
            since="told_at",
        ),
        "currency": _value("string", "o.currency", "Currency, ISO 4217"),
        "total": _value("money", "o.total_minor", "What the order costs in all"),
        "shipping": _value("money", "o.shipping_minor", "Shipping"),
        "discount": _value("money", "o.discount_minor", "Discount"),
        "category": _value("set", _in_lines("p.category"), "Categories of what was ordered"),
        "product": _value("set", _in_lines("p.key"), "What was ordered"),
        "discounted": _value("boolean", "(coalesce(o.discount_minor, 0) > 0)", "Has a discount"),
        "pieces": _value(
            "integer", "(select sum(l.quantity) from order_lines l where l.order_id = o.id)", "Pieces in all lines"
        ),
        "installments": _value(
            "integer",
            "(select max(y.installments)::bigint from payments y where y.order_id = o.id)",
            "Instalments it is paid in",
        ),
        "ship_to_differs": _value("boolean", "o.ship_to_differs", "Shipped to another address"),
        "reviewed_at": _happening(
            "reviewed_at",
            "(select min(r.created_at) from reviews r where r.order_id = o.id)",
            "When it, or the first of its products, was reviewed",
        ),
        "review_score": _value(
            "integer",
            "(select r.score::bigint from reviews r where r.order_id = o.id order by r.created_at, r.id limit 1)",
            "Score of that review",
            since="reviewed_at",
        ),
        "reviewed": _flag("Reviewed", _known("reviewed_at")),
        "cancelled": _flag("Cancelled or unavailable", Any(parts=(_known("cancelled_at"), _known("closed")))),
        "shipped": _flag("Shipped", _known("shipped_at")),
        "delivered": _flag("Delivered", _known("delivered_at")),
        "late": Field(
            type="boolean",
            title="Delivered on a later day than promised, by the customer's calendar",
            derived=LaterDay("delivered_at", "estimated_at"),
        ),
        "payment_hours": _derived(
            "integer", "Whole hours from placing to payment", Elapsed("placed_at", "paid_at", 3600)
        ),
        "delivery_days": Field(
            type="integer",
            title="Whole days from placing to delivery",
            derived=Elapsed("placed_at", "delivered_at", 86400),
        ),
    },
)

_LINES = Relation(
    name="lines",
    title="Order lines with their product and order",
    source="order_lines l join orders o on o.id = l.order_id left join products p on p.id = l.product_id",
    owner="o.customer_id",
    identity="l.id",
    at="o.placed_at",
    instant="placed_at",
    key="o.number || ' ' || o.shop_id || ' ' || lpad(l.line::text, 6, '0')",
    money=True,
    fields={
        **_OF_ORDER,
        "product": _value("string", "p.key", "The shop's name for the product"),
        "category": _value("string", "p.category", "Product category"),
        "style": _value("string", "p.attributes->>'style'", "The product's style"),
        "size": _value("string", "p.attributes->>'size'", "The product's size"),
        "color": _value("string", "p.attributes->>'color'", "The product's color"),
        "launched_at": _value("instant", "p.launched_at", "When the product was launched"),
        "days_after_launch": _derived(
            "integer",
            "Whole days from the product's launch to the placing; negative before it",
            Elapsed("launched_at", "placed_at", 86400),
        ),
        "settling_days": _value("integer", "p.settling_days", "Days until the product is settled in"),
        "repurchase_days": _value("integer", "p.repurchase_days", "Days until the product is bought again"),
        "seller": _value("string", "l.seller", "Seller"),
        "quantity": _value("integer", "l.quantity", "Pieces"),
        "currency": _value("string", "l.currency", "Currency, ISO 4217"),
        "unit_price": _value("money", "l.unit_price_minor", "Price of one piece"),
        "discount": _value("money", "l.discount_minor", "Discount on the line"),
        "discounted": _value("boolean", "(coalesce(l.discount_minor, 0) > 0)", "Has a discount"),
        "shipping": _value("money", "l.shipping_minor", "Shipping of the line"),
        "amount": _value(
            "money",
            "(l.quantity * l.unit_price_minor - coalesce(l.discount_minor, 0))",
            "Pieces by price less discount",
        ),
    },
)

_PAYMENTS = Relation(
    name="payments",
    title="Payments of orders; without a time of their own at the order's payment",
    source="payments y join orders o on o.id = y.order_id",
    owner="o.customer_id",
    identity="y.id",
    at="coalesce(y.paid_at, o.paid_at)",
    instant="at",
    key="o.number || ' ' || o.shop_id || ' ' || lpad(y.sequence::text, 6, '0')",
    money=True,
    fields={
        **_OF_ORDER,
        "at": _happening("at", "coalesce(y.paid_at, o.paid_at)", "When it was paid"),
        "method": _value("string", "y.method", "How it was paid"),
        "installments": _value("integer", "y.installments", "Instalments"),
        "currency": _value("string", "y.currency", "Currency, ISO 4217"),
        "amount": _value("money", "y.amount_minor", "Amount"),
    },
)

_SHIPMENTS = Relation(
    name="shipments",
    title="Shipments",
    source="shipments h join orders o on o.id = h.order_id",
    owner="o.customer_id",
    identity="h.id",
    at="coalesce(least(h.shipped_at, h.out_for_delivery_at, h.delivered_at, h.lost_at), h.recorded_at)",
    key="o.number || ' ' || o.shop_id || ' ' || h.key",
    fields={
        "order_id": _ORDER_ID,
        "number": _OF_ORDER["number"],
        "shipment": _value("string", "h.key", "The shop's name for the shipment"),
        "carrier": _value("string", "h.carrier", "Carrier"),
        "tracking": _value("string", "h.tracking", "Tracking number"),
        "shipped_at": _happening("shipped_at", "h.shipped_at", "When it left"),
        "estimated_at": _value("instant", "h.estimated_at", "The promised delivery"),
        "out_for_delivery_at": _happening("out_for_delivery_at", "h.out_for_delivery_at", "When the courier set out"),
        "promise_passed_at": _hidden(
            "instant", "h.estimated_at", "The promised delivery, once it has passed", since="promise_passed_at"
        ),
        "delivered_at": _happening("delivered_at", "h.delivered_at", "When it arrived"),
        "lost_at": _happening("lost_at", "h.lost_at", "When it was given up as lost"),
        "shipped": _flag("Shipped", _known("shipped_at")),
        "out_for_delivery": _flag("Out for delivery", _known("out_for_delivery_at")),
        "delivered": _flag("Delivered", _known("delivered_at")),
        "lost": _flag("Lost", _known("lost_at")),
        "under_way": _flag(
            "Shipped, neither delivered nor lost",
            All(parts=(_known("shipped_at"), Not(part=Any(parts=(_known("delivered_at"), _known("lost_at")))))),
        ),
        "overdue": _flag(
            "Promised delivery passed, neither delivered nor lost",
            All(
                parts=(
                    _known("promise_passed_at"),
                    Not(part=Any(parts=(_known("delivered_at"), _known("lost_at")))),
                )
            ),
        ),
        "transit_days": _derived(
            "integer", "Whole days from shipping to delivery", Elapsed("shipped_at", "delivered_at", 86400)
        ),
        "late": Field(
            type="boolean",
            title="Delivered on a later day than promised, by the customer's calendar",
            derived=LaterDay("delivered_at", "estimated_at"),
        ),
    },
)

_REVIEWS = Relation(
    name="reviews",
    title="Reviews; without a creation time known from the import on",
    source="reviews r join orders o on o.id = r.order_id left join products p on p.id = r.product_id",
    owner="o.customer_id",
    identity="r.id",
    at="coalesce(r.created_at, r.recorded_at)",
    key="o.number || ' ' || o.shop_id || ' ' || r.key",
    fields={
        "order_id": _ORDER_ID,
        "number": _OF_ORDER["number"],
        "review": _value("string", "r.key", "The shop's name for the review"),
        "product": _value("string", "p.key", "The shop's name for the product"),
        "category": _value("string", "p.category", "Product category"),
        "score": _value("integer", "r.score::bigint", "Score from 1 to 5"),
        "has_text": _value("boolean", "(coalesce(r.title, r.body) is not null)", "Has a title or a text"),
        "text": _hidden("string", "concat_ws(e'\\n', r.title, r.body)", "Title and text"),
        "keywords": _derived("set", "Word lists of which title or text have a word", Keywords("text")),
        "created_at": _happening("created_at", "r.created_at", "When it was written"),
        "answered_at": _happening("answered_at", "r.answered_at", "When the shop answered"),
        "answered": _flag("Answered", _known("answered_at")),
    },
)

_RETURNS = Relation(
    name="returns",
    title="Returns and exchanges",
    source="returns t join orders o on o.id = t.order_id",
    owner="o.customer_id",
    identity="t.id",
    at="t.requested_at",
    instant="requested_at",
    key="o.number || ' ' || o.shop_id || ' ' || t.key",
    money=True,
    fields={
        "order_id": _ORDER_ID,
        "number": _OF_ORDER["number"],
        "return": _value("string", "t.key", "The shop's name for the return"),
        "kind": _value("string", "t.kind", "return or exchange"),
        "reason": _value("string", "t.reason", "Why"),
        "requested_at": _happening("requested_at", "t.requested_at", "When it was asked for"),
        "received_at": _happening("received_at", "t.received_at", "When the goods came back"),
        "refunded_at": _happening("refunded_at", "t.refunded_at", "When the money went back"),
        "currency": _value("string", "t.currency", "Currency, ISO 4217"),
        "refund": _value("money", "t.refund_minor", "Money given back", since="refunded_at"),
        "refunded": _flag("Refunded", _known("refunded_at")),
    },
)

# Of the last closing: what was closed again after that is told by the closing alone.
_REOPENED_AT = (
    "(select max(e.at) from events e where e.customer_id = k.customer_id and e.kind = 'case.reopened'"
    " and e.data ->> 'case' = k.key and e.at >= k.closed_at)"
)

_CASES = Relation(
    name="cases",
    title="Support cases",
    source="cases k left join orders o on o.id = k.order_id",
    owner="k.customer_id",
    identity="k.id",
    at="k.opened_at",
    instant="opened_at",
    key="k.key",
    fields={
        "number": _OF_ORDER["number"],
        "case": _value("string", "k.key", "The shop's name for the case"),
        "kind": _value("string", "k.kind", "complaint, inquiry, work_order"),
        "subject": _value("string", "k.subject", "What it is about"),
        "opened_at": _happening("opened_at", "k.opened_at", "When it was opened"),
        "answered_at": _happening("answered_at", "k.answered_at", "When it was first answered"),
        "closed_at": _happening("closed_at", "k.closed_at", "When it was last closed"),
        "reopened_at": _happening("reopened_at", _REOPENED_AT, "When it was opened again after that"),
        "satisfaction": _value("integer", "k.satisfaction::bigint", "Satisfaction told afterwards", since="closed_at"),
        "open": _flag("Not closed, or open again", Any(parts=(Not(part=_known("closed_at")), _known("reopened_at")))),
        "answered": _flag("Answered", _known("answered_at")),
        "answer_hours": _derived(
            "integer", "Whole hours from opening to the first answer", Elapsed("opened_at", "answered_at", 3600)
        ),
    },
)

_SITE_EVENTS = Relation(
    name="site_events",
    title="What the customer did on the site",
    source="site_events e left join products p on p.id = e.product_id",
    owner="e.customer_id",
    identity="e.id",
    at="e.at",
    instant="at",
    key="e.key",
    fields={
        "at": _happening("at", "e.at", "When"),
        "kind": _value("string", "e.kind", "visit, product_viewed, cart, search, log_in"),
        "product": _value("string", "p.key", "The shop's name for the product"),
        "category": _value("string", "p.category", "Product category"),
    },
)


def _response(kind: str) -> str:
    return f"(select min(x.at) from message_events x where x.message_id = m.id and x.kind = '{kind}')"  # noqa: S608 -- our own words


_MESSAGES = Relation(
    name="messages",
    title="Messages to the customer, by their present state",
    source="messages m",
    owner="m.customer_id",
    identity="m.id",
    at="m.at",
    instant="at",
    key="m.key",
    fields={
        "at": _happening("at", "m.at", "When the message came into its state"),
        "state": _value("string", "m.state", "sent, skipped, deferred, in_doubt, failed, reserved or in_flight"),
        "reason": _value("string", "m.reason", "Why it was skipped, deferred or failed"),
        "channel": _value("string", "m.channel", "Channel"),
        "purpose": _value("string", "m.purpose", "Purpose"),
        "playbook": _value("string", "m.playbook", "Playbook"),
        "step": _value("string", "m.step", "Step of the playbook"),
        "template": _value("string", "m.template", "Template"),
        "delivered_at": _happening("delivered_at", _response("delivered"), "When it reached the mailbox"),
        "opened_at": _happening("opened_at", _response("opened"), "When it was first opened"),
        "clicked_at": _happening("clicked_at", _response("clicked"), "When a link was first clicked"),
        "replied_at": _happening("replied_at", _response("replied"), "When it was first answered"),
        "bounced_at": _happening("bounced_at", _response("bounced"), "When it came back"),
        "opened": _flag("Opened", _known("opened_at")),
        "clicked": _flag("Clicked", _known("clicked_at")),
        "replied": _flag("Answered", _known("replied_at")),
        "bounced": _flag("Bounced", _known("bounced_at")),
    },
)

_MESSAGE_EVENTS = Relation(
    name="message_events",
    title="What became of messages: each delivery, opening, click, reply, bounce and complaint",
    source="message_events x join messages m on m.id = x.message_id",
    owner="m.customer_id",
    identity="x.id",
    at="x.at",
    instant="at",
    key="m.key || ' ' || x.kind || ' ' || x.key",
    fields={
        "at": _happening("at", "x.at", "When"),
        "kind": _value("string", "x.kind", "delivered, opened, clicked, replied, bounced or complained"),
        "channel": _value("string", "m.channel", "Channel"),
        "purpose": _value("string", "m.purpose", "Purpose"),
        "playbook": _value("string", "m.playbook", "Playbook"),
        "step": _value("string", "m.step", "Step of the playbook"),
        "template": _value("string", "m.template", "Template"),
    },
)

_SUPPRESSIONS = Relation(
    name="suppressions",
    title="Channels that must not be used: bounced, complained, opted out, invalid address",
    source="suppressions u",
    owner="u.customer_id",
    identity="u.id",
    at="u.since",
    instant="since",
    key="u.channel || ' ' || u.reason",
    fields={
        "since": _happening("since", "u.since", "From when on"),
        "until": _happening("until", "u.until", "When it was lifted"),
        "channel": _value("string", "u.channel", "Channel, * for every one"),
        "reason": _value("string", "u.reason", "bounced, complained, opted_out, invalid_address or manual"),
        "active": _flag("Not lifted", Not(part=_known("until"))),
    },
)

_COUPONS = Relation(
    name="coupons",
    title="Coupons given to the customer",
    source="coupons v left join orders o on o.id = v.redeemed_order_id",
    owner="v.customer_id",
    identity="v.id",
    at="v.issued_at",
    instant="issued_at",
    key="v.code",
    money=True,
    fields={
        "number": _value("string", "o.number", "The order it was redeemed for", since="redeemed_at"),
        "pool": _value("string", "v.pool", "Pool of codes it was taken from"),
        "currency": _value("string", "v.currency", "Currency, ISO 4217"),
        "value": _value("money", "v.value_minor", "What it is worth"),
        "issued_at": _happening("issued_at", "v.issued_at", "When it was given"),
        "expires_at": _value("instant", "v.expires_at", "When it expires"),
        "expired_at": _hidden("instant", "v.expires_at", "When it expired", since="expired_at"),
        "redeemed_at": _happening("redeemed_at", "v.redeemed_at", "When it was redeemed"),
        "redeemed": _flag("Redeemed", _known("redeemed_at")),
        "expired": _flag(
            "Expired without having been redeemed", All(parts=(_known("expired_at"), Not(part=_known("redeemed_at"))))
        ),
        "open": _flag(
            "Neither redeemed nor expired", Not(part=Any(parts=(_known("expired_at"), _known("redeemed_at"))))
        ),
    },
)

_PURCHASES = (
    "(select array_agg(array[(extract(epoch from o.placed_at) * 1000000)::bigint,"
    " (extract(epoch from o.paid_at) * 1000000)::bigint, (extract(epoch from o.cancelled_at) * 1000000)::bigint])"
    " from orders o where o.customer_id = c.id and o.closed is null and o.paid_at is not null"
    " and o.placed_at >= p.starts_at and o.placed_at < p.ends_at)"
)

_CAMPAIGN_PERIODS = Relation(
    name="campaign_periods",
    title="The shop's campaign periods that are over, and what the customer did in each",
    source="customers c cross join campaign_periods p",
    owner="c.id",
    identity="p.id",
    at="p.ends_at",
    instant="ends_at",
    key="p.key",
    fields={
        "campaign": _value("string", "p.key", "The shop's name for the campaign"),
        "starts_at": _happening("starts_at", "p.starts_at", "When it began"),
        "ends_at": _happening("ends_at", "p.ends_at", "When it ended"),
        "purchases": _hidden("integer", _PURCHASES, "Placed, paid and cancelled of each order placed in it"),
        "bought": _derived("boolean", "An order was placed in it and is paid", Bought("purchases")),
    },
)

_CONSENTS = Relation(
    name="consents",
    title="Consents given and withdrawn; without a time: since always",
    source="consents n",
    owner="n.customer_id",
    identity="n.id",
    at="coalesce(n.at, timestamptz '0001-01-01T00:00:00Z')",
    key="n.purpose || ' ' || n.channel",
    fields={
        "purpose": _value("string", "n.purpose", "Purpose"),
        "channel": _value("string", "n.channel", "Channel, * for every one"),
        "granted": _value("boolean", "n.granted", "Given, not withdrawn"),
        "source": _value("string", "n.source", "How it was told"),
        "at": _happening("at", "n.at", "When it was given or withdrawn"),
    },
)

_POINTS = Relation(
    name="points",
    title="Entries of the points ledger",
    source="points_entries q left join orders o on o.id = q.order_id",
    owner="q.customer_id",
    identity="q.id",
    at="q.at",
    instant="at",
    key="q.key",
    fields={
        "order_id": _ORDER_ID,
        "number": _OF_ORDER["number"],
        "entry_id": _hidden("integer", "q.id", "Our number of the entry"),
        "lot_id": _hidden("integer", "q.lot_id", "Our number of the entry whose points expire or are taken back"),
        "at": _happening("at", "q.at", "When"),
        "kind": _value("string", "q.kind", "earn, spend, expire or reverse"),
        "points": _value("integer", "q.points", "Points, negative when they go"),
        "available_at": _happening("available_at", "q.available_at", "When they can be spent"),
        "expires_at": _value("instant", "q.expires_at", "When they expire"),
        "available": _flag("Can be spent", _known("available_at")),
    },
)

RELATIONS: Mapping[str, Relation] = {
    relation.name: relation
    for relation in (
        _CUSTOMER,
        _ORDERS,
        _LINES,
        _PAYMENTS,
        _SHIPMENTS,
        _REVIEWS,
        _RETURNS,
        _CASES,
        _SITE_EVENTS,
        _MESSAGES,
        _MESSAGE_EVENTS,
        _CAMPAIGN_PERIODS,
        _COUPONS,
        _CONSENTS,
        _SUPPRESSIONS,
        _POINTS,
    )
}
"""Every relation by its name."""

SCOPES: Mapping[str, str] = {"order": "orders", "shipment": "shipments", "case": "cases"}
"""Scope of a name (`order.total`), the relation whose fields it has."""

PRODUCT_FIELDS: Mapping[str, tuple[Type, str]] = {
    "product": ("set", "The products of the order"),
    "category": ("set", "Their categories"),
    "settling_days": ("integer", "Days until they have settled in, the longest"),
    "repurchase_days": ("integer", "Days until they are bought again, the longest"),
}
"""The scope `product.`: what is known of the products of an order together, each with its type and title."""

_REVIEW = ("order_id", "review")
_RETURN = ("order_id", "return")
_SHIPMENT = ("order_id", "shipment")
_CASE_NAMES = {"type": "kind", "topic": "subject"}

EVENT_SOURCES: Mapping[str, EventSource] = {
    "order.placed": EventSource("orders"),
    "order.paid": EventSource("orders", "paid_at"),
    "order.packed": EventSource("orders", "packed_at"),
    "order.shipped": EventSource("orders", "shipped_at"),
    "order.delivered": EventSource("orders", "delivered_at"),
    "order.cancelled": EventSource("orders", "cancelled_at"),
    "shipment.shipped": EventSource("shipments", "shipped_at", _SHIPMENT),
    "shipment.out_for_delivery": EventSource("shipments", "out_for_delivery_at", _SHIPMENT),
    "shipment.delivered": EventSource("shipments", "delivered_at", _SHIPMENT),
    "shipment.lost": EventSource("shipments", "lost_at", _SHIPMENT),
    "review.created": EventSource("reviews", "created_at", _REVIEW),
    "return.requested": EventSource("returns", None, _RETURN, renamed={"type": "kind"}),
    "return.received": EventSource("returns", "received_at", _RETURN),
    "return.refunded": EventSource("returns", "refunded_at", _RETURN),
    "case.opened": EventSource("cases", None, ("case",), renamed=_CASE_NAMES),
    "case.answered": EventSource("cases", "answered_at", ("case",), renamed=_CASE_NAMES),
    "case.closed": EventSource("cases", "closed_at", ("case",), renamed=_CASE_NAMES),
    **{
        f"site.{kind}": EventSource("site_events", None, ("@key",), matching=("kind", kind))
        for kind in ("visit", "product_viewed", "cart", "search", "log_in")
    },
}
"""Kinds of events that facts tell also without a row in `events`, as after an import."""
