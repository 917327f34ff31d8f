"""What coupons are worth in money, as far as the codes that were imported say so; nothing is made up."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from engine.money import Money

_VALUES = """
select pool, currency, min(value_minor), max(value_minor) from coupons
 where value_minor is not null and currency is not null group by pool, currency
"""


@dataclass(frozen=True, slots=True)
class Worth:
    """What one coupon of a pool is worth: from `low` to `high`, which most often are the same."""

    low: Money
    high: Money


def worth_of_pools(connection: psycopg.Connection[Any]) -> Mapping[str, Worth]:
    """By pool; a pool is missing whose codes say nothing, or have several currencies."""
    found: dict[str, list[Worth]] = {}
    for pool, currency, low, high in connection.execute(_VALUES):
        found.setdefault(pool, []).append(Worth(Money(low, currency), Money(high, currency)))
    return {pool: worth for pool, (worth, *more) in found.items() if not more}


def cost(worth: Worth | None, many: int) -> str:
    """What so many coupons cost if all are redeemed, in words."""
    if worth is None:
        return "unknown: its codes carry no value"
    low, high = (Money(each.minor * many, each.currency) for each in (worth.low, worth.high))
    return money(low) if low == high else f"{money(low)} to {money(high)}"


def money(amount: Money) -> str:
    """`12,345.00 EUR`."""
    return f"{amount.amount:,} {amount.currency}"
