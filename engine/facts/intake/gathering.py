"""Rows of a round's events, written by one statement for all of a kind.

Events of a round have nothing to do with each other, so in which order their rows are written makes no difference.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import psycopg

# As `_LOG` of one event does it; numbers are given in the order of the events.
_LOG = """
with told as (
    select * from unnest(%(shop)s::bigint[], %(shop_key)s::text[], %(key)s::text[], %(kind)s::text[],
                         %(customer)s::bigint[], %(order)s::bigint[], %(at)s::timestamptz[], %(data)s::jsonb[],
                         %(recorded)s::timestamptz[])
             with ordinality as t (shop, shop_key, key, kind, customer, number, at, data, recorded, place)
), logged as (
    insert into events (shop_id, key, kind, customer_id, order_id, at, data, recorded_at)
    select shop, key, kind, customer, number, at, data, recorded from told order by place
    on conflict (shop_id, key) do nothing returning id, shop_id, key, customer_id
), bumped as (
    update customers c set fact_version = c.fact_version + l.events
      from (select customer_id, count(*) as events from logged group by customer_id) l
     where c.id = l.customer_id
), settled as (
    update refused_events r set replayed_at = t.recorded
      from told t join logged l on l.shop_id = t.shop and l.key = t.key
     where r.shop = t.shop_key and r.key = t.key and r.replayed_at is null
)
select shop_id, key, id from logged
"""
Row = Mapping[str, object]


@dataclass
class Gathering:
    """What is to be written: the events' rows in the log, and rows by the statement that writes them."""

    events: list[Row] = field(default_factory=list)
    others: dict[str, list[Row]] = field(default_factory=dict)
    _logged: psycopg.Cursor[Any] | None = None

    def add(self, statement: str, row: Row) -> None:
        """Adds a row of a statement whose parameters are arrays."""
        self.others.setdefault(statement, []).append(row)

    def write(self, connection: psycopg.Connection[Any]) -> None:
        """Sends all, without waiting for what becomes of it."""
        if self.events:
            self._logged = connection.execute(_LOG, _columns(self.events))
        for statement, rows in self.others.items():
            connection.execute(statement, _columns(rows))

    @cached_property
    def logged(self) -> Mapping[tuple[int, str], int]:
        """The log's numbers by shop and key, of those that were not in the log."""
        rows = () if self._logged is None else self._logged.fetchall()
        return {(shop, key): number for shop, key, number in rows}


def _columns(rows: list[Row]) -> dict[str, list[object]]:
    return {name: [row[name] for row in rows] for name in rows[0]}
