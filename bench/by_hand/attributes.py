"""Forty of the shipped attributes as one plain Python function over the same rows.

Written as one would write it for these forty alone: one pass over each relation, fields by their place, what several
attributes share computed once.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from engine.attributes.facts import CustomerFacts
from engine.attributes.relations import RELATIONS

Rows = Sequence[Any]
Values = dict[str, Any]
DAY = 86_400_000_000
_zone = cache(ZoneInfo)


def _places(relation: str, *fields: str) -> tuple[int, ...]:
    return tuple(RELATIONS[relation].slots[field] for field in fields)


(
    O_PAID, O_CANCELLED, O_DELIVERED, O_ESTIMATED, O_TOLD, O_CLOSED, O_COUNTS, O_CHANNEL, O_METHOD, O_CURRENCY, O_TOTAL,
    O_DIFFERS,
) = _places(
    "orders", "paid_at", "cancelled_at", "delivered_at", "estimated_at", "told_at", "closed", "counts", "channel",
    "payment_method", "currency", "total", "ship_to_differs",
)  # fmt: skip
P_PAID, P_CANCELLED, P_COUNTS, P_CURRENCY, P_AMOUNT = _places(
    "payments", "paid_at", "cancelled_at", "counts", "currency", "amount"
)
(
    L_PAID, L_CANCELLED, L_COUNTS, L_PRODUCT, L_CATEGORY, L_LAUNCHED, L_QUANTITY, L_CURRENCY, L_PRICE, L_DISCOUNTED,
) = _places(
    "lines", "paid_at", "cancelled_at", "counts", "product", "category", "launched_at", "quantity", "currency",
    "unit_price", "discounted",
)  # fmt: skip
(R_SCORE,) = _places("reviews", "score")
C_KIND, C_CLOSED = _places("cases", "kind", "closed_at")


def attributes(facts: CustomerFacts, at: int, currency: str) -> Values:
    """The attributes of one customer as of an instant."""
    rows = facts.rows
    values: Values = {}
    _orders(rows["orders"], at, currency, _zone(facts.zone), values)
    _payments(rows["payments"], at, currency, values)
    _lines(rows["lines"], at, currency, values)
    _reviews(rows["reviews"], at, values)
    _cases(rows["cases"], at, values)
    spent, orders = values["spend_ever"], values["paid_orders"]
    values["average_order_value"] = round(Decimal(spent) / orders) if orders and spent is not None else None
    own, passed = values["median_order_interval"], values["days_since_last_order"]
    values["order_pause_ratio"] = round(passed / own, 2) if own else None
    return values


def _local(at: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at // 1_000_000, zone)


def _orders(orders: Rows, at: int, currency: str, zone: ZoneInfo, values: Values) -> None:  # noqa: PLR0912, PLR0915 -- one pass for all, as the measure asks
    paid_at, in_90, in_365, in_730 = [], 0, 0, 0
    unpaid = cancelled = late = gifts = delivery_days = deliveries = 0
    last_delivered = largest = None
    last_channel = last_method = (-1, "", None)
    channels, latest_of, hours, latest_at = Counter(), {}, Counter(), {}
    for row in orders:
        placed = row[0]
        if placed > at:
            continue
        paid = row[O_PAID]
        gone = row[O_CANCELLED]
        paid = paid is not None and paid <= at
        gone = gone is not None and gone <= at
        closed = row[O_CLOSED] is not None and row[O_TOLD] <= at
        channel = row[O_CHANNEL]
        if channel is not None and (placed, row[1]) > last_channel[:2]:
            last_channel = placed, row[1], channel
        method = row[O_METHOD]
        if method is not None and (placed, row[1]) > last_method[:2]:
            last_method = placed, row[1], method
        hour = _local(placed, zone).hour
        hours[hour] += 1
        latest_at[hour] = max(placed, latest_at.get(hour, placed))
        if gone or closed:
            cancelled += 1
        elif not paid and row[O_COUNTS]:
            unpaid += 1
        delivered = row[O_DELIVERED]
        if delivered is not None and delivered <= at:
            deliveries += 1
            delivery_days += (delivered - placed) // DAY
            if last_delivered is None or delivered > last_delivered:
                last_delivered = delivered
            promised = row[O_ESTIMATED]
            if promised is not None and delivered > promised:
                late += _local(delivered, zone).date() > _local(promised, zone).date()
        if paid and not gone and row[O_COUNTS]:
            paid_at.append(placed)
            since = at - placed
            in_90 += since < 90 * DAY
            in_365 += since < 365 * DAY
            in_730 += since < 730 * DAY
            gifts += row[O_DIFFERS] is True
            if channel is not None:
                channels[channel] += 1
                latest_of[channel] = max(placed, latest_of.get(channel, placed))
            if row[O_CURRENCY] == currency:
                total = row[O_TOTAL]
                if total is not None and (largest is None or total > largest):
                    largest = total
    values["paid_orders"] = len(paid_at)
    values["orders_90d"] = in_90
    values["orders_365d"] = in_365
    values["paid_orders_730d"] = in_730
    values["first_time_buyer"] = not paid_at
    values["days_since_last_order"] = (at - max(paid_at)) // DAY if paid_at else None
    values["days_since_first_order"] = (at - min(paid_at)) // DAY if paid_at else None
    values["unpaid_orders"] = unpaid
    values["cancelled_orders"] = cancelled
    values["last_channel"] = last_channel[2]
    values["last_payment_method"] = last_method[2]
    values["top_channel"] = _top(channels, latest_of)
    values["order_hour"] = _top(hours, latest_at)
    values["gift_order_share"] = round(Decimal(gifts) / len(paid_at), 2) if paid_at else None
    values["late_deliveries"] = late
    values["average_delivery_days"] = round(Decimal(delivery_days) / deliveries, 1) if deliveries else None
    values["days_since_last_delivery"] = (at - last_delivered) // DAY if last_delivered is not None else None
    values["largest_order"] = largest
    instants = sorted(set(paid_at))
    pauses = [after - before for before, after in pairwise(instants)]
    values["last_order_interval"] = pauses[-1] // DAY if pauses else None
    values["median_order_interval"] = _median_days(pauses) if pauses else None


def _median_days(lengths: list[int]) -> Decimal:
    lengths.sort()
    middle = len(lengths) // 2
    return round(Decimal(lengths[middle] + lengths[-1 - middle]) / (2 * DAY), 1)


def _payments(payments: Rows, at: int, currency: str, values: Values) -> None:
    """A sum of amounts that are all in other currencies is unknown: `known` and `foreign` are the latest of each."""
    in_90 = in_365 = in_730 = ever = 0
    known = foreign = None
    for row in payments:
        made, paid, gone = row[0], row[P_PAID], row[P_CANCELLED]
        if made is None or made > at or paid is None or paid > at or not row[P_COUNTS]:
            continue
        if gone is not None and gone <= at:
            continue
        since = at - made
        amount = row[P_AMOUNT]
        if row[P_CURRENCY] != currency or amount is None:
            foreign = since if foreign is None else min(foreign, since)
            continue
        known = since if known is None else min(known, since)
        ever += amount
        if since < 730 * DAY:
            in_730 += amount
            if since < 365 * DAY:
                in_365 += amount
                if since < 90 * DAY:
                    in_90 += amount
    for name, total, window in (
        ("spend_90d", in_90, 90 * DAY),
        ("spend_365d", in_365, 365 * DAY),
        ("spend_24mo", in_730, 730 * DAY),
        ("spend_ever", ever, at + 1),
    ):
        unknown = foreign is not None and foreign < window and (known is None or known >= window)
        values[name] = None if unknown else total


def _lines(lines: Rows, at: int, currency: str, values: Values) -> None:
    pieces = new = discounted = number = prices = priced = 0
    highest = None
    products, categories, latest_of = set(), Counter(), {}
    for row in lines:
        placed, paid, gone = row[0], row[L_PAID], row[L_CANCELLED]
        if placed > at or paid is None or paid > at or not row[L_COUNTS] or (gone is not None and gone <= at):
            continue
        number += 1
        pieces += row[L_QUANTITY]
        discounted += row[L_DISCOUNTED]
        if row[L_PRODUCT] is not None:
            products.add(row[L_PRODUCT])
        category = row[L_CATEGORY]
        if category is not None:
            categories[category] += 1
            latest_of[category] = max(placed, latest_of.get(category, placed))
        launched = row[L_LAUNCHED]
        if launched is not None and 0 <= placed - launched < 14 * DAY and at - placed < 365 * DAY:
            new += 1
        if row[L_CURRENCY] == currency:
            price = row[L_PRICE]
            prices += price
            priced += 1
            if highest is None or price > highest:
                highest = price
    values["pieces_bought"] = pieces
    values["products_bought"] = len(products)
    values["categories_bought"] = len(categories)
    values["top_category"] = _top(categories, latest_of)
    values["new_arrivals_365d"] = new
    values["discounted_line_share"] = round(Decimal(discounted) / number, 2) if number else None
    values["highest_unit_price"] = highest
    values["average_unit_price"] = round(Decimal(prices) / priced) if priced else None


def _reviews(reviews: Rows, at: int, values: Values) -> None:
    number = total = bad = 0
    last = (-1, "", None)
    for row in reviews:
        written = row[0]
        if written > at:
            continue
        score = row[R_SCORE]
        number += 1
        total += score
        bad += score <= 2
        if (written, row[1]) > last[:2]:
            last = written, row[1], score
    values["reviews_written"] = number
    values["average_review_score"] = round(Decimal(total) / number, 2) if number else None
    values["last_review_score"] = last[2]
    values["bad_reviews"] = bad


def _cases(cases: Rows, at: int, values: Values) -> None:
    still_open = recent = 0
    for row in cases:
        opened, closed = row[0], row[C_CLOSED]
        if opened > at or row[C_KIND] != "complaint":
            continue
        still_open += closed is None or closed > at
        recent += at - opened < 90 * DAY
    values["open_complaints"] = still_open
    values["complaints_90d"] = recent


def _top(counted: Counter[Any], latest_of: dict[Any, int]) -> Any:
    return min(counted, key=lambda value: (-counted[value], -latest_of[value], value), default=None)
