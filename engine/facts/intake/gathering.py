"""Rows of a round's events, written by one statement for all of a kind.

Events of a round have nothing to do with each other, so in which order their rows are written makes no difference.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg

from engine.facts.pipelines import Steps, answers
from engine.facts.rows import Row, Statement, rows_of

# As `_LOG` of one event does it; numbers are given in the order of the events.
LOG = """
with told as (
    select * from rows from (
        jsonb_to_recordset(%(rows)s::jsonb) as (shop bigint, shop_key text, key text, kind text, customer bigint,
                                         "order" bigint, at timestamptz, data jsonb, recorded timestamptz)
    ) with ordinality
), logged as (
    insert into events (shop_id, key, kind, customer_id, order_id, at, data, recorded_at)
    select shop, key, kind, customer, "order", at, data, recorded from told order by ordinality
    on conflict (shop_id, key) do nothing returning id, order_id, shop_id, key, customer_id
), bumped as (
    update customers c set fact_version = c.fact_version + l.events
      from (select customer_id, count(*) as events from logged group by customer_id) l
     where c.id = l.customer_id
), settled as (
    update refused_events r set replayed_at = t.recorded
      from told t join logged l on l.shop_id = t.shop and l.key = t.key
     where r.shop = t.shop_key and r.key = t.key and r.replayed_at is null
)
select id, order_id, shop_id, key from logged
"""


Products = Mapping[tuple[int, str], tuple[int, str | None]]
"""Our number and the category of each product, by our number of its shop and its key."""


@dataclass
class Gathering:
    """What is to be written: the events' rows in the log, and rows by the statement that writes them.

    `products` are those that are known of the ordered ones.
    """

    products: Products = field(default_factory=dict)
    logs: dict[str, list[Row]] = field(default_factory=dict)
    others: dict[str, list[Row]] = field(default_factory=dict)
    logged: Mapping[tuple[int, str], tuple[int, int | None]] = field(default_factory=dict)
    """The log's numbers and those of the orders by shop and key, of those that were not in the log; once written."""

    def log(self, row: Row, statement: str) -> None:
        """Adds an event's row in the log; the statement gives the numbers of it and its order, its shop and its key."""
        self.logs.setdefault(statement, []).append(row)

    def add(self, statement: str, row: Row) -> None:
        """Adds a row of a statement that takes `rows`."""
        self.others.setdefault(statement, []).append(row)

    def writing(self, connection: psycopg.Connection[Any]) -> Steps[None]:
        """Writes all."""
        logs, others = _statements(self.logs), _statements(self.others)

        def send() -> list[psycopg.Cursor[Any]]:
            sent = [connection.execute(*each) for each in logs]
            for each in others:
                connection.execute(*each)
            return sent

        rows = yield from answers(send)
        self.logged = {
            (shop, key): (number, order) for number, order, shop, key, *_ in (row for each in rows for row in each)
        }


def _statements(rows: Mapping[str, list[Row]]) -> list[Statement]:
    return [(statement, {"rows": rows_of(each)}) for statement, each in rows.items()]
