"""The whole sample shop as tables, and as CSV files."""

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from engine.sample.catalogue import make_products
from engine.sample.chance import Chance, at
from engine.sample.model import Order, Person, Product, Table
from engine.sample.orders import make_orders
from engine.sample.people import make_people
from engine.sample.responses import make_cases, make_returns, make_reviews, make_site_events
from engine.sample.scenes import DAYS, play_scenes
from engine.sample.text import euros, instant, word
from engine.sample.words import CAMPAIGNS, COUPONS

ZONE = "Europe/Berlin"
# Midnight in Berlin; two nights before, the clocks went forward, so the last weeks have a short night.
END = at(date(2025, 4, 1), ZONE, 0)
LAST_WEEKS = END - timedelta(days=DAYS)
"""Where the scenes begin."""
MONTH = END - timedelta(days=31)
"""Where the part begins that a demo replays."""
SEED = 7
CUSTOMERS = 300
_FEWEST = 100


def generate(directory: Path, *, seed: int = SEED, customers: int = CUSTOMERS, end: datetime = END) -> dict[str, int]:
    """Writes the shop as CSV files, one a table; the same arguments give the same bytes.

    Args:
        directory: is made if absent; its files of these names are replaced.
        seed: another seed gives another shop.
        customers: how many, at least 100, so that the last two weeks have somebody for each scene.
        end: the instant at which the data stops, aware. What lies ahead of it is unknown.

    Returns:
        Rows by file name.

    Raises:
        ValueError: too few customers, or an end without a zone.
    """
    tables = make_shop(seed=seed, customers=customers, end=end)
    directory.mkdir(parents=True, exist_ok=True)
    for table in tables:
        with (directory / f"{table.name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(table.columns)
            writer.writerows(table.rows)
    return {f"{table.name}.csv": len(table.rows) for table in tables}


def make_shop(*, seed: int = SEED, customers: int = CUSTOMERS, end: datetime = END) -> list[Table]:
    """The shop's tables, in the order in which one refers to another.

    Raises:
        ValueError: too few customers, or an end without a zone.
    """
    if customers < _FEWEST:
        raise ValueError(f"{customers} customers are too few: the last two weeks need at least {_FEWEST}")
    if end.tzinfo is None:
        raise ValueError("the end needs a zone")
    people, products, orders = make_history(seed=seed, customers=customers, end=end)
    return [
        _customers(people),
        _consents(seed, people, end),
        _suppressions(people, end),
        _products(products),
        _campaigns(),
        _coupons(),
        *_orders(orders, end),
        make_reviews(seed, orders, end),
        make_returns(seed, orders, end),
        make_cases(seed, people, orders, end),
        make_site_events(seed, people, products, orders, end),
    ]


def make_history(*, seed: int, customers: int, end: datetime) -> tuple[list[Person], list[Product], list[Order]]:
    """Customers, products and all orders, numbered in the order of their placing."""
    end = end.astimezone(UTC)
    start = end - timedelta(days=365)
    people = make_people(seed, customers, start, end)
    products = make_products(seed, end)
    orders = make_orders(seed, people, products, start, end)
    orders += play_scenes(seed, people, products, orders, end)
    orders.sort(key=lambda order: (order.placed, order.person.key))
    for number, order in enumerate(orders, start=10001):
        order.number = str(number)
    return people, products, orders


def _customers(people: Sequence[Person]) -> Table:
    columns = (
        "customer", "given_name", "family_name", "email", "phone", "locale", "zone", "country", "region", "city",
        "postal_code", "birthday", "source", "signed_up",
    )  # fmt: skip
    return Table(
        "customers",
        columns,
        [
            (
                each.key,
                each.given_name,
                each.family_name,
                each.email,
                each.phone,
                each.locale,
                each.zone if each.zone_told else "",
                each.country,
                each.region,
                each.city,
                each.postal_code,
                word(each.birthday),
                each.source,
                instant(each.signed_up),
            )
            for each in people
        ],
    )


def _consents(seed: int, people: Sequence[Person], end: datetime) -> Table:
    chance = Chance(seed, "consents")
    table = Table("consents", ("customer", "purpose", "channel", "granted", "at", "source"))
    for person in people:
        told = instant(person.signed_up)
        if chance.happens(0.68):
            table.rows.append((person.key, "marketing", "email", "yes", told, "sign-up"))
            withdrawn = person.signed_up + chance.hours(24 * 30, 24 * 300)
            if chance.happens(0.12) and withdrawn < end:
                table.rows.append((person.key, "marketing", "*", "no", instant(withdrawn), "mail"))
        elif chance.happens(0.5):
            table.rows.append((person.key, "marketing", "*", "no", told, "sign-up"))
        if person.refuses_service:
            table.rows.append((person.key, "service", "*", "no", told, "profile"))
    return table


def _suppressions(people: Sequence[Person], end: datetime) -> Table:
    rows: list[tuple[str, ...]] = [
        (person.key, "email", "bounced", instant(person.bounced))
        for person in people
        if person.bounced is not None and person.email and person.bounced < end
    ]
    return Table("suppressions", ("customer", "channel", "reason", "since"), rows)


def _products(products: Sequence[Product]) -> Table:
    columns = ("product", "title", "category", "price", "launched", "settling_days", "repurchase_days", "color", "size")
    rows: list[tuple[str, ...]] = [
        (
            each.key,
            each.title,
            each.category,
            euros(each.price),
            instant(each.launched),
            str(each.settling),
            word(each.repurchase),
            each.color,
            each.size,
        )
        for each in products
    ]
    return Table("products", columns, rows)


def _campaigns() -> Table:
    rows: list[tuple[str, ...]] = [
        (key, title, instant(at(date(*starts), ZONE, 0)), instant(at(date(*ends), ZONE, 0)))
        for key, title, starts, ends in CAMPAIGNS
    ]
    return Table("campaign_periods", ("campaign", "title", "starts", "ends"), rows)


def _coupons() -> Table:
    """Free codes of the shipped pools; of apologies so few that the pool runs dry."""
    rows: list[tuple[str, ...]] = [
        (pool, f"{word}-{number * 7919 % 9973:04d}") for pool, word, count in COUPONS for number in range(1, count + 1)
    ]
    return Table("coupons", ("pool", "code"), rows)


def _orders(orders: Sequence[Order], end: datetime) -> Iterator[Table]:
    columns = (
        "order", "customer", "platform", "channel", "payment_method", "placed", "paid", "packed", "shipped",
        "estimated", "delivered", "cancelled", "total", "shipping", "discount", "ship_to_differs",
    )  # fmt: skip
    placed = [order for order in orders if order.placed < end]
    yield Table("orders", columns, [_order_row(order, end) for order in placed])
    lines: list[tuple[str, ...]] = [
        (
            order.number,
            str(number),
            line.product.key,
            str(line.quantity),
            euros(line.product.price),
            euros(line.discount) if line.discount else "",
        )
        for order in placed
        for number, line in enumerate(order.lines, start=1)
    ]
    yield Table("order_lines", ("order", "line", "product", "quantity", "unit_price", "discount"), lines)
    paid: list[tuple[str, ...]] = [(order.number, "1", order.payment_method, euros(order.total)) for order in placed]
    yield Table("payments", ("order", "sequence", "method", "amount"), paid)
    parcels: list[tuple[str, ...]] = [
        (
            order.number,
            f"{order.number}-1",
            "Post" if order.person.country in ("DE", "AT") else "Parcel",
            instant(order.shipped),
            instant(order.estimated),
            instant(order.delivered, end),
        )
        for order in placed
        if order.shipped is not None and order.shipped < end
    ]
    yield Table("shipments", ("order", "shipment", "carrier", "shipped", "estimated", "delivered"), parcels)


def _order_row(order: Order, end: datetime) -> tuple[str, ...]:
    return (
        order.number,
        order.person.key,
        order.platform,
        order.channel,
        order.payment_method,
        instant(order.placed),
        *(instant(moment, end) for moment in (order.paid, order.packed, order.shipped)),
        instant(order.estimated),
        instant(order.delivered, end),
        instant(order.cancelled, end),
        euros(order.total),
        euros(order.shipping),
        euros(order.discount) if order.discount else "",
        "yes" if order.ship_to_differs else "no",
    )
