"""Events as the shop tells them, and what becomes of each: recorded or refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from engine.attributes.sources import Cell
from engine.contracts import Value
from engine.facts.event_contracts import Contract, ContractError, Violation, load_contracts

__all__ = ["Contract", "ContractError", "Event", "Recorded", "Refused", "Violation", "load_contracts"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, as told.

    `key` is the sender's own name for it, unique in the shop: the same key twice is the same event. `at` is aware.
    `customer` is the shop's key of the customer, `order` the shop's order number; the first may follow from the other.
    """

    kind: str
    key: str
    at: datetime
    shop: str
    customer: str | None = None
    order: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The event as JSON data, its instant in UTC; `None` is left out."""
        at = self.at if self.at.tzinfo is None else self.at.astimezone(UTC)
        told = {
            "kind": self.kind,
            "key": self.key,
            "at": at.isoformat(),
            "shop": self.shop,
            "customer": self.customer,
            "order": self.order,
            "data": dict(self.data),
        }
        return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event that is now a fact.

    `fresh` is false when it was known before: then nothing was changed and `event_id` is the earlier row's.
    `fields` are the values a `where` may ask for. `released` are events that had been refused because what they
    were about was not yet known, and that this arrival made facts, in order of their instants: treat each as this one.
    """

    event_id: int
    kind: str
    customer_id: int
    at: datetime
    order_id: int | None = None
    shipment_id: int | None = None
    case_id: int | None = None
    fields: Mapping[str, Value] = field(default_factory=dict)
    fresh: bool = True
    notes: tuple[str, ...] = ()
    """What was left unknown although it was told, and why: an address that is none, a phone without a country."""
    released: tuple["Recorded", ...] = ()
    wrote: frozenset[Cell] = frozenset()
    """The cells of tables that it may have changed."""
    before: int = 0
    """The version of the customer's facts before it; 0 of a new customer."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An event that could not become a fact. It is kept in `refused_events`, whole, and can be replayed.

    `code` is stable: unknown_kind, malformed, contract_violation, unknown_shop, unknown_customer, unknown_order,
    unknown_shipment, unknown_return, unknown_case, unknown_coupon, unknown_message, other_customer, mixed_currencies.
    """

    code: str
    reason: str
    kind: str | None
    key: str | None
    refused_id: int
    waits_for: str | None = None
    """Set when the event becomes a fact by itself once this is known, e.g. `order:main/1001`."""
    violations: tuple[Violation, ...] = ()
