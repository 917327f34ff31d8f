"""How much customers have paid, in the reporting currency."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import psycopg

Connection = psycopg.Connection[Any]

_SPEND = """
select o.customer_id, sum(y.amount_minor)::bigint
  from orders o join payments y on y.order_id = o.id
 where o.customer_id = any(%(ids)s) and o.paid_at <= %(at)s and coalesce(y.paid_at, o.paid_at) <= %(at)s
   and y.currency = %(currency)s group by 1
"""


def spend_of(connection: Connection, ids: Collection[int], currency: str | None, at: datetime) -> dict[int, int]:
    """All payments of paid orders as of an instant, in minor units, of each who has any: as `spend_ever` counts."""
    if currency is None or not ids:
        return {}
    return dict(connection.execute(_SPEND, {"ids": list(ids), "at": at, "currency": currency}).fetchall())
