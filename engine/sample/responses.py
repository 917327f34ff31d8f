"""What follows orders in the sample shop, and what people do beside them: reviews, returns, cases, visits."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from engine.sample.chance import Chance
from engine.sample.model import Order, Person, Product, Table
from engine.sample.text import euros, instant, word
from engine.sample.words import CASES, RETURN_REASONS, REVIEWS, SEARCHES


def make_reviews(seed: int, orders: Sequence[Order], end: datetime) -> Table:
    """A third of the delivered orders are reviewed, late ones worse."""
    chance = Chance(seed, "reviews")
    columns = ("review", "order", "product", "score", "title", "body", "created", "answered")
    table = Table("reviews", columns)
    for order in orders:
        if order.delivered is None or not chance.happens(0.34):
            continue
        created = order.delivered + chance.hours(5, 300)
        score = chance.weighted((5, 4, 3, 2, 1), (8, 12, 20, 30, 30) if order.late else (55, 27, 10, 5, 3))
        language = "de" if order.person.locale.startswith("de") else "en"
        answered = created + chance.hours(2, 60) if score <= 2 else None
        if created < end:
            table.rows.append(
                (
                    f"R{len(table.rows) + 1}",
                    order.number,
                    order.lines[0].product.key if chance.happens(0.7) else "",
                    str(score),
                    "",
                    chance.one(REVIEWS[score][language]) if chance.happens(0.6) else "",
                    instant(created),
                    instant(answered, end),
                )
            )
    return table


def make_returns(seed: int, orders: Sequence[Order], end: datetime) -> Table:
    """One delivered order in eleven comes back, in part or whole."""
    chance = Chance(seed, "returns")
    columns = ("return", "order", "kind", "reason", "requested", "received", "refunded", "refund")
    table = Table("returns", columns)
    for order in orders:
        if order.delivered is None or not chance.happens(0.09):
            continue
        requested = order.delivered + chance.hours(10, 250)
        received = requested + chance.hours(48, 150)
        refunded = received + chance.hours(10, 90)
        exchange = chance.happens(0.25)
        line = chance.one(order.lines)
        refund = line.product.price * line.quantity - line.discount
        if requested < end:
            known = not exchange and refunded < end
            table.rows.append(
                (
                    f"T{len(table.rows) + 1}",
                    order.number,
                    "exchange" if exchange else "return",
                    chance.one(RETURN_REASONS),
                    instant(requested),
                    instant(received, end),
                    instant(refunded, end) if not exchange else "",
                    euros(refund) if known else "",
                )
            )
    return table


def make_cases(seed: int, people: Sequence[Person], orders: Sequence[Order], end: datetime) -> Table:
    """Complaints mostly about late orders, inquiries of anybody."""
    chance = Chance(seed, "cases")
    columns = ("case", "customer", "order", "kind", "subject", "opened", "answered", "closed", "satisfaction")
    table = Table("cases", columns)
    about = [
        (order.person, order, "complaint", order.delivered or order.placed)
        for order in orders
        if chance.happens(0.3 if order.late else 0.025)
    ]
    asked = [(person, None, "inquiry", person.signed_up) for person in people if chance.happens(0.12)]
    for person, order, kind, since in (*about, *asked):
        opened = since + chance.hours(2, 120)
        answered = opened + chance.hours(0.3, 30)
        closed = answered + chance.hours(1, 120)
        if opened < end:
            table.rows.append(
                (
                    f"K{len(table.rows) + 1}",
                    person.key,
                    order.number if order else "",
                    kind,
                    chance.one(CASES[kind]),
                    instant(opened),
                    instant(answered, end),
                    instant(closed, end),
                    str(chance.weighted((5, 4, 3, 2, 1), (30, 30, 20, 12, 8))) if closed < end else "",
                )
            )
    return table


def make_site_events(
    seed: int, people: Sequence[Person], products: Sequence[Product], orders: Sequence[Order], end: datetime
) -> Table:
    """What led to each order, and visits that led to none."""
    chance = Chance(seed, "site")
    table = Table("site_events", ("event", "customer", "kind", "product", "at", "query", "device"))
    found = [*_before_orders(chance, orders), *_idle(chance, people, products, end)]
    for at, person, kind, product in sorted(found, key=lambda each: (each[0], each[1].key, each[2])):
        if person.signed_up <= at < end:
            query = chance.one(SEARCHES) if kind == "search" else ""
            device = chance.weighted(("phone", "desktop", "tablet"), (60, 32, 8)) if kind in ("visit", "log_in") else ""
            number = f"V{len(table.rows) + 1}"
            table.rows.append((number, person.key, kind, word(product), instant(at), query, device))
    return table


_Seen = tuple[datetime, Person, str, str | None]


def _before_orders(chance: Chance, orders: Sequence[Order]) -> Iterator[_Seen]:
    for order in orders:
        begin = order.placed - timedelta(minutes=chance.whole(4, 40))
        yield begin, order.person, chance.one(("visit", "log_in")), None
        for step, line in enumerate(order.lines, start=1):
            yield begin + timedelta(seconds=40 * step), order.person, "product_viewed", line.product.key
        yield order.placed - timedelta(seconds=chance.whole(30, 200)), order.person, "cart", order.lines[0].product.key


def _idle(chance: Chance, people: Sequence[Person], products: Sequence[Product], end: datetime) -> Iterator[_Seen]:
    for person in people:
        at = person.signed_up
        while True:
            at += timedelta(days=chance.gap(25 if person.habit != "lapsed" else 60))
            if at >= end:
                break
            begin = chance.moment(at.date(), person.zone, evenings=person.evenings)
            yield begin, person, "visit", None
            if chance.happens(0.3):
                yield begin + timedelta(seconds=30), person, "search", None
            if chance.happens(0.6):
                product = chance.one([each for each in products if each.launched <= at])
                yield begin + timedelta(seconds=70), person, "product_viewed", product.key
                if chance.happens(0.2):  # and is left there
                    yield begin + timedelta(seconds=130), person, "cart", product.key
