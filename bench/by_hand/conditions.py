"""Conditions as rules have them, beside the lambda that somebody would write for each. Both get the attributes."""

from collections.abc import Callable, Mapping
from typing import Any

CONDITIONS = """
attributes:
  spend_24mo: {title: Spend, type: money, sum: payments.amount}
  days_since_last_order: {title: Days, type: integer, days_since: orders.placed_at}
  country: {title: Country, type: string, value: customer.country}
  paid_orders: {title: Orders, type: integer, count: orders}
  open_complaints: {title: Complaints, type: integer, count: cases}
  categories: {title: Categories, type: set, distinct: lines.category}
  marketing_email_consent: {title: Consent, type: boolean, last: consents.granted}
  night_order_share: {title: Night, type: decimal, scale: 2, share: orders, that: {paid: true}}
"""
"""The attributes that they compare."""

YAML: Mapping[str, str] = {
    "dormant": """{all: [{days_since_last_order: {gte: 90, lt: 365}}, {spend_24mo: {gte: 500 EUR}},
        {any: [{country: [DE, FR]}, {marketing_email_consent: true}]}]}""",
    "loyal": "{paid_orders: {gte: 4}, open_complaints: 0}",
    "shoes": "{categories: {has_any: [shoes, boots]}, country: {not_in: [US, CA]}}",
    "night": "{all: [{night_order_share: {gt: 0.5}}, {not: {paid_orders: {lt: 2}}}]}",
    "known": "{any: [{country: {unknown: true}}, {spend_24mo: {gt: 0 EUR}}]}",
}

LAMBDAS: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "dormant": lambda a: (
        a["days_since_last_order"] is not None
        and 90 <= a["days_since_last_order"] < 365
        and a["spend_24mo"] is not None
        and a["spend_24mo"] >= 50_000
        and (a["country"] in ("DE", "FR") or a["marketing_email_consent"] is True)
    ),
    "loyal": lambda a: a["paid_orders"] >= 4 and a["open_complaints"] == 0,
    "shoes": lambda a: (
        not a["categories"].isdisjoint(("shoes", "boots"))
        and a["country"] is not None
        and a["country"] not in ("US", "CA")
    ),
    "night": lambda a: (
        a["night_order_share"] is not None and a["night_order_share"] * 2 > 1 and not a["paid_orders"] < 2
    ),
    "known": lambda a: a["country"] is None or (a["spend_24mo"] is not None and a["spend_24mo"] > 0),
}
