"""The compact notation of facts: what each kind of row may say, what it says if nothing is said, what it contains."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.attributes.relations import RELATIONS
from engine.conditions.types import Type
from engine.ruletests import keys

# What the database works out from other fields, or a row takes over from its order.
_COMPUTED: Mapping[str, frozenset[str]] = {
    "customer": frozenset({"shop_zone", "key"}),
    "orders": frozenset(
        {
            "order_id",
            "counts",
            "told_at",
            "category",
            "product",
            "discounted",
            "pieces",
            "currency",
            "reviewed_at",
            "review_score",
        }
    ),
    "lines": frozenset({"discounted", "amount", "currency"}),
    "payments": frozenset({"currency"}),
    "shipments": frozenset({"promise_passed_at"}),
    "reviews": frozenset({"has_text"}),
    "returns": frozenset({"currency"}),
    "coupons": frozenset({"currency", "expired_at"}),
    "campaign_periods": frozenset({"purchases"}),
}
OF_ORDER = tuple(
    name
    for name, each in RELATIONS["orders"].fields.items()
    if each.sql and all(RELATIONS[inside].fields.get(name) is each for inside in ("lines", "payments"))
)
"""Stored fields that lines and payments have from their order."""
SHOP = "shop"
"""The shop of an order that names none."""
INSIDE = tuple(keys.INSIDE)
REPEATED = tuple(keys.REPEATED)


@dataclass(frozen=True, slots=True)
class Notation:
    """How rows of a relation are written: fields by the name a test uses, with their type; and what stands unsaid."""

    relation: str
    fields: Mapping[str, tuple[str, Type]]
    unsaid: Mapping[str, object] = field(default_factory=dict)
    main: str | None = None
    """The field that a bare instant gives: `orders: [-10d]`."""
    inside: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys, each in its short form."""
        short = tuple(name for name in self.fields if not name.endswith("_at"))
        repeated = () if self.relation in ("customer", "campaign_periods") else REPEATED
        return (*short, *self.inside, *repeated)


def _fields(relation: str) -> dict[str, tuple[str, Type]]:
    of = RELATIONS[relation]
    hidden = _COMPUTED.get(relation, frozenset())
    if relation in INSIDE:
        hidden = hidden | {"order_id", "number", *(OF_ORDER if relation in ("lines", "payments") else ())}
    named: dict[str, tuple[str, Type]] = {}
    for name, each in of.fields.items():
        if each.sql is not None and name not in hidden:
            named.setdefault(name.removesuffix("_at") if name != "at" else name, (name, each.type))
            named[name] = (name, each.type)
    return named


NOTATIONS: Mapping[str, Notation] = {
    name: Notation(name, _fields(name), unsaid, main, INSIDE if name == "orders" else ())
    for name, unsaid, main in (
        ("customer", {"has_email": False, "has_phone": False}, None),
        ("orders", {"shop": SHOP}, "paid"),
        ("lines", {"quantity": 1, "unit_price": 0}, None),
        ("payments", {}, None),
        ("shipments", {}, "shipped"),
        ("reviews", {}, "created"),
        ("returns", {"kind": "return"}, "requested"),
        ("cases", {"kind": "complaint"}, "opened"),
        ("site_events", {"kind": "visit"}, "at"),
        ("messages", {"state": "sent", "purpose": "marketing", "channel": "email"}, "at"),
        ("campaign_periods", {}, None),
        ("coupons", {}, "issued"),
        ("consents", {"purpose": "marketing", "channel": "email", "granted": True}, "at"),
        ("suppressions", {"channel": "email", "reason": "bounced"}, "since"),
        ("points", {"kind": "earn"}, "at"),
    )
}
"""By the key that rows stand under. Rows of `message_events` follow from the messages."""
