"""One customer's facts as the fold takes them, from rows as a test writes them; no database is asked.

What the database works out when rows are read (pieces of an order, the payment of its total, responses as events of
messages, purchases in a campaign period) is worked out here in the same way.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.attributes.facts import CustomerFacts
from engine.attributes.facts import Row as FactRow
from engine.attributes.relations import RELATIONS
from engine.ruletests.notation import OF_ORDER
from engine.ruletests.rows import Row

_RESPONSES = ("delivered", "opened", "clicked", "replied", "bounced")
_ALWAYS = -62_135_596_800_000_000  # 0001-01-01: a consent without a time has been since always


@dataclass(slots=True)
class _Facts:
    """Rows by relation, each with a key of its own."""

    rows: dict[str, list[FactRow]] = field(default_factory=lambda: {name: [] for name in RELATIONS})

    def add(self, relation: str, at: object, values: Mapping[str, object]) -> None:
        """Adds a row; columns that its relation does not store are left out."""
        of = RELATIONS[relation]
        rows = self.rows[relation]
        kept = {name: value for name, value in values.items() if name in of.columns[2:]}
        rows.append(of.row(at if isinstance(at, int) else None, f"{len(rows):06d}", **kept))


def customer_facts(
    person: Mapping[str, object], rows: Mapping[str, Sequence[Row]], zone: str, currency: str | None
) -> CustomerFacts:
    """The facts of one customer.

    Args:
        person: values of the customer's own row.
        rows: all others by the key they stand under; orders with what is inside of them.
        zone: whose days count where the person names none.
        currency: of orders that say nothing of money.
    """
    facts = _Facts()
    facts.add("customer", None, {"key": "customer", **person})
    for number, order in enumerate(rows.get("orders", ()), 1):
        _add_order(facts, order, number, currency)
    for name, each in rows.items():
        if name not in ("orders", "campaign_periods"):
            _add_all(facts, name, each)
    for period in rows.get("campaign_periods", ()):
        values = {**period.values, "purchases": _purchases(period, rows.get("orders", ()))}
        facts.add("campaign_periods", period.get("ends_at"), values)
    own = person.get("zone")
    return CustomerFacts(1, own if isinstance(own, str) else zone, facts.rows)


def _add_order(facts: _Facts, order: Row, number: int, otherwise: str | None) -> None:
    values = order.values
    values.setdefault("placed_at", values.get("paid_at"))
    values.setdefault("number", f"order-{number}")
    values |= {"order_id": number, "counts": values.get("closed") is None, "told_at": values["placed_at"]}
    values["discounted"] = _positive(values.get("discount"))
    lines = order.inside.get("lines", [])
    currency = order.currency or next((line.currency for line in lines if line.currency), otherwise)
    for line in lines:
        line.values.setdefault("product", _product(line))
    if lines:
        values["pieces"] = sum(_number(line.get("quantity")) for line in lines)
        if any(line.currency for line in lines):
            values.setdefault("total", sum(_line_amount(line) for line in lines))
        values["category"] = _set(line.get("category") for line in lines)
        values["product"] = _set(line.get("product") for line in lines)
    of_order = {name: values.get(name) for name in OF_ORDER}
    for line in lines:
        own = {"discounted": _positive(line.get("discount")), "amount": _line_amount(line)}
        facts.add("lines", values["placed_at"], {"currency": currency, **line.values, **own, **of_order})
    for payment in _payments(order):
        paid = payment.get("at") or values.get("paid_at")
        facts.add("payments", paid, {"currency": payment.currency or currency, **payment.values, **of_order})
    facts.add("orders", values["placed_at"], {"currency": currency, **values, **_review(order)})
    for name in ("shipments", "reviews", "returns"):
        for row in order.inside.get(name, ()):
            row.values |= {"order_id": number, "number": values["number"]}
        _add_all(facts, name, order.inside.get(name, ()))


def _review(order: Row) -> dict[str, object]:
    """The order's first review."""
    written = [row for row in order.inside.get("reviews", ()) if row.get("created_at") is not None]
    first = min(written, key=lambda row: _number(row.get("created_at")), default=None)
    return {} if first is None else {"reviewed_at": first.get("created_at"), "review_score": first.get("score")}


def _payments(order: Row) -> list[Row]:
    """As written; else one of the total, if the order is paid."""
    if "payments" in order.inside:
        return order.inside["payments"]
    if order.get("paid_at") is None or order.get("total") is None:
        return []
    whole = Row.of_payment(order.currency)
    whole.values |= {"amount": order.get("total"), "method": order.get("payment_method")}
    whole.values["installments"] = order.get("installments")
    return [whole]


def _add_all(facts: _Facts, name: str, rows: Iterable[Row]) -> None:
    for row in rows:
        values = row.values
        if name == "shipments":
            values["promise_passed_at"] = values.get("estimated_at")
        if name == "coupons":
            values["expired_at"] = values.get("expires_at")
        if name == "reviews":
            values["has_text"] = values.get("text") is not None
        if name == "points":
            values.setdefault("available_at", values.get("at"))
        if name == "messages":
            _add_responses(facts, row)
        facts.add(name, _instant(name, row), {"currency": row.currency, **values})


def _add_responses(facts: _Facts, message: Row) -> None:
    for kind in _RESPONSES:
        if (at := message.get(f"{kind}_at")) is not None:
            facts.add("message_events", at, {**message.values, "kind": kind})


def _instant(name: str, row: Row) -> object:
    """The row's own instant, as its relation says in SQL."""
    instant = RELATIONS[name].instant
    if instant is not None:
        return row.get(instant)
    if name == "reviews":
        return row.get("created_at")
    if name == "consents":
        return row.get("at") if row.get("at") is not None else _ALWAYS
    told = [row.get(each) for each in ("shipped_at", "delivered_at", "lost_at")]
    return min((each for each in told if isinstance(each, int)), default=None)


def _purchases(period: Row, orders: Sequence[Row]) -> list[list[object]] | None:
    starts, ends = _number(period.get("starts_at")), _number(period.get("ends_at"))
    found: list[list[object]] = [
        [order.get("placed_at"), order.get("paid_at"), order.get("cancelled_at")]
        for order in orders
        if order.get("closed") is None
        and order.get("paid_at") is not None
        and starts <= _number(order.get("placed_at")) < ends
    ]
    return found or None


def _product(line: Row) -> str | None:
    """A product without a name is known by its details: those of the same details are the same."""
    details = [line.get(name) for name in ("category", "style", "size", "color")]
    return " ".join(each for each in details if isinstance(each, str)) or None


def _line_amount(line: Row) -> int:
    return _number(line.get("quantity")) * _number(line.get("unit_price")) - _number(line.get("discount"))


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _positive(value: object) -> bool:
    return _number(value) > 0


def _set(values: Iterable[object]) -> frozenset[str] | None:
    return frozenset(value for value in values if isinstance(value, str)) or None
