"""The facts of a made-up shop: people in many zones who agree and refuse, order, pay, cancel and complain."""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from engine.dispatch.versions import publish
from engine.language.rules import Rules

Connection = psycopg.Connection[Any]

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
PLACES = (
    ("Europe/Berlin", "DE"), ("Europe/Paris", "FR"), ("America/New_York", "US"), ("America/Sao_Paulo", "BR"),
    ("Asia/Kathmandu", "NP"), ("Pacific/Auckland", "NZ"), (None, "DE"), ("Europe/London", None),
)  # fmt: skip
_DAYS = 60


@dataclass(frozen=True)
class Started:
    """A journey that is to run: its row, its playbook and when it begins."""

    journey: int
    playbook: str
    at: datetime


def open_shop(connection: Connection, rules: Rules, customers: int, seed: int) -> list[Started]:
    """Fills an empty database with facts and journeys; the caller commits."""
    dice = random.Random(seed)
    version = publish(connection, rules)
    shop = connection.execute(
        "insert into shops (key, name, zone, currency, country) values ('s', 'S', 'Europe/Berlin', 'EUR', 'DE')"
        " returning id"
    ).fetchone()
    people = range(1, customers + 1)
    _copy(connection, "customers", ("id", "key", "email", "phone", "zone", "country"), map(_person(dice), people))
    _copy(connection, "consents", ("customer_id", "purpose", "channel", "granted", "at"), _consents(dice, people))
    _copy(connection, "suppressions", ("customer_id", "channel", "reason", "since", "until"), _barred(dice, people))
    _copy(connection, "cases", ("customer_id", "key", "kind", "opened_at"), _cases(dice, people))
    assert shop is not None
    orders = list(_orders(dice, people))
    names = ("id", "shop_id", "number", "customer_id", "placed_at", "paid_at", "cancelled_at", "currency")
    _copy(connection, "orders", names, [(row[0], shop[0], f"N{row[0]}", *row[1:], "EUR") for row in orders])
    rows = list(_journeys(dice, people, orders, version))
    _copy(
        connection,
        "journeys",
        ("id", "workflow_id", "playbook", "version", "subject", "subject_id", "occasion", "customer_id", "order_id",
         "started_at"),
        rows,
    )  # fmt: skip
    for table in ("customers", "consents", "suppressions", "cases", "orders", "journeys"):
        connection.execute(sql.SQL("analyze {}").format(sql.Identifier(table)))
    return [Started(row[0], row[2], row[9]) for row in rows]


def _copy(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    statement = sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor().copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _instant(dice: random.Random) -> datetime:
    return BEGIN + timedelta(seconds=dice.randrange(_DAYS * 86400))


def _person(dice: random.Random) -> Callable[[int], tuple[object, ...]]:
    def person(number: int) -> tuple[object, ...]:
        zone, country = dice.choice(PLACES)
        email = None if dice.random() < 0.1 else f"c{number}@example.com"
        return number, f"c{number}", email, f"+49{number:010}" if dice.random() < 0.6 else None, zone, country

    return person


def _consents(dice: random.Random, people: Iterable[int]) -> Iterable[tuple[object, ...]]:
    for number in people:
        for purpose, agreed in (("marketing", 0.75), ("service", 0.9)):
            if dice.random() < 0.9:
                yield number, purpose, "*", dice.random() < agreed, BEGIN - timedelta(days=1)
            for _ in range(dice.randrange(3)):
                yield number, purpose, dice.choice(("*", "email", "sms")), dice.random() < 0.5, _instant(dice)


def _barred(dice: random.Random, people: Iterable[int]) -> Iterable[tuple[object, ...]]:
    for number in people:
        if dice.random() < 0.4:
            since = BEGIN + timedelta(seconds=dice.randrange(25 * 86400))
            until = since + timedelta(days=9) if dice.random() < 0.5 else None
            yield number, dice.choice(("*", "email", "sms")), "bounced", since, until


def _cases(dice: random.Random, people: Iterable[int]) -> Iterable[tuple[object, ...]]:
    for number in people:
        for case in range(dice.randrange(4)):
            yield number, f"case{number}/{case}", "complaint", _instant(dice)


def _orders(dice: random.Random, people: Iterable[int]) -> Iterable[tuple[Any, ...]]:
    order = 0
    for number in people:
        for _ in range(2):
            order += 1
            placed = BEGIN + timedelta(seconds=dice.randrange(30 * 86400))
            after = placed + timedelta(seconds=dice.randrange(20 * 86400))
            what = dice.random()
            yield order, number, placed, after if what < 0.4 else None, after if what > 0.9 else None


def _journeys(
    dice: random.Random, people: Iterable[int], orders: list[tuple[Any, ...]], version: str
) -> Iterable[tuple[Any, ...]]:
    journey = 0
    for order, number, placed, _, _ in orders:
        for playbook in ("reminder", "receipt"):
            journey += 1
            name = f"{playbook}/order-{order}/1"
            yield journey, name, playbook, version, "order", order, 1, number, order, placed
    for number in people:
        for playbook in ("news", "trial") if dice.random() < 0.4 else ("news",):
            journey += 1
            begun = BEGIN + timedelta(seconds=dice.randrange(20 * 86400))
            name = f"{playbook}/customer-{number}/1"
            yield journey, name, playbook, version, "customer", number, 1, number, None, begun
