"""Rows of a round's events in the log, and the facts they tell, written by one statement for all of a kind.

Events of a round have nothing to do with each other, so in which order their rows are written makes no difference.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from engine.facts.pipelines import Steps, answers
from engine.facts.rows import Row, rows_of

_LOG = """
with told as materialized (
    select nextval(pg_get_serial_sequence('events', 'id')) as id, {order} as order_id, t.*
      from jsonb_to_recordset(%(rows)s::jsonb) as t (
               shop bigint, shop_key text, key text, kind text, customer bigint, "order" bigint, at timestamptz,
               data jsonb, recorded timestamptz{columns})
), logged as (
    insert into events (id, shop_id, key, kind, customer_id, order_id, at, data, recorded_at)
    select id, shop, key, kind, customer, order_id, at, data, recorded from told
), bumped as (
    update customers c set fact_version = c.fact_version + 1 from told t where c.id = t.customer
), settled as (
    update refused_events r set replayed_at = t.recorded
      from told t
     where r.shop = t.shop_key and r.key = t.key and r.replayed_at is null
){parts}
select id, order_id, shop, key {result}
"""


def log_with(columns: str, parts: str, *, order: str = '"order"', result: str = "from told") -> str:
    """A statement that writes events' rows in the log, raises the versions of the customers' facts, and writes more.

    Of each customer there is one event. Numbers are given in the order of the events. An event that is in the log
    already makes it fail.

    Args:
        columns: more columns of `rows`, with their types.
        parts: more parts of its `with`, which read `told`: `rows` with their numbers in the log and of their orders.
        order: our number of the order.
        result: whence the rows come that are written, with what else is to be asked of them.
    """
    return _LOG.format(columns=f", {columns}", order=order, parts=parts, result=result)


LOG = _LOG.format(columns="", order='"order"', parts="", result="from told")


class Collided(Exception):  # noqa: N818 - not an error of the program: the event is told again
    """Another transaction has told the same event since it was looked for: this one must be undone."""


@contextmanager
def collisions() -> Iterator[None]:
    """Tells that the log has an event already by `Collided`."""
    try:
        yield
    except psycopg.errors.UniqueViolation as error:
        if error.diag.table_name != "events":
            raise
        raise Collided(error.diag.constraint_name) from error


@dataclass
class Gathering:
    """The rows that events of a round write in the log, by the statement that writes them."""

    logs: dict[str, list[Row]] = field(default_factory=dict)
    logged: Mapping[tuple[int, str], tuple[int, int | None]] = field(default_factory=dict)
    """The log's numbers and those of the orders by shop and key, once written."""

    def log(self, row: Row, statement: str) -> None:
        """Adds an event's row; the statement gives the numbers of it and its order, its shop and its key."""
        self.logs.setdefault(statement, []).append(row)

    def writing(self, connection: psycopg.Connection[Any], then: Callable[[], object]) -> Steps[None]:
        """Writes all, and has `then` ask for what is to be known once they are written.

        Raises:
            Collided: another transaction has told one of them of another customer meanwhile.
        """
        statements = [(statement, {"rows": rows_of(each)}) for statement, each in self.logs.items()]

        def send() -> list[psycopg.Cursor[Any]]:
            sent = [connection.execute(*each) for each in statements]
            then()
            return sent

        with collisions():
            rows = yield from answers(send)
        self.logged = {
            (shop, key): (number, order) for number, order, shop, key, *_ in (row for each in rows for row in each)
        }
