"""Rows of a round's events in the log, and the facts they tell, written by a few statements for all of a kind.

Statements are plain ones, sent without waiting: parts of one `with` cost a single event twice as much.

Events of a round have nothing to do with each other, so in which order their rows are written makes no difference.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from engine.facts.pipelines import Steps, answers
from engine.facts.rows import Row, ids_of, rows_of

_COLUMNS = """
shop bigint, shop_key text, key text, kind text, customer bigint, "order" bigint, number text, at timestamptz,
data jsonb, recorded timestamptz"""
# Numbers are given in the order of the events; an order that comes with its event has its number by then.
LOG = f"""
insert into events (shop_id, key, kind, customer_id, order_id, at, data, recorded_at)
select t.shop, t.key, t.kind, t.customer,
       coalesce(t."order", (select id from orders o where o.shop_id = t.shop and o.number = t.number)), t.at, t.data,
       t.recorded
  from jsonb_to_recordset(%(rows)s::jsonb) as t ({_COLUMNS})
returning id, order_id, shop_id, key
"""  # noqa: S608 -- our own columns
_BUMP = "update customers set fact_version = fact_version + 1 where id = any(%s::bigint[])"
_LOCK_ARRIVALS = """
select pg_advisory_xact_lock(hashtextextended(arrival, 0))
  from (select arrival from unnest(%s::text[]) as t (arrival) order by arrival) as t
"""


def from_rows(statement: str, columns: str = "") -> str:
    """A statement that writes facts of events of one kind: `told` in it are their rows.

    Args:
        statement: the SQL.
        columns: those of the rows beside those of the log, with their types.
    """
    of = f"{_COLUMNS}, {columns}" if columns else _COLUMNS
    return statement.replace("told", f"jsonb_to_recordset(%(rows)s::jsonb) as t ({of})")


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
    """What events of a round write: facts, by the statements that write them, and then their rows in the log."""

    rows: dict[tuple[str, ...], list[Row]] = field(default_factory=dict)
    logged: Mapping[tuple[int, str], tuple[int, int | None]] = field(default_factory=dict)
    """The log's numbers and those of the orders by shop and key, once written."""

    def add(self, row: Row, facts: tuple[str, ...] = ()) -> None:
        """Adds an event with the statements that write its facts, see `from_rows`."""
        self.rows.setdefault(facts, []).append(row)

    def writing(
        self, connection: psycopg.Connection[Any], arrived: Iterable[str] = (), then: Callable[[], object] | None = None
    ) -> Steps[None]:
        """Writes all, raises the versions of the customers' facts, and locks what has arrived.

        Args:
            connection: in a transaction.
            arrived: the orders and cases that become known.
            then: asks for what is to be known once all is written.

        Raises:
            Collided: another transaction has told one of them of another customer meanwhile.
        """
        groups = [(facts, {"rows": rows_of(rows)}) for facts, rows in self.rows.items()]
        customers = [row["customer"] for rows in self.rows.values() for row in rows]
        known = list(arrived)

        def send() -> list[psycopg.Cursor[Any]]:
            logs = []
            for facts, rows in groups:
                for statement in facts:
                    connection.execute(statement, rows)
                logs.append(connection.execute(LOG, rows))
            if customers:
                connection.execute(_BUMP, (ids_of(customers),))
            if known:
                connection.execute(_LOCK_ARRIVALS, (known,))
            if then is not None:
                then()
            return logs

        with collisions():
            found = yield from answers(send)
        self.logged = {(shop, key): (number, order) for rows in found for number, order, shop, key in rows}
