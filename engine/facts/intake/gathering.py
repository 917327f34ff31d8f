"""Rows of a round's events in the log, and the facts they tell, written by one statement for all of a kind.

Events of a round have nothing to do with each other, so in which order their rows are written makes no difference.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg

from engine.facts.pipelines import Steps, answers
from engine.facts.rows import Row, rows_of

_LOG = """
with told as (
    select * from rows from (
        jsonb_to_recordset(%(rows)s::jsonb) as (shop bigint, shop_key text, key text, kind text, customer bigint,
                                         "order" bigint, at timestamptz, data jsonb, recorded timestamptz{columns})
    ) with ordinality
), logged as (
    insert into events (shop_id, key, kind, customer_id, order_id, at, data, recorded_at)
    select shop, key, kind, customer, {order}, at, data, recorded from told order by ordinality
    on conflict (shop_id, key) do nothing returning id, order_id, shop_id, key, customer_id
), bumped as (
    update customers c set fact_version = c.fact_version + l.events
      from (select customer_id, count(*) as events from logged group by customer_id) l
     where c.id = l.customer_id
), settled as (
    update refused_events r set replayed_at = t.recorded
      from told t join logged l on l.shop_id = t.shop and l.key = t.key
     where r.shop = t.shop_key and r.key = t.key and r.replayed_at is null
){parts}
select id, order_id, shop_id, key {result}
"""
_FRESH = """, fresh as (
    select l.id, l.order_id, t.* from told t join logged l on l.shop_id = t.shop and l.key = t.key
)"""


def log_with(columns: str, parts: str, *, order: str = '"order"', result: str = "from logged") -> str:
    """A statement that writes events' rows in the log, raises the versions of the customers' facts, and writes more.

    Numbers are given in the order of the events. Of what is in the log already nothing is written.

    Args:
        columns: more columns of `rows`, with their types.
        parts: more parts of its `with`, which read `fresh`: `rows` that were not in the log, with their `id` there.
        order: our number of the order.
        result: whence the rows come that are written, with what else is to be asked of them.
    """
    return _LOG.format(columns=f", {columns}", order=order, parts=f"{_FRESH}{parts}", result=result)


LOG = _LOG.format(columns="", order='"order"', parts="", result="from logged")


@dataclass
class Gathering:
    """The rows that events of a round write in the log, by the statement that writes them."""

    logs: dict[str, list[Row]] = field(default_factory=dict)
    logged: Mapping[tuple[int, str], tuple[int, int | None]] = field(default_factory=dict)
    """The log's numbers and those of the orders by shop and key, of those that were not in the log; once written."""

    def log(self, row: Row, statement: str) -> None:
        """Adds an event's row; the statement gives the numbers of it and its order, its shop and its key."""
        self.logs.setdefault(statement, []).append(row)

    def writing(self, connection: psycopg.Connection[Any], then: Callable[[], object]) -> Steps[None]:
        """Writes all, and has `then` ask for what is to be known once they are written."""
        statements = [(statement, {"rows": rows_of(each)}) for statement, each in self.logs.items()]

        def send() -> list[psycopg.Cursor[Any]]:
            sent = [connection.execute(*each) for each in statements]
            then()
            return sent

        rows = yield from answers(send)
        self.logged = {
            (shop, key): (number, order) for number, order, shop, key, *_ in (row for each in rows for row in each)
        }
