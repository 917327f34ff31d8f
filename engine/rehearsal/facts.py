"""The customer of a test in a database: each stored field of each row in its column."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from engine.attributes.facts import CustomerFacts
from engine.attributes.relations import RELATIONS
from engine.conditions.environment import Happening
from engine.conditions.operands import instant
from engine.conditions.types import Value
from engine.contracts import fields_of, json_of
from engine.facts.products import LENGTHS
from engine.language.files import shipped_contracts
from engine.money import Money
from engine.ruletests.notation import SHOP as UNSAID_SHOP
from engine.standing.decide import HandTag

Connection = psycopg.Connection[Any]
Values = dict[str, Any]

SHOP, CUSTOMER = UNSAID_SHOP, 1
"""The shop's key, and our number of the customer."""
BEFORE = "before/"
"""What the keys of messages begin with that are none of the test's playbooks'."""
CURRENCY = "EUR"
"""Where a test names no currency at all."""
_PERSON = ("known_since", "locale", "country", "region", "city", "postal_code", "birthday", "source", "zone")
_PLAIN = {
    "orders": "platform channel payment_method paid_at packed_at shipped_at estimated_at delivered_at cancelled_at"
    " closed status total shipping discount ship_to_differs",
    "payments": "installments",
    "shipments": "carrier tracking shipped_at estimated_at out_for_delivery_at delivered_at lost_at",
    "reviews": "score created_at answered_at",
    "returns": "kind reason requested_at received_at refunded_at refund currency",
    "cases": "kind subject opened_at answered_at closed_at satisfaction",
    "site_events": "kind at",
    "suppressions": "channel reason since until",
    "coupons": "pool value currency issued_at expires_at redeemed_at",
    "consents": "purpose channel granted at source",
    "points": "kind points at available_at expires_at",
}
"""Fields that are stored as they are, by relation; money in the smallest units of its currency."""
_TABLES = {"points": "points_entries"}
_DETAILS = ("product", "category", "style", "size", "color")
_OWN_KEY = {"shipments": "shipment", "reviews": "review", "returns": "return", "cases": "case"}
_RESPONSES = ("delivered", "opened", "clicked", "replied", "bounced")
_RETURNED = {"return.requested": "requested_at", "return.received": "received_at", "return.refunded": "refunded_at"}


class UntoldError(Exception):
    """What the test says cannot be told to the engine."""


class Stored:
    """Writes one customer with all her facts, of the past and of the future.

    Args:
        connection: its `search_path` is an empty schema with all tables; the caller commits.
        key: the shop's name for the customer.
        currency: the shop's; None where the test names none.
    """

    def __init__(self, connection: Connection, key: str, currency: str | None) -> None:
        self._connection, self._key = connection, key
        self._currency = currency or CURRENCY
        self._orders: dict[object, int] = {}
        self._products: dict[str, tuple[tuple[object, ...], int]] = {}

    def write(self, facts: CustomerFacts) -> int:
        """Writes all rows but messages, and gives our number of the customer.

        In a new schema numbers are those of the simulation: the customer's is 1, and orders are numbered as written.
        """
        self._zone, self._shops = facts.zone, dict[str, int]()
        self._shop = self._shop_of(SHOP)
        self._person(facts)
        self._order_rows(facts)
        for name in ("cases", "site_events", "suppressions", "coupons", "consents", "points"):
            for values in _rows(facts, name):
                self._own(name, values)
        for values in _rows(facts, "campaign_periods"):
            key = values["campaign"] or values["@key"]
            period = {name: values[name] for name in ("starts_at", "ends_at")}
            self._insert("campaign_periods", key=key, title=key, **period)
        return self._customer

    def tell(self, kind: str, happening: Happening) -> None:
        """Writes an event that no row tells; where it names no order, parcel or case, it is of the only one."""
        at, fields = happening
        kinds = fields_of(shipped_contracts()[kind])
        data = {name: _json(value, kinds.get(name), self._currency) for name, value in fields.items()}
        about = kind.partition(".")[0]
        order = next(iter(self._orders.values())) if len(self._orders) == 1 else None
        for scope, table in (("shipment", "shipments"), ("case", "cases")):
            if about == scope and scope not in data and (only := self._only(table)) is not None:
                data[scope] = only
        self._event(kind, instant(at), order, data)

    def give(self, tag: HandTag) -> None:
        """Writes a tag that somebody gave by hand."""
        ends = {"expires_at": _moment(tag.expires_at), "removed_at": _moment(tag.removed_at)}
        self._insert("hand_tags", customer_id=self._customer, tag=tag.tag, author="test", at=instant(tag.at), **ends)

    def codes(self, pool: str, count: int) -> None:
        """Fills a pool of coupons."""
        for number in range(count):
            self._insert("coupons", pool=pool, code=f"{pool}-{number:04}")

    def _insert(self, table: str, **values: object) -> int:
        return _insert(self._connection, table, **values)

    def _shop_of(self, key: str) -> int:
        """Our number of a shop, which is there from its first order on."""
        if key not in self._shops:
            self._shops[key] = self._insert("shops", key=key, name=key, zone=self._zone, currency=self._currency)
        return self._shops[key]

    def _person(self, facts: CustomerFacts) -> None:
        person = next(_rows(facts, "customer"))
        self._customer = self._insert(
            "customers",
            key=self._key,
            email=f"{self._key}@example.com" if person["has_email"] else None,
            phone="+4930123456" if person["has_phone"] else None,
            **{name: person[name] for name in _PERSON},
        )
        self._insert("customer_identities", customer_id=self._customer, shop_id=self._shop, key=self._key)

    def _order_rows(self, facts: CustomerFacts) -> None:
        for values in _rows(facts, "orders"):
            self._orders[values["order_id"]] = self._insert(
                "orders",
                shop_id=self._shop_of(values["shop"]),
                customer_id=self._customer,
                number=values["number"],
                placed_at=values["placed_at"],
                recorded_at=values["placed_at"],
                currency=values["currency"] or self._currency,
                **_plain("orders", values),
            )
        for values in _rows(facts, "lines"):
            self._line(values)
        for values in _rows(facts, "payments"):
            self._payment(values)
        for name in ("shipments", "reviews", "returns"):
            for values in _rows(facts, name):
                self._of_order(name, values)

    def _line(self, values: Values) -> None:
        self._insert(
            "order_lines",
            order_id=self._orders[values["order_id"]],
            line=int(values["@key"]) + 1,
            product_id=self._product(values),
            quantity=values["quantity"],
            seller=values["seller"],
            unit_price_minor=values["unit_price"] or 0,
            discount_minor=values["discount"] or 0,
            currency=values["currency"] or self._currency,
        )

    def _payment(self, values: Values) -> None:
        self._insert(
            "payments",
            order_id=self._orders[values["order_id"]],
            sequence=int(values["@key"]) + 1,
            method=values["method"] or "card",
            amount_minor=values["amount"],
            currency=values["currency"] or self._currency,
            paid_at=values["at"],
            **_plain("payments", values),
        )

    def _product(self, values: Values) -> int | None:
        """The product that a row tells of; none if it says nothing of one.

        Raises:
            UntoldError: two rows tell different things of one product.
        """
        details = tuple(values.get(name) for name in _DETAILS)
        if not any(details):
            return None
        key = values["product"] or f"product {details}"
        if key not in self._products:
            self._products[key] = (details, self._new_product(key, values))
        known, number = self._products[key]
        if known != details:
            raise UntoldError(f"product {key} has one category, style, size and colour, and here it has several")
        return number

    def _reviewed(self, values: Values) -> int | None:
        """The product of a review, which need not say again what a line has said of it."""
        known = self._products.get(values["product"] or "")
        return self._product(values) if known is None else known[1]

    def _new_product(self, key: str, values: Values) -> int:
        own = {name: values[name] for name in ("style", "size", "color") if values.get(name)}
        return self._insert(
            "products",
            shop_id=self._shop,
            key=key,
            category=values["category"],
            attributes=Jsonb(own),
            launched_at=values.get("launched_at"),
            **{column: values.get(column) for column in LENGTHS.values()},
        )

    def _of_order(self, name: str, values: Values) -> None:
        order, key = self._orders[values["order_id"]], values[_OWN_KEY[name]] or values["@key"]
        more: Values = {"body": values["text"], "product_id": self._reviewed(values)} if name == "reviews" else {}
        self._insert(name, order_id=order, key=key, **_plain(name, values), **more)
        if name == "returns":
            self._returned(order, key, values)

    def _returned(self, order: int, key: str, values: Values) -> None:
        """Of returns journeys hear by events alone."""
        for kind, name in _RETURNED.items():
            if values[name] is not None:
                self._event(kind, values[name], order, {"return": key, "type": values["kind"]})

    def _own(self, name: str, values: Values) -> None:
        more: Values = {"customer_id": self._customer}
        if name in ("cases", "site_events", "points"):
            more["key"] = values.get("case") or values["@key"]
        if name == "coupons":
            more["code"] = f"given-{values['@key']}"
        if name == "site_events":
            more["product_id"] = self._product(values)
        plain = _plain(name, values)
        if name == "coupons":
            plain["pool"] = plain["pool"] or "pool"
        self._insert(_TABLES.get(name, name), **plain, **more)

    def _only(self, table: str) -> str | None:
        rows = self._connection.execute(sql.SQL("select key from {} limit 2").format(sql.Identifier(table))).fetchall()
        return rows[0][0] if len(rows) == 1 else None

    def _event(self, kind: str, at: datetime, order: int | None, data: Mapping[str, object]) -> None:
        row = self._connection.execute("select count(*) from events").fetchone()
        key = f"{kind}-{row[0] if row else 0}"
        values = {"shop_id": self._shop, "customer_id": self._customer, "order_id": order, "at": at, "recorded_at": at}
        self._insert("events", key=key, kind=kind, data=Jsonb(dict(data)), **values)


def messages(facts: CustomerFacts) -> Iterator[Values]:
    """The messages to the customer that are none of the test's playbooks'."""
    return _rows(facts, "messages")


def add_message(connection: Connection, version: str, values: Values, number: int) -> None:
    """Writes one of these messages: of a journey that is over, by the rules of a version, and of no subject."""
    key, at, playbook = f"{BEFORE}{number}", values["at"], values["playbook"] or "before"
    journey = _insert(
        connection,
        "journeys",
        workflow_id=key,
        playbook=playbook,
        version=version,
        subject="customer",
        subject_id=0,
        occasion=number,
        customer_id=CUSTOMER,
        started_at=at,
        state="ended",
        outcome="ended",
        ended_at=at,
    )
    named = {name: values[name] for name in ("channel", "purpose", "state", "reason", "template", "at")}
    more = {"journey_id": journey, "customer_id": CUSTOMER, "playbook": playbook, "step": values["step"] or "message"}
    message = _insert(connection, "messages", key=key, due_at=at, **named, **more)
    for kind in _RESPONSES:
        if values[f"{kind}_at"] is not None:
            _insert(connection, "message_events", message_id=message, kind=kind, key=key, at=values[f"{kind}_at"])


def _insert(connection: Connection, table: str, **values: object) -> int:
    statement = sql.SQL("insert into {} ({}) values ({}) returning id").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(sql.Placeholder() * len(values)),
    )
    row = connection.execute(statement, tuple(values.values())).fetchone()
    assert row is not None  # an insert always returns its row
    return int(row[0])


def _rows(facts: CustomerFacts, relation: str) -> Iterator[Values]:
    """The rows of a relation by the names of their fields, with instants as such."""
    of = RELATIONS[relation]
    for row in facts.rows.get(relation, ()):
        values = {name: row[place] for name, place in of.slots.items()}
        for name, field in of.fields.items():
            if field.type == "instant" and values.get(name) is not None:
                values[name] = _moment(values[name])
        yield values


def _plain(relation: str, values: Values) -> Values:
    fields = RELATIONS[relation].fields
    named = {name: values.get(name) for name in _PLAIN[relation].split()}
    return {f"{name}_minor" if fields[name].type == "money" else name: each for name, each in named.items()}


def _moment(at: object) -> datetime | None:
    return instant(at) if isinstance(at, int) else None


def _json(value: Value, kind: str | None, currency: str) -> object:
    """A field of an event as it is told: conditions have instants in microseconds and money in the smallest units."""
    match value:
        case int() if kind == "instant":
            return json_of(instant(value))
        case int() if kind == "money":
            return json_of(Money(value, currency))
        case _:
            return json_of(value)  # type: ignore[arg-type]  # fields of events have no decimals
