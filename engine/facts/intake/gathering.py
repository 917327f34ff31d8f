"""Rows of a round's events in the log, and the facts they tell, written by a few statements for all of a kind.

Statements are plain ones, sent without waiting.

Events of a round have nothing to do with each other, so in which order their rows are written makes no difference.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import psycopg

from engine.facts.rows import Row, ids_of, rows_of

_COLUMNS = """
id bigint, shop bigint, shop_key text, key text, kind text, customer bigint, "order" bigint, number text,
at timestamptz, data jsonb, recorded timestamptz"""
LOG = f"""
insert into events (id, shop_id, key, kind, customer_id, order_id, at, data, recorded_at)
select t.id, t.shop, t.key, t.kind, t.customer, t."order", t.at, t.data, t.recorded
  from jsonb_to_recordset(%(rows)s::jsonb) as t ({_COLUMNS})
"""  # noqa: S608 -- our own columns
_RAISE = "update customers set fact_version = fact_version + %s where id = any(%s::bigint[])"


def from_rows(statement: str, columns: str = "") -> str:
    """A statement that writes facts of events of one kind: `told` in it are their rows.

    Args:
        statement: the SQL.
        columns: those of the rows beside those of the log, with their types.
    """
    of = f"{_COLUMNS}, {columns}" if columns else _COLUMNS
    return statement.replace("told", f"jsonb_to_recordset(%(rows)s::jsonb) as t ({of})")


@dataclass
class Gathering:
    """What events of a round write: facts, by the statements that write them, and then their rows in the log."""

    rows: dict[tuple[str, ...], list[Row]] = field(default_factory=dict)

    def add(self, row: Row, facts: tuple[str, ...] = ()) -> None:
        """Adds an event with the statements that write its facts, see `from_rows`."""
        self.rows.setdefault(facts, []).append(row)

    def write(self, connection: psycopg.Connection[Any], raised: Collection[int] = ()) -> None:
        """Writes all, and raises the versions of the customers' facts.

        In a pipeline nothing is waited for: it is an error of what comes later if the log has an event by now.

        Args:
            connection: in a transaction.
            raised: customers whose versions are raised already; of whom nothing is written they go back.

        Raises:
            psycopg.errors.UniqueViolation: another transaction has told one of them of another customer meanwhile.
        """
        for facts, own in self.rows.items():
            rows = {"rows": rows_of(own)}
            for statement in (*facts, LOG):
                connection.execute(statement, rows)
        customers = {row["customer"] for own in self.rows.values() for row in own}
        for step, those in ((1, customers - {*raised}), (-1, {*raised} - customers)):
            if those:
                connection.execute(_RAISE, (step, ids_of(those)))
