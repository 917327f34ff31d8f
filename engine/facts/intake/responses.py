"""What people do on the site and with the messages they get."""

from psycopg.types.json import Jsonb

from engine.facts.intake.context import Incoming, Refusal
from engine.facts.intake.gathering import from_rows
from engine.facts.intake.people import suppress, withdraw_consent

SITE_KINDS = ("visit", "product_viewed", "cart", "search", "log_in")
MESSAGE_KINDS = ("delivered", "opened", "clicked", "replied", "bounced", "complained", "unsubscribed")

# Keys of site events are unique over all shops; another customer's same key makes this one the shop's own.
_SITE_EVENT = from_rows(
    """
insert into site_events (customer_id, key, kind, product_id, at, data, recorded_at)
select t.customer,
       case when exists (select from site_events s where s.key = t.key and s.customer_id <> t.customer)
            then t.shop_key || '/' || t.key else t.key end,
       substr(t.kind, 6), (select id from products p where p.shop_id = t.shop and p.key = t.product), t.at, t.data,
       t.recorded
  from told
on conflict (key) do nothing
""",
    "product text",
)
_MESSAGE_EVENT = """
insert into message_events (message_id, kind, key, at, data, recorded_at)
select id, %(kind)s, %(key)s, %(at)s, %(data)s, %(recorded)s from messages where key = %(message)s
on conflict (message_id, kind, key) do nothing
"""


def site_event(incoming: Incoming) -> None:
    """Writes a visit, view, cart, search or log-in."""
    incoming.read_state()
    incoming.log(_SITE_EVENT, once=False, product=incoming.data.get("product"))


def message_event(incoming: Incoming) -> None:
    """Writes what became of a message; a dead address or a complaint suppresses its channel."""
    incoming.read_state()
    message = incoming.fetch("select channel, purpose from messages where key = %(key)s", key=incoming.data["message"])
    assert message is not None  # the customer was found by it
    incoming.stored |= {"channel": message["channel"], "purpose": message["purpose"]}
    incoming.log(once=False)
    kind = incoming.event.kind.removeprefix("message.")
    incoming.execute(
        _MESSAGE_EVENT,
        kind=kind,
        key=incoming.event.key,
        at=incoming.event.at,
        data=Jsonb(incoming.stored),
        recorded=incoming.recorded_at,
        message=incoming.data["message"],
    )
    if kind == "complained" or (kind == "bounced" and incoming.data.get("permanent")):
        suppress(incoming, channel=message["channel"], reason=kind)
    if kind == "unsubscribed":
        withdraw_consent(incoming, purpose=message["purpose"], channel=message["channel"], source="message")


def other_event(incoming: Incoming) -> None:
    """An event of the project's own kind: the log alone keeps it.

    Raises:
        Refusal: `unknown_shipment`, for a kind about parcels.
    """
    incoming.read_state()
    if incoming.contract.subject == "shipment":
        key = incoming.data.get("shipment")
        parcel = incoming.fetch(
            "select id from shipments where order_id = %(order)s and key = %(key)s", order=incoming.order_id, key=key
        )
        if parcel is None:
            raise Refusal("unknown_shipment", f"parcel {key!r} of order {incoming.event.order!r} is not known")
        incoming.shipment_id = parcel["id"]
    incoming.log(once=False)
