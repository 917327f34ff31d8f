"""People for whom all happens that rules can speak of: some stand at the very edges, the others are made by a seed."""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from tests.facts.shop import Shop, put

START, END = datetime(2026, 2, 20, tzinfo=UTC), datetime(2026, 11, 5, tzinfo=UTC)
BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
ZONES = (BERLIN, NEW_YORK, "Asia/Tokyo", None)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
TICK = timedelta(microseconds=1)
MAY = datetime(2026, 5, 11, 10, tzinfo=UTC)
"""A Monday, from which what is left to chance happens within two weeks."""


def local(text: str, zone: str) -> datetime:
    """An instant from the time that a clock shows."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@dataclass
class Crowd:
    """Writes people into a database; the caller commits. The shop's zone is none of theirs, nor the policy's."""

    connection: psycopg.Connection[Any]

    def __post_init__(self) -> None:
        self.shop = Shop(self.connection).id
        self.connection.execute("update shops set zone = 'America/Sao_Paulo', country = 'DE'")
        shoe = {"key": "shoe", "category": "shoes", "settling_days": 1}
        self.shoe = put(self.connection, "products", shop_id=self.shop, **shoe)
        for number in range(200):
            put(self.connection, "coupons", pool="spring", code=f"SPRING-{number:03}")

    def person(self, key: str, *, contact: bool = True, **columns: Any) -> int:
        """Somebody known for a hundred days, who agrees to everything unless told otherwise."""
        known = {"known_since": START - 100 * DAY, "given_name": "Kim", **columns}
        email = f"{key}@example.com" if contact else None
        customer = put(self.connection, "customers", key=key, email=email, **known)
        put(self.connection, "customer_identities", customer_id=customer, shop_id=self.shop, key=key)
        return customer

    def agrees(self, customer: int, at: datetime | None, *, purpose: str = "marketing", **columns: Any) -> None:
        """A consent, or its withdrawal."""
        values = {"channel": "*", "granted": True, **columns}
        put(self.connection, "consents", customer_id=customer, purpose=purpose, at=at, **values)

    def visits(self, customer: int, at: datetime, kind: str = "visit", **data: str) -> None:
        """Something on the site."""
        key = f"{customer}-{kind}-{at.timestamp()}"
        put(self.connection, "site_events", customer_id=customer, key=key, kind=kind, at=at, data=data)

    def orders(self, customer: int, number: str, placed: datetime, **columns: Any) -> int:
        """An order, of 90 euros by card unless told otherwise."""
        values = {"currency": "EUR", "total_minor": 9000, "payment_method": "card", **columns}
        return put(
            self.connection,
            "orders",
            shop_id=self.shop,
            customer_id=customer,
            number=number,
            placed_at=placed,
            **values,
        )

    def buys_shoes(self, order: int) -> None:
        """A line of an order: shoes take a day to settle in."""
        values = {"quantity": 1, "unit_price_minor": 9000, "currency": "EUR"}
        put(self.connection, "order_lines", order_id=order, line=1, product_id=self.shoe, **values)

    def ships(self, order: int, key: str, shipped: datetime, **columns: Any) -> None:
        """A parcel."""
        put(self.connection, "shipments", order_id=order, key=key, shipped_at=shipped, **{"carrier": "post", **columns})

    def tells(self, customer: int, kind: str, at: datetime, order: int | None = None, **data: str) -> None:
        """An event that no row tells."""
        values = {"shop_id": self.shop, "key": f"{customer}-{kind}-{at.timestamp()}", "kind": kind, "data": data}
        put(self.connection, "events", customer_id=customer, order_id=order, at=at, **values)


def at_the_edges(crowd: Crowd) -> None:
    """Those who surely stand where one thing ends and another begins."""
    _at_night(crowd)
    _under_caps(crowd)
    _paid_at_once(crowd)
    _when_clocks_change(crowd)
    _born(crowd)
    _two_of_each(crowd)
    _climbing(crowd)


def _at_night(crowd: Crowd) -> None:
    """The first and the last instant of quiet hours, and those around them."""
    for zone in (BERLIN, NEW_YORK):
        for clock in ("21:00:00", "08:00:00"):
            for off in (-SECOND, -TICK, timedelta(), SECOND):
                at = local(f"2026-05-12T{clock}", zone) + off
                who = crowd.person(f"night-{zone[:2]}-{clock[:2]}-{off / TICK:.0f}".lower(), zone=zone)
                crowd.visits(who, at)
    for zone, at in ((None, "2026-05-13T02:00"), (None, "2026-05-13T22:30"), ("Asia/Tokyo", "2026-05-15T22:30")):
        crowd.visits(crowd.person(f"night-{at[8:13]}".lower(), zone=zone), local(at, "UTC"))
    for country, at in (("DE", "2026-05-14T12:00"), ("FR", "2026-05-14T12:00"), (None, "2026-05-20T12:00")):
        crowd.visits(crowd.person(f"rest-{country}-{at[8:10]}".lower(), country=country), local(at, "UTC"))
    crowd.visits(crowd.person("rest-sunday"), local("2026-05-17T12:00", "UTC"))
    crowd.visits(crowd.person("blackout"), local("2026-05-26T12:00", "UTC"))
    crowd.visits(crowd.person("night-last", zone=BERLIN), END - 2 * HOUR)


def _under_caps(crowd: Crowd) -> None:
    """Two in three days: the third, and one when the first has just left the three days, or not quite."""
    for name, last in (("third", 2 * HOUR), ("full", 3 * DAY - TICK), ("gone", 3 * DAY), ("second", 3 * DAY + HOUR)):
        who = crowd.person(f"cap-{name}", zone=BERLIN, country="FR")  # no holiday in these days
        for at in (timedelta(), HOUR, last):
            crowd.visits(who, MAY + at)
    who = crowd.person("cap-many", zone=BERLIN)
    crowd.agrees(who, None)
    for days in (0, 14, 28):
        crowd.visits(who, MAY + days * DAY, "cart")


def _paid_at_once(crowd: Crowd) -> None:
    """What stops a journey, at the instant at which it would go on, and around it."""
    for name, off in (("before", -SECOND), ("then", timedelta()), ("after", SECOND)):
        for step, due in (("first", DAY), ("second", 4 * DAY)):
            who = crowd.person(f"paid-{step}-{name}", zone=BERLIN, country="DE")
            paid = MAY + due + off
            crowd.orders(who, f"paid-{step}-{name}", MAY, payment_method="bank_slip", paid_at=paid)
        who = crowd.person(f"race-{name}", zone=BERLIN, country="DE")
        shipped = MAY + DAY + off
        crowd.orders(who, f"race-{name}", MAY, paid_at=MAY, channel="forks", shipped_at=shipped)


def _when_clocks_change(crowd: Crowd) -> None:
    """Hours that are skipped, and that come twice."""
    for zone in (BERLIN, NEW_YORK):
        who = crowd.person(f"clock-{zone[:2]}".lower(), zone=zone, source="clock")
        for day in ("2026-03-06", "2026-03-27", "2026-10-23", "2026-10-30"):
            crowd.visits(who, local(f"{day}T12:00", zone), "product_viewed")


def _born(crowd: Crowd) -> None:
    for name, born in (("leap", date(2000, 2, 29)), ("gap", date(1990, 3, 29)), ("fold", date(1980, 10, 25))):
        crowd.person(f"born-{name}", zone=BERLIN, birthday=born, known_since=START - 5 * DAY)
    crowd.agrees(crowd.person("known-gap", zone=BERLIN, known_since=datetime(2026, 2, 27, 12, tzinfo=UTC)), None)


def _two_of_each(crowd: Crowd) -> None:
    """Two parcels of an order and two cases: what is told of one is not told of the other."""
    who = crowd.person("two", zone=BERLIN)
    order = crowd.orders(who, "two-1", MAY - DAY, paid_at=MAY - DAY)
    for key, hours in (("a", 0), ("b", 5)):
        crowd.ships(order, key, MAY + hours * HOUR, estimated_at=MAY + 4 * DAY)
    crowd.tells(who, "shipment.delayed", MAY + DAY, order, shipment="a", estimated_at="2026-05-18T10:00:00Z")
    for key in ("k1", "k2"):
        put(crowd.connection, "cases", customer_id=who, key=f"two-{key}", kind="complaint", opened_at=MAY)
    crowd.tells(who, "case.reopened", MAY + 2 * DAY, case="two-k1")


def _climbing(crowd: Crowd) -> None:
    """Of several tiers, some of whom rise, and who buys three times within the window."""
    for number, spent in enumerate((100, 200, 400, 800, 1600, 3200)):
        who = crowd.person(f"tier-{number}", zone=BERLIN)
        placed = START - (20 + number) * DAY
        crowd.orders(who, f"tier-{number}", placed, paid_at=placed, total_minor=spent * 100)
    for days in (0, 2, 3, 4):
        placed = MAY + days * DAY
        crowd.orders(who - 5, f"rise-{days}", placed, paid_at=placed, total_minor=90000)


def by_chance(crowd: Crowd, people: int, seed: int) -> None:
    """So many people to whom anything may happen."""
    chance = random.Random(seed)
    for number in range(people):
        _somebody(crowd, chance, f"p{seed}-{number:03}")


def _near(chance: random.Random) -> datetime:
    return MAY + timedelta(minutes=chance.randint(0, 12 * 1440))


def _somebody(crowd: Crowd, chance: random.Random, key: str) -> None:
    who = crowd.person(
        key,
        contact=chance.random() < 0.9,
        phone="+4915112345678" if chance.random() < 0.6 else None,
        zone=chance.choice(ZONES),
        country=chance.choice(("DE", "BR", "FR", None)),
        birthday=date(1990, 5, chance.randint(9, 25)) if chance.random() < 0.2 else None,
        known_since=chance.choice((START - 100 * DAY, MAY - 29 * DAY, MAY + DAY)),
    )
    answers = {
        (purpose, chance.choice(("*", "email", "sms")), chance.choice((None, _near(chance), START - DAY)))
        for purpose in ("marketing", "service")
        for _ in range(chance.randint(0, 2))
    }
    for purpose, channel, at in sorted(answers, key=str):
        crowd.agrees(who, at, purpose=purpose, channel=channel, granted=chance.random() < 0.75)
    _troubles(crowd, chance, who, key)
    for kind in ("visit", "cart", "log_in", "product_viewed", "search"):
        for _ in range(chance.choice((0, 0, 0, 1, 2))):
            data = {"query": chance.choice(("shoes", "hats"))} if kind == "search" else {}
            crowd.visits(who, _near(chance), kind, **data)
    for number in range(chance.choice((0, 0, 1, 1, 2))):
        _order(crowd, chance, who, f"{key}-{number}")


def _troubles(crowd: Crowd, chance: random.Random, who: int, key: str) -> None:
    since = _near(chance)
    if chance.random() < 0.2:
        until = since + 2 * DAY if chance.random() < 0.5 else None
        values = {"channel": chance.choice(("email", "sms", "*")), "reason": "bounced", "since": since, "until": until}
        put(crowd.connection, "suppressions", customer_id=who, **values)
    if chance.random() < 0.15:
        values = {"tag": "blocked", "author": "anna", "expires_at": since + 3 * DAY}
        put(crowd.connection, "hand_tags", customer_id=who, at=since, recorded_at=since, **values)
    if chance.random() < 0.25:
        opened = _near(chance)
        answered = opened + chance.randint(1, 40) * HOUR if chance.random() < 0.5 else None
        closed = opened + chance.randint(41, 120) * HOUR if chance.random() < 0.6 else None
        values = {"kind": chance.choice(("complaint", "inquiry")), "opened_at": opened, "answered_at": answered}
        put(crowd.connection, "cases", customer_id=who, key=f"{key}-k", closed_at=closed, **values)
    if chance.random() < 0.1:
        crowd.tells(who, "customer.updated", _near(chance), source="shop")


def _order(crowd: Crowd, chance: random.Random, who: int, number: str) -> None:
    placed = _near(chance) if chance.random() < 0.8 else START - chance.choice((1, 59, 60, 61)) * DAY
    paid = placed + chance.choice((0, 1, 24, 30, 90)) * HOUR if chance.random() < 0.8 else None
    shipped = paid and paid + chance.randint(2, 40) * HOUR
    arrived = shipped + chance.randint(10, 90) * HOUR if shipped and chance.random() < 0.8 else None
    cancelled = placed + chance.randint(1, 90) * HOUR if chance.random() < 0.1 else None
    total = chance.choice((1500, 9000, 45000))
    order = crowd.orders(
        who,
        number,
        placed,
        paid_at=paid,
        shipped_at=shipped,
        delivered_at=arrived,
        cancelled_at=cancelled,
        payment_method=chance.choice(("bank_slip", "card")),
        channel=chance.choice(("forks", "rewards")),
        total_minor=total,
    )
    if chance.random() < 0.3:
        crowd.buys_shoes(order)
    if shipped:
        promise = shipped + chance.choice((20, 60, 120)) * HOUR
        out = arrived - 4 * HOUR if arrived and chance.random() < 0.6 else None
        lost = shipped + 50 * HOUR if not arrived and chance.random() < 0.5 else None
        crowd.ships(
            order, "a", shipped, estimated_at=promise, out_for_delivery_at=out, delivered_at=arrived, lost_at=lost
        )
    if arrived and chance.random() < 0.5:
        asked = arrived + chance.randint(1, 30) * HOUR
        values = {"requested_at": asked, "refunded_at": asked + 20 * HOUR, "refund_minor": total // 2}
        put(crowd.connection, "returns", order_id=order, key="r", currency="EUR", **values)
