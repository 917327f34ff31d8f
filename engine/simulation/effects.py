"""What events change among a customer's facts that no row of hers says beforehand."""

from engine.attributes.relations import RELATIONS
from engine.conditions.operands import microseconds
from engine.facts.ledger import expiries
from engine.simulation.customer import Customer
from engine.simulation.history import Event

POINTS_EXPIRE = "points.expire"
"""No event of the shop's: the time of some points is over, and their end is an entry of the ledger."""


def take_effect(customer: Customer, event: Event) -> None:
    """Writes what an event tells of consents, suppressions, the person or a parcel's promise."""
    if event.told is None or event.found is not None:
        return
    at = microseconds(event.at)
    told = dict(event.told)
    match event.kind:
        case "consent.changed":
            said = {"purpose": told.get("purpose"), "channel": told.get("channel", "*"), "granted": told.get("granted")}
            customer.history.add("consents", at, **said)
        case "suppression.added":
            said = {"channel": told.get("channel", "*"), "reason": told.get("reason"), "until": told.get("until")}
            customer.history.add("suppressions", at, **said)
        case "suppression.lifted":
            _lift(customer, str(told.get("channel", "*")), at)
        case "customer.updated":
            stored = RELATIONS["customer"].columns[2:]
            customer.history.change("customer", 0, **{name: told[name] for name in told if name in stored})
        case "shipment.delayed" if event.shipment is not None and told.get("estimated_at") is not None:
            moved = told["estimated_at"]
            customer.history.change("shipments", event.shipment - 1, estimated_at=moved, promise_passed_at=moved)
        case "message.unsubscribed":
            said = {"purpose": told.get("purpose"), "channel": told.get("channel"), "granted": False}
            customer.history.add("consents", at, **said)
        case "message.complained":
            customer.history.add("suppressions", at, channel=told.get("channel"), reason="complained")
        case kind if kind == POINTS_EXPIRE:
            for new in list(expiries(customer.entries, event.at)):
                customer.write(new)


def _lift(customer: Customer, channel: str, at: int) -> None:
    slots = RELATIONS["suppressions"].slots
    for place, row in enumerate(customer.history.rows["suppressions"]):
        if row[slots["channel"]] == channel and row[slots["until"]] is None:
            customer.history.change("suppressions", place, until=at)
