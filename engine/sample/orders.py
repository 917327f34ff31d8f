"""A year of the sample shop's orders, each through to its delivery, cancellation or silence."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from engine.sample.chance import SEASON, WEEKDAYS, Chance, at
from engine.sample.model import Line, Order, Person, Product
from engine.sample.words import CAMPAIGNS, CHANNELS

# Mean days between two orders.
_RHYTHM = {"loyal": 34, "regular": 80, "occasional": 150, "lapsed": 45}
_METHODS = ("card", "paypal", "invoice", "bank_slip")
_METHOD_WEIGHTS = {"DE": (20, 35, 25, 20), "AT": (25, 30, 25, 20)}
_ELSEWHERE = (50, 35, 5, 10)
FREE_SHIPPING_FROM, SHIPPING = 6000, 490
_SHOP_ZONE = "Europe/Berlin"


def make_orders(
    seed: int, people: Sequence[Person], products: Sequence[Product], start: datetime, end: datetime
) -> list[Order]:
    """The orders of everybody's habits, unsorted and without numbers."""
    chance = Chance(seed, "orders")
    orders = []
    for person in people:
        for day in _days(chance, person, start, end):
            placed = chance.moment(day, person.zone, evenings=person.evenings)
            if person.signed_up <= placed < end:
                order = new_order(chance, person, placed, products)
                fulfil(chance, order, pays_after=_payment_delay(chance, order.payment_method))
                orders.append(order)
    return orders


def new_order(
    chance: Chance, person: Person, placed: datetime, products: Sequence[Product], method: str | None = None
) -> Order:
    """An order as it is placed: what, how paid, where from."""
    known = [product for product in products if product.launched <= placed]
    weights = [(6.0 if product.category == person.category else 1.0) / (1 + i % 7) for i, product in enumerate(known)]
    campaign = _in_campaign(placed)
    lines: dict[str, Line] = {}
    for _ in range(chance.weighted((1, 2, 3, 5), (50, 30, 15, 5))):
        product = chance.weighted(known, weights)
        reduced = chance.happens(0.55 if campaign else 0.12)
        quantity = chance.weighted((1, 2, 3), (80, 15, 5))
        lines[product.key] = Line(product, quantity, product.price * quantity // 5 if reduced else 0)
    goods = sum(line.product.price * line.quantity - line.discount for line in lines.values())
    return Order(
        person=person,
        placed=placed,
        payment_method=method or chance.weighted(_METHODS, _METHOD_WEIGHTS.get(person.country, _ELSEWHERE)),
        channel=chance.weighted(CHANNELS, (40, 25, 15, 15, 20 if campaign else 5)),
        platform=chance.weighted(("shop", "marketplace"), (85, 15)),
        lines=list(lines.values()),
        shipping=0 if goods >= FREE_SHIPPING_FROM else SHIPPING,
        discount=goods // 10 if chance.happens(0.08) else 0,
        ship_to_differs=chance.happens(0.22 if placed.month == 12 else 0.06),
    )


def fulfil(
    chance: Chance, order: Order, *, pays_after: timedelta | None, cancelled_after: timedelta | None = None
) -> None:
    """Lets the order take its course: paid, packed, shipped and delivered, or cancelled, or nothing at all."""
    by_invoice = order.payment_method == "invoice"
    awaited = timedelta() if by_invoice or pays_after is None else pays_after
    order.estimated = _promised(order.placed + awaited, order.person.country)
    if cancelled_after is not None:
        order.cancelled = order.placed + cancelled_after
        return
    if pays_after is None:
        if chance.happens(0.7):  # the shop gives it up after two weeks
            order.cancelled = order.placed + timedelta(days=14) + chance.hours(0, 12)
        return
    order.paid = order.placed + pays_after
    released = order.placed if by_invoice else order.paid
    if not by_invoice and chance.happens(0.03):
        order.cancelled = released + chance.hours(1, 12)
        return
    order.packed = released + chance.hours(3, 30)
    order.shipped = order.packed + chance.hours(1, 20)
    slow = chance.happens(0.16 if order.placed.month in (11, 12) else 0.08)
    order.delivered = order.shipped + chance.hours(24, 70) + (chance.hours(72, 200) if slow else timedelta())


def _days(chance: Chance, person: Person, start: datetime, end: datetime) -> Iterator[date]:
    first, last = person.signed_up.date(), end.date()
    match person.habit:
        case "newcomer" | "prospect":
            return
        case "once":
            yield min(first + timedelta(days=chance.whole(0, 5)), last - timedelta(days=20))
            return
        case "lapsed":
            last = start.date() + timedelta(days=chance.whole(120, 250))
    mean = _RHYTHM[person.habit]
    day = first + timedelta(days=chance.whole(0, 5))
    while day <= last:
        if chance.happens(WEEKDAYS[day.weekday()] / max(WEEKDAYS)):
            yield day
            # Half a month ahead: it is the season of the next order that counts.
            season = SEASON[(day + timedelta(days=15)).month - 1]
            day += timedelta(days=max(1, int(chance.gap(mean) / season**2)))
        else:
            day += timedelta(days=1)


def _payment_delay(chance: Chance, method: str) -> timedelta | None:
    match method:
        case "bank_slip":
            band = chance.weighted(((0.5, 20), (20, 36), (36, 96), None), (62, 15, 13, 10))
            return chance.hours(*band) if band else None
        case "invoice":
            return chance.hours(5 * 24, 24 * 24)
        case _:
            return timedelta(seconds=chance.whole(2, 180))


def _promised(released: datetime, country: str) -> datetime:
    days = 5 if country in ("DE", "AT") else 7
    return at(released.astimezone(ZoneInfo(_SHOP_ZONE)).date() + timedelta(days=days), _SHOP_ZONE, 20)


def _in_campaign(instant: datetime) -> bool:
    day = instant.date()
    return any(date(*start) <= day < date(*end) for _, _, start, end in CAMPAIGNS)
