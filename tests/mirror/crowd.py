"""A shop with forty customers and rows in every table, texts and numbers at their extremes among them."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg

from tests.facts.shop import Shop, put, utc

PEOPLE = 40
TEXTS = (
    "",
    " ",
    "\\",
    "\\N",
    "\\.",
    "\\n",
    "a\nb",
    "a\r\nb",
    "\t",
    '"',
    "'",
    '""',
    ",",
    "{a}",
    "[",
    "null",
    "NULL",
    "é",
    "e\u0301",
    "\U0001f600",
    "\u2028",
    "\ufeff",
    "\x01\x7f",
    "\b\f\v",
    "😀\\t\\\\n",
    "x" * 5000,
)
NUMBERS = (0, 1, -1, 2**53 + 1, -(2**63), 2**63 - 1)
INSTANTS = (
    "0001-01-01T00:00",
    "1969-12-31T23:59:59.999999",
    "1970-01-01T00:00",
    "2000-02-29T12:00",
    "2025-03-30T01:00:00.000001",
    "2262-04-12T00:00",
    "9999-12-31T23:59:59.999999",
)


class Crowd(Shop):
    """The shop; `customers` are the numbers of all its people, Ana first."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        super().__init__(connection)
        self.random = random.Random(8)
        others = [
            put(
                connection,
                "customers",
                key=f"c{number}",
                zone=self.random.choice([None, "Asia/Tokyo", "Nowhere/Else"]),
                city=self.random.choice(TEXTS),
                birthday=self.random.choice([None, date(1, 1, 1), date(2000, 2, 29)]),
                email=self.random.choice([None, "a@example.com"]),
            )
            for number in range(PEOPLE - 1)
        ]
        self.customers = [self.customer, *others]
        self.products = [
            put(
                connection,
                "products",
                shop_id=self.id,
                key=f"P{number}{text}",
                category=text or None,
                attributes={"size": text},
                repurchase_days=number,
            )
            for number, text in enumerate(TEXTS)
        ]
        put(
            connection,
            "campaign_periods",
            key="spring",
            title="Spring",
            starts_at=utc("2025-03-01T00:00"),
            ends_at=utc("2025-04-01T00:00"),
        )
        for customer in self.customers:
            self.everything(customer)

    def instant(self) -> datetime | None:
        """Some instant, or none."""
        text = self.random.choice([None, *INSTANTS])
        within = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=self.random.randrange(200))
        return self.random.choice([within, utc(text) if text else None])

    def everything(self, customer: int) -> None:
        """Rows of a customer in every table; of some orders, reviews and cases several, of others none."""
        choice, put_ = self.random.choice, lambda table, **columns: put(self.connection, table, **columns)
        put_("customer_identities", customer_id=customer, shop_id=self.id, key=f"account {customer}")
        for number in range(choice([0, 1, 3])):
            name = f"{customer}/{number}{choice(TEXTS)}"
            at = self.instant() or utc("2025-03-05T10:00")
            order = self.order(
                name,
                at.isoformat()[:-6],
                customer_id=customer,
                channel=choice(TEXTS),
                total_minor=choice(NUMBERS),
                closed=choice([None, None, "cancelled"]),
            )
            self.connection.execute(
                "update orders set paid_at = %s, cancelled_at = %s, delivered_at = %s where id = %s",
                (self.instant(), self.instant(), self.instant(), order),
            )
            self.belongings(customer, order)
        self.contacts(customer)

    def belongings(self, customer: int, order: int) -> None:
        """What belongs to an order."""
        choice, put_ = self.random.choice, lambda table, **columns: put(self.connection, table, **columns)
        for line in range(choice([0, 1, 4])):
            put_(
                "order_lines",
                order_id=order,
                line=line,
                product_id=choice([None, *self.products]),
                quantity=choice([1, 2]),
                unit_price_minor=choice([0, 2**53 + 1, 2**62 - 1]),
                currency="EUR",
                seller=choice(TEXTS),
            )
        for sequence in range(choice([0, 2])):
            put_(
                "payments",
                order_id=order,
                sequence=sequence,
                method=choice(TEXTS),
                amount_minor=choice(NUMBERS),
                currency="EUR",
                installments=choice([None, 1, 12]),
                paid_at=self.instant(),
            )
        for key in range(choice([0, 1, 3])):
            same = utc("2025-05-05T10:00")
            put_(
                "reviews",
                order_id=order,
                key=f"R{key}",
                product_id=choice([None, *self.products]),
                score=choice([1, 3, 5]),
                title=choice(TEXTS),
                body=choice([None, *TEXTS]),
                created_at=choice([None, same, self.instant()]),
            )
        put_("shipments", order_id=order, key="S", carrier=choice(TEXTS), shipped_at=self.instant())
        put_("returns", order_id=order, key="T", requested_at=utc("2025-06-01T00:00"), refund_minor=choice(NUMBERS))
        put_(
            "coupons",
            customer_id=customer,
            pool="p",
            code=f"C{order}",
            issued_at=self.instant(),
            value_minor=5,
            currency="EUR",
            redeemed_at=self.instant(),
            redeemed_order_id=choice([None, order]),
        )
        put_(
            "cases",
            customer_id=customer,
            order_id=order,
            key=f"K{order}",
            kind="complaint",
            opened_at=utc("2025-06-01T00:00"),
            closed_at=utc("2025-06-02T00:00"),
        )
        self.connection.execute(
            "insert into events (shop_id, key, kind, customer_id, at, data) values (%s, %s, 'case.reopened', %s, %s,"
            " jsonb_build_object('case', %s::text, 'text', %s::text))",
            (self.id, f"E{order}", customer, utc("2025-06-03T00:00"), f"K{order}", choice(TEXTS)),
        )

    def contacts(self, customer: int) -> None:
        """What a customer did, said and was sent."""
        choice, put_ = self.random.choice, lambda table, **columns: put(self.connection, table, **columns)
        put_(
            "site_events",
            customer_id=customer,
            key=f"V{customer}",
            kind="visit",
            at=utc("2025-06-01T00:00"),
            product_id=choice([None, *self.products]),
        )
        put_("consents", customer_id=customer, purpose="marketing", granted=True, at=self.instant())
        put_("suppressions", customer_id=customer, reason="bounced", since=self.instant() or utc("2025-06-01T00:00"))
        put_(
            "points_entries",
            customer_id=customer,
            key=f"Q{customer}",
            kind="earn",
            points=choice(NUMBERS),
            at=utc("2025-06-01T00:00"),
        )
        journey = put_(
            "journeys",
            workflow_id=f"w{customer}",
            playbook="p",
            version=self.version(),
            subject="customer",
            subject_id=customer,
            occasion=1,
            customer_id=customer,
            started_at=utc("2025-06-01T00:00"),
        )
        message = put_(
            "messages",
            key=f"w{customer}/s/1/email",
            journey_id=journey,
            customer_id=customer,
            playbook="p",
            step="s",
            channel="email",
            purpose="marketing",
            state="sent",
            due_at=utc("2025-06-01T00:00"),
            at=utc("2025-06-01T00:00"),
        )
        put_("message_events", message_id=message, kind="opened", key="1", at=utc("2025-06-02T00:00"))

    def version(self) -> str:
        """A version of rules that journeys may name."""
        self.connection.execute("insert into rule_versions (version, files) values ('v', '{}') on conflict do nothing")
        return "v"
